"""MPJPE, velocity and acceleration errors, FID, Diversity, R-precision and more of predicted motions against real
ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from crossbody.errors import CrossbodyError, UnknownName

if TYPE_CHECKING:
    from evaluators.backbones.motion import Embedding
    from evaluators.metric import Metric
    from evaluators.scoring.motions.measuring import MotionClipRow
    from evaluators.scoring.motions.pairing import MotionsOfName
    from evaluators.scoring.motions.rows import Collections, MotionSetRow

OF_TEXTS = ("mm_dist", "r_precision")
"""How the metrics begin that compare motions with their texts."""

SUBJECTS = ("motion_pair", "motion", "motion_sets", "motion_draws")


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Score predicted motions against real ones of the same names: npz, npy of joint positions, bvh,
    archives of clips."""

    pred: Path
    """Folder of the predicted motions."""
    ref: Path
    """Folder of the real motions."""
    text: Path | None = None
    """Texts of the motions: lines `<clip><tab><text>`, a JSON object of clip to text,
    or HumanML3D's folder of texts."""
    embeddings: tuple[Path, ...] = ()
    """Embeddings computed elsewhere, one npz each: pred, pred_names, ref, ref_names and, for R-precision, text,
    text_names."""
    t2m: Path | None = None
    """Folder of text-to-motion with its checkpoints: adds the official evaluator,
    for npy of HumanML3D's 263 features (or $CROSSBODY_T2M)."""
    metrics: tuple[str, ...] = ()
    """Which metrics (`crossbody list metrics`); by default all that motions have."""
    align: tuple[Literal["length"], ...] = ()
    """What to make equal where motions differ: the length, by cutting the end of the longer one.
    It stands in every row."""
    unpaired: bool = False
    """Compare the sets only: names, numbers and lengths may differ, and there is no MPJPE."""
    fps: float | None = None
    """Frame rate of motions that do not say theirs (npy); HumanML3D has 20."""
    up: Literal["y", "z"] | None = None
    """The axis that points up, where it is not the format's (npy of SMPL joints and bvh: y; npz: z)."""
    metres_per_unit: float | None = None
    """Size of the files' unit, where it is not a metre: 0.01 for centimetres."""
    joints: tuple[str, ...] = ()
    """Which joint is which, where a skeleton's names are not known: `<key point>=<joint>`,
    such as left_ankle=Foot_L_Bone."""
    seed: int = 0
    """Of what is drawn: pools and pairs, the halves of the real motions, the groups of the intervals."""
    out: Path | None = None
    """Folder of the results; by default runs/<time>-score-motion."""


def score(argv: Sequence[str]) -> int:
    """Run the command and return its exit code: 0, or 1 when motions or the value of a metric that was named are
    missing."""
    from crossbody.options import check_options

    check_options(argv, Arguments)
    given = tyro.cli(Arguments, args=list(argv), prog="crossbody score motion", description=Arguments.__doc__)
    return _score(given, ("crossbody", "score", "motion", *argv))


def _score(arguments: Arguments, command: tuple[str, ...]) -> int:
    from rich.console import Console

    from evaluators.scoring import folder
    from evaluators.scoring.motions.measuring import MotionClipRow
    from evaluators.scoring.motions.rows import BY_CLIP, MotionSetRow
    from evaluators.scoring.tables import console_table, exit_code, markdown, notes
    from evaluators.subjects.systems import PREDICTION

    metrics = _chosen(arguments)
    out = folder.new(arguments, "motion")
    clips, rows, motions = run(arguments, metrics)
    facts = _facts(rows, motions, metrics)
    page, made = (
        markdown("Motion scores with 95 % intervals", facts, _shown(rows)),
        folder.manifest(arguments, "motion", command),
    )
    folder.write(out, (MotionClipRow, clips), (MotionSetRow, rows), page, made)
    console = Console(highlight=False)
    console.print(*facts, sep="\n", soft_wrap=True)
    printed = [row for row in rows if row.weighting != BY_CLIP]  # the files have both
    console.print(console_table("Scores with 95 % intervals", printed))
    for note in notes(printed):
        console.print(f"· {note}", soft_wrap=True)
    console.print(f"written to {out}", soft_wrap=True)
    return exit_code(rows, PREDICTION, named=bool(arguments.metrics))


def run(
    arguments: Arguments, metrics: Mapping[str, Metric]
) -> tuple[list[MotionClipRow], list[MotionSetRow], Collections]:
    """Return what was measured of each clip and of the sets, and the motions that it was measured on."""
    from evaluators.metric import metrics_of
    from evaluators.scoring.motions.measuring import clip_rows, pair_rows
    from evaluators.scoring.motions.rows import embedded_rows, mean_rows
    from evaluators.subjects.systems import SYSTEMS

    motions, pairs = _collect(arguments)
    of = {kind: [m for m in metrics_of(kind).values() if m.name in metrics] for kind in SUBJECTS}
    real = _other_real(motions, arguments.seed)
    clips = [] if arguments.unpaired else pair_rows(pairs, of["motion_pair"], real)
    clips += clip_rows({system: motions.of(system) for system in SYSTEMS}, of["motion"], motions.lost)
    of_clips = [*([] if arguments.unpaired else of["motion_pair"]), *of["motion"]]
    rows = mean_rows(clips, of_clips, motions, arguments.seed)
    of_sets = [*of["motion_sets"], *of["motion_draws"]]
    for embedding in _embeddings(arguments) if of_sets else ():
        rows += embedded_rows(motions, of_sets, embedding, arguments.seed)
    if not rows:
        raise CrossbodyError(f"{', '.join(metrics)}: it needs texts of the motions. Give them with --text.")
    return clips, rows, motions


def _other_real(motions: Collections, seed: int) -> list[tuple[str, MotionsOfName]]:
    """Return real motions, half of them, as predictions of another real one, each with the other one's name."""
    from evaluators.scoring.means import halves
    from evaluators.scoring.motions.pairing import MotionsOfName

    others = halves(sorted(motions.refs), seed)
    return [(b, MotionsOfName(a, motions.refs[a], motions.refs[b])) for a, b in others]


def _collect(arguments: Arguments) -> tuple[Collections, list[MotionsOfName]]:
    """Return the motions, with why those that cannot be scored are lost, and their pairs."""
    from evaluators.scoring.motions.pairing import check_one_rate, pair_up, usable
    from evaluators.scoring.motions.rows import Collections
    from evaluators.scoring.motions.texts import texts_of
    from evaluators.subjects.systems import PREDICTION, REAL, STILL
    from tasks.motion.foreign import Hints
    from tasks.motion.reading import read_folder

    hints = Hints(arguments.fps, arguments.up, arguments.metres_per_unit, arguments.joints)
    read = [read_folder(folder, hints) for folder in (arguments.pred, arguments.ref)]
    preds, refs = (usable(found) for found in read)
    for side, found, good in (("predicted", read[0], preds), ("real", read[1], refs)):
        if not good:
            count = f"none of the {len(found)} {side} motions" if len(found) > 1 else f"the only {side} motion"
            cannot = "can" if len(found) > 1 else "cannot"
            raise CrossbodyError(f"{count} {cannot} be used. {next(iter(found.values()))}")
    fps = check_one_rate(preds, refs)
    pairs = [] if arguments.unpaired else pair_up(*read, cut="length" in arguments.align)
    lost = [{name: str(motion) for name, motion in found.items() if isinstance(motion, Exception)} for found in read]
    if not arguments.unpaired:
        lost[0] = {p.name: p.reason for p in pairs if p.reason}
    texts = texts_of(arguments.text, preds, refs)
    paired, align = not arguments.unpaired, " ".join(arguments.align)
    motions = Collections(preds, refs, texts, paired, align, fps, {PREDICTION: lost[0], STILL: lost[1], REAL: lost[1]})
    if not motions.names:
        raise CrossbodyError(f"no pair of motions can be used. '{pairs[0].name}': {pairs[0].reason}")
    return motions, pairs


def _embeddings(arguments: Arguments) -> list[Embedding]:
    from evaluators.backbones.motion import given, matcher, t2m
    from evaluators.backbones.motion.kinematic import Kinematic

    shipped = [matcher.load()] if matcher.SHIPPED.is_dir() else []
    folder = t2m.given(arguments.t2m)
    official = [t2m.load(folder, arguments.pred, arguments.ref)] if folder else []
    return [Kinematic(), *shipped, *official, *map(given.load, arguments.embeddings)]


def _chosen(arguments: Arguments) -> dict[str, Metric]:
    from evaluators.metric import metrics_of

    known = {name: metric for kind in SUBJECTS for name, metric in metrics_of(kind).items()}
    for name in arguments.metrics:
        if name not in known:
            raise UnknownName("motion metric", name, known)
        if arguments.unpaired and name in metrics_of("motion_pair"):
            raise CrossbodyError(
                f"{name} compares a prediction with its own reference, and --unpaired says there is none"
            )
    for option in ("fps", "metres_per_unit"):
        value = getattr(arguments, option)
        if value is not None and not 0 < value < float("inf"):
            raise CrossbodyError(f"--{option.replace('_', '-')} is {value:g}; it must be above 0")
    return {name: metric for name, metric in known.items() if not arguments.metrics or name in arguments.metrics}


def _facts(rows: Sequence[MotionSetRow], motions: Collections, metrics: Mapping[str, Metric]) -> list[str]:
    from evaluators.subjects.motion_sets import NO_TEXTS, PAIRS, POOL

    first = rows[0]
    facts = [
        f"{len(motions.names)} predicted and {len(motions.refs)} real motions, {first.frames} frames, {first.fps} fps",
        f"aligned: {first.align or 'nothing'}; {'pairs of one name' if motions.paired else 'sets only'}",
        "still: the reference's first frame repeated; real_vs_real: real motions themselves, for errors "
        "against another real one",
        "errors are means over all frames; the files also have means in which every clip counts once ('by clip')",
        f"drawn 20 times: {PAIRS} pairs for diversity, pools of {POOL} for R-precision, halves; ± 1.96 sd / "
        "√20 as text-to-motion prints",
    ]
    told = [name for name in metrics if name.startswith(OF_TEXTS)]
    if told and not any(row.metric.startswith(OF_TEXTS) for row in rows):
        facts.append(f"R-precision and MM-Dist are left out: {NO_TEXTS.reason}")
    seen = {r.metric: f"{r.metric} version {r.version}" for r in rows}
    through = {r.embedding: f"{r.embedding}: {r.embedding_version}" for r in rows if r.embedding}
    return [*facts, *(f"embedding {text}" for text in through.values()), ", ".join(seen.values())]


def _shown(rows: Sequence[MotionSetRow]) -> list[MotionSetRow]:
    from evaluators.scoring.motions.rows import BY_CLIP

    return [replace(r, metric=f"{r.metric}, by clip") if r.weighting == BY_CLIP else r for r in rows]
