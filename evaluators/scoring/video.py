"""PSNR, SSIM, LPIPS, FVD and EPE of predicted clips against real ones."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import tyro

from crossbody.errors import CrossbodyError, UnknownName

if TYPE_CHECKING:
    from evaluators.metric import Metric
    from evaluators.scoring.videos.measuring import Measured, Options
    from evaluators.scoring.videos.pairing import ClipFiles
    from evaluators.scoring.videos.rows import VideoSetRow
    from evaluators.subjects.video import FlowOracle

SUBJECTS = ("video_pair", "video_sets")
SLOW = ("lpips_vgg",)
"""Left out unless named: it takes fifty times as long as lpips_alex."""


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Score predicted clips against real ones of the same names: mp4, mov, webm, mkv, avi, gif, npy (t, h, w, 3),
    or folders of png or jpg pictures."""

    pred: Path
    """Folder of the predicted clips."""
    ref: Path
    """Folder of the real clips."""
    metrics: tuple[str, ...] = ()
    """Which metrics (`crossbody list metrics`); by default all but the slow lpips_vgg."""
    align: tuple[Literal["fps", "length", "size"], ...] = ()
    """What to make equal where clips differ: the frame times and the size of the prediction, the length of both.
    It stands in every row."""
    given: int = 0
    """Frames at the start that the model was shown: they are not scored,
    and the last one is what the still row repeats."""
    fps: float | None = None
    """Frame rate of clips that do not say theirs (npy, png)."""
    flow: tuple[str, ...] = ("dis",)
    """What EPE looks through: dis, or raft:FILE with the user's weights (raft alone: those of $CROSSBODY_RAFT),
    or both."""
    device: str = "cpu"
    """Where networks run: cpu, cuda, cuda:1, …"""
    workers: int | None = None
    """Clips at once; by default one per core. It never changes a result."""
    seed: int = 0
    """Of what is drawn: the halves of the real clips, the groups of the intervals."""
    out: Path | None = None
    """Folder of the results; by default runs/<time>-score-video."""


def score(argv: Sequence[str]) -> int:
    """Run the command and return its exit code: 0, or 1 when clips or the value of a metric that was named are
    missing."""
    from crossbody.options import check_options

    check_options(argv, Arguments)
    given = tyro.cli(Arguments, args=list(argv), prog="crossbody score video", description=Arguments.__doc__)
    return _score(given, ("crossbody", "score", "video", *argv))


def _score(arguments: Arguments, command: tuple[str, ...]) -> int:
    from rich.console import Console

    from evaluators.scoring import folder
    from evaluators.scoring.tables import console_table, exit_code, markdown, notes
    from evaluators.scoring.videos.measuring import VideoClipRow
    from evaluators.scoring.videos.pairing import pair_up
    from evaluators.scoring.videos.rows import VideoSetRow
    from evaluators.subjects.systems import PREDICTION

    options = _options(arguments)
    metrics = _chosen(arguments.metrics, _flows(arguments))
    out = folder.new(arguments, "video")
    pairs = pair_up(arguments.pred, arguments.ref, options.align, options.fps)
    console = Console(highlight=False)
    measured, rows = run(pairs, metrics, options, arguments.seed, console)
    facts = [*_facts(rows, pairs), *_beside(arguments, pairs, options.fps)]
    page = markdown("Video scores with 95 % intervals", facts, rows)
    told = {"options": asdict(replace(options, fps=arguments.fps)), "flow": arguments.flow}
    made = folder.manifest(arguments, "video", command, **told)
    folder.write(out, (VideoClipRow, measured.rows), (VideoSetRow, rows), page, made)
    console.print(*facts, sep="\n", soft_wrap=True)
    console.print(console_table("Scores with 95 % intervals", rows))
    for note in notes(rows):
        console.print(f"· {note}", soft_wrap=True)
    console.print(f"written to {out}", soft_wrap=True)
    return exit_code(rows, PREDICTION, named=bool(arguments.metrics))


def run(
    pairs: Sequence[ClipFiles], metrics: Mapping[str, Metric], options: Options, seed: int, console: Any
) -> tuple[Measured, list[VideoSetRow]]:
    """Return what was measured of each clip and of the set: predictions, the still row, real against real."""
    from crossbody.seeds import generator
    from evaluators.scoring.means import halves
    from evaluators.scoring.videos.measuring import absent_backbones, measure, measure_real
    from evaluators.scoring.videos.rows import set_rows

    absent = absent_backbones(metrics)
    present = {name: metric for name, metric in metrics.items() if name not in absent}
    real = [p for p in pairs if not p.reason]
    others = halves(real, seed)
    with _bar(console) as bar:
        task = bar.add_task("clips", total=len(pairs))
        measured = measure(pairs, present, options, lambda done, _: bar.update(task, completed=done))
        task = bar.add_task("real against real", total=len(others))
        measured.rows += measure_real(others, present, options, lambda done, _: bar.update(task, completed=done)).rows
    names = [(a.name, b.name) for a, b in others]
    return measured, set_rows(measured, metrics, absent, names, options, generator(seed, "score/groups"))


def _flows(arguments: Arguments) -> dict[str, FlowOracle]:
    from evaluators.backbones.video.flow import oracle

    kinds = [given.partition(":")[0] for given in arguments.flow]
    if len(set(kinds)) < len(kinds):
        raise CrossbodyError(f"--flow {' '.join(arguments.flow)} names one kind twice; their rows would have one name")
    return {kind: oracle(given, arguments.device) for kind, given in zip(kinds, arguments.flow, strict=True)}


def _chosen(names: Sequence[str], flows: Mapping[str, FlowOracle]) -> dict[str, Metric]:
    from evaluators.metric import metrics_of
    from evaluators.metrics.video_pair.motion_error import through

    known = through(metrics_of("video_pair") | metrics_of("video_sets"), flows)
    for name in names:
        if name not in known:
            raise UnknownName("video metric", name, known)
    return {name: metric for name, metric in known.items() if (name in names if names else name not in SLOW)}


def _options(arguments: Arguments) -> Options:
    from evaluators.loop.plan import cores
    from evaluators.scoring.videos.measuring import Options

    for name in ("given", "workers", "fps"):
        value, least = getattr(arguments, name), 0 if name == "given" else 1
        if value is not None and value < least:
            raise CrossbodyError(f"--{name} is {value:g}; it must be at least {least}")
    _check_device(arguments.device)
    align = tuple(a for a in ("fps", "length", "size") if a in arguments.align)
    fps = math.nan if arguments.fps is None else arguments.fps
    return Options(align, arguments.given, fps, arguments.device, arguments.workers or cores())


def _check_device(device: str) -> None:
    import torch

    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).partition("\n")[0]
        raise CrossbodyError(f"--device {device} cannot be used ({reason}); `--device cpu` always can") from error


def _bar(console: Any) -> Any:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _beside(arguments: Arguments, pairs: Sequence[ClipFiles], fps: float) -> list[str]:
    """Return what else a reader must know: a rate that holds for some clips only, and files that are not clips."""
    from evaluators.clips.reading import survey
    from evaluators.scoring.videos.pairing import rate_line

    notes = [str(folder / name) for folder in (arguments.pred, arguments.ref) for name in survey(folder).notes]
    more = f" and {len(notes) - 1} more" if len(notes) > 1 else ""
    return [
        *filter(None, (rate_line(pairs, fps), f"not read, for they are no clips: {notes[0]}{more}" if notes else ""))
    ]


def _facts(rows: Sequence[VideoSetRow], pairs: Sequence[ClipFiles]) -> list[str]:
    first = rows[0]
    facts = [
        f"{len(pairs)} clip{'s' * (len(pairs) > 1)}, {first.resolution or 'unknown size'}, "
        f"{first.frames or 'unknown'} frames, {first.fps or 'unknown'} fps",
        f"given frames, not scored: {first.given}",
        f"aligned: {first.align or 'nothing'}",
        f"still: the {'last given' if first.given else 'first'} frame repeated; "
        "real_vs_real: another real clip, for sets one half of the real clips against the other",
    ]
    seen = {
        r.metric: f"{r.metric} version {r.version}" + (f", {r.backbone}, {r.backbone_version}" if r.backbone else "")
        for r in rows
    }
    return facts + list(seen.values())
