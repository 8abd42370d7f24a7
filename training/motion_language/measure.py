"""The ``language`` command: what the language model and its baselines make of held-out captions, beside floors,
and what they obey."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tyro

from crossbody.errors import CrossbodyError
from crossbody.runs import write_atomic

if TYPE_CHECKING:
    import numpy as np

    from agents.humanoid_vla.speech import Speech
    from envs.humanoid.motions.packed import Clip
    from training.motion_language.clips import Numbered

FLOORS = ("real", "other", "right_kind", "still", "jitter")
JITTER_M = 0.010
BATCH = 96


@dataclass(frozen=True)
class Arguments:
    """Measure models of motion on the held-out test set: sets, texts, feet, lengths, conditions.
    Every row is a folder that `report` reads."""

    data: Path | None = None
    """A pack that `crossbody motions pack` wrote; by default the procedural motions are made here, once,
    and kept in the cache."""
    clips: int = 200
    """Motions of every kind to take from it: the test set is every fifth of the first 160,
    other real motions are the rest."""
    kinds: int = 32
    """Test motions of every kind."""
    tokens: Path | None = None
    """Motion tokens; by default what ships."""
    language: Path | None = None
    """The language model; by default what ships."""
    mdm: Path | None = None
    """MDM; by default what ships."""
    t2m_gpt: Path | None = None
    """T2M-GPT; by default what ships."""
    also: tuple[str, ...] = ()
    """More language models on the same tokens, as name=DIR: the stages of Table 4."""
    rows: tuple[str, ...] = ()
    """Only these rows; by default all: real, other, right_kind, still, jitter, codes, whole_codes, mdm, mdm_given,
    t2m_gpt, t2m_gpt_given, humanoid_vla, humanoid_vla_given and those of --also."""
    questions: int = 96
    """Questions of each condition; 0 leaves the conditions out."""
    temperature: float = 0.7
    """Of the language model's draws."""
    seed: int = 0
    """Of captions, draws, pools and halves."""
    out: Path = Path("runs/language")
    """Folder of the results."""


@dataclass(frozen=True)
class Row:
    """A system's motions on the test captions."""

    name: str
    points: list[np.ndarray]
    cpu_s: float


@dataclass(frozen=True)
class Test:
    """The test motions, one caption each, and the clips that are not among them."""

    clips: list[Clip]
    captions: list[str]
    rest: list[Clip]

    @property
    def frames(self) -> list[int]:
        return [len(c.points) for c in self.clips]


def main(argv: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    from crossbody.options import check_options

    check_options(argv, Arguments)
    given = tyro.cli(Arguments, args=list(argv), prog="crossbody language", description=Arguments.__doc__)
    from training.motion_language import results

    test = _test(given)
    known = _systems(given)
    wrong = [name for name in given.rows if name not in known]
    if wrong:
        raise CrossbodyError(f"there is no row '{wrong[0]}'; there are: {', '.join(known)}.")
    _write_motions(given.out / "real", [c.points for c in test.clips], test)
    table = []
    for name in given.rows or known:
        began = time.process_time()
        row = Row(name, known[name](test), time.process_time() - began)
        table.append(_scored(given, row, test))
        print(_line(table[-1]), flush=True)
    found: dict[str, Any] = {"rows": table, "captions": len(test.captions), "seed": given.seed}
    if given.questions:
        found |= _asked(given, test)
    write_atomic(given.out / "measured.json", json.dumps(found, indent=1).encode())
    write_atomic(given.out / "measured.md", results.text(found).encode())
    print(f"written to {given.out}")
    return 0


def _test(given: Arguments) -> Test:
    from crossbody.seeds import generator
    from training.motion_language.clips import open_clips, split
    from training.motion_language.coding import trained_captions

    clips, held = split(open_clips(given.data, given.clips))
    by_kind: dict[str, list[Clip]] = {}
    for clip in held:
        if trained_captions(clip.texts):
            by_kind.setdefault(clip.kind, []).append(clip)
    chosen = [c for found in by_kind.values() for c in found[: given.kinds]]
    rng = generator(given.seed, "language/captions")
    captions = [told[rng.integers(len(told))] for told in (trained_captions(c.texts) for c in chosen)]
    return Test(chosen, captions, clips)


def _systems(given: Arguments) -> dict[str, Callable[[Test], list[np.ndarray]]]:
    """Return row -> what makes its motions; weights are opened when a row is made."""
    found: dict[str, Callable[[Test], list[np.ndarray]]] = {
        name: lambda test, name=name: list(_floor(name, test, given.seed)) for name in FLOORS
    }
    found["codes"] = lambda test: _codes(given, test, whole=False)
    found["whole_codes"] = lambda test: _codes(given, test, whole=True)
    for length in ("own", "given"):
        suffix = "" if length == "own" else "_given"
        found[f"mdm{suffix}"] = lambda test, length=length: _baseline("mdm", given, test, length)
        found[f"t2m_gpt{suffix}"] = lambda test, length=length: _baseline("t2m_gpt", given, test, length)
        found[f"humanoid_vla{suffix}"] = lambda test, length=length: _told(given, given.language, test, length)
    for text in given.also:
        name, _, folder = text.partition("=")
        if not folder:
            raise CrossbodyError(f"--also is '{text}'; expected name=DIR, such as low_only=runs/train/low_only")
        found[name] = lambda test, folder=folder: _told(given, Path(folder), test, "own")
    return found


def _floor(name: str, test: Test, seed: int) -> Iterator[np.ndarray]:
    """Motions that no model made."""
    import numpy as np

    from crossbody.seeds import generator

    rng = generator(seed, f"language/{name}")
    for clip in test.clips:
        if name == "still":
            yield np.repeat(clip.points[:1], len(clip.points), 0)
        elif name == "jitter":
            yield clip.points + rng.normal(0, JITTER_M, clip.points.shape)
        elif name == "real":
            yield clip.points
        else:
            others = [c for c in test.rest if name == "other" or c.kind == clip.kind]
            yield others[rng.integers(len(others))].points


def _codes(given: Arguments, test: Test, whole: bool) -> list[np.ndarray]:
    """The test motions as tokens and back: what no model of these tokens can exceed."""
    import torch

    from agents.humanoid_vla.tokens import load_tokens
    from agents.t2m_gpt.network import SHIPPED, load_gpt
    from tasks.motion import parts

    if not whole:
        net, _ = load_tokens(*([given.tokens] if given.tokens else []))
        return [net.points_of(net.codes_of(c.points)) for c in test.clips]
    tokens = load_gpt(given.t2m_gpt or SHIPPED)[0].tokens
    size, found = tokens.sizes.frames_per_code, []
    with torch.inference_mode():
        for clip in test.clips:
            numbers = parts.encode(clip.points[: len(clip.points) // size * size])
            found.append(parts.decode(tokens.decode(tokens.encode(torch.from_numpy(numbers)[None]))[0].numpy()))
    return found


def _baseline(name: str, given: Arguments, test: Test, length: str) -> list[np.ndarray]:
    from crossbody import catalog

    module = catalog.module_of("generators", name)
    made = module.make_generator(module.GeneratorOptions(weights=getattr(given, name)), "motion")
    longest = made.net.sizes.frames if name == "mdm" else made.net.sizes.longest * made.net.sizes.codes.frames_per_code
    frames = [min(n, longest) if length == "given" else None for n in test.frames]
    found = []
    for start in range(0, len(test.captions), BATCH):
        rows = slice(start, start + BATCH)
        found += made.many(test.captions[rows], frames[rows], given.seed + start)
    return found


def _told(given: Arguments, folder: Path | None, test: Test, length: str) -> list[np.ndarray]:
    from agents.humanoid_vla.sampling import Wish, motions
    from agents.humanoid_vla.speech import open_speech
    from agents.humanoid_vla.templates import sub_task
    from training.motion_language.questions import text_prompt

    speech, task = open_speech(folder, given.tokens), sub_task("d")
    whole = speech.writer.frames_per_code
    steps = [max(1, round(n / whole)) if length == "given" else None for n in test.frames]
    wishes = [Wish(text_prompt(speech, task, c), n) for c, n in zip(test.captions, steps, strict=True)]
    return [speech.tokens.points_of(c) for c in motions(speech.model, wishes, given.seed, given.temperature)]


def _write_motions(folder: Path, points: Sequence[np.ndarray], test: Test) -> None:
    from tasks.motion.arrays import from_positions
    from tasks.motion.parts import FPS
    from tasks.motion.store import save

    folder.mkdir(parents=True, exist_ok=True)
    for clip, found in zip(test.clips, points, strict=True):
        save(from_positions(clip.name.replace("/", "-"), found, FPS), folder / f"{clip.name.replace('/', '-')}.npz")
    lines = [f"{c.name.replace('/', '-')}\t{text}" for c, text in zip(test.clips, test.captions, strict=True)]
    write_atomic(folder.parent / "texts.tsv", ("\n".join(lines) + "\n").encode())


def _scored(given: Arguments, row: Row, test: Test) -> dict[str, Any]:
    """Write a row's motions, score them against the real ones, and return what the table shows."""
    import contextlib
    import io

    import numpy as np

    from evaluators.scoring.motion import score
    from tasks.motion.parts import FPS

    folder = given.out / row.name
    _write_motions(folder / "motions", row.points, test)
    _draw(folder / "strip.jpg", row, test)
    write_atomic(folder / "texts.tsv", (given.out / "texts.tsv").read_bytes())
    told = [
        "--pred",
        folder / "motions",
        "--ref",
        given.out / "real",
        "--text",
        folder / "texts.tsv",
        "--unpaired",
        "--seed",
        given.seed,
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        score([*map(str, told), "--out", str(folder / "score")])
    lines = [json.loads(line) for line in (folder / "score" / "table.jsonl").read_text().splitlines()]
    values = {
        line["metric"]: (line["value"], line["low"], line["high"])
        for line in lines
        if line["system"] == "prediction" and line.get("weighting") != "frames"
    }
    off = np.abs([len(p) - n for p, n in zip(row.points, test.frames, strict=True)]) / FPS
    return {
        "row": row.name,
        "n": len(row.points),
        "cpu_s": round(row.cpu_s, 1),
        "length_error_s": float(off.mean()),
        "mean_s": float(np.mean([len(p) for p in row.points]) / FPS),
        "metrics": values,
    }


def _draw(file: Path, row: Row, test: Test) -> None:
    """Draw the motion at the third place of every kind: chosen before it was seen."""
    from training.motion_language import strips

    kinds = list(dict.fromkeys(c.kind for c in test.clips))
    chosen = [[i for i, c in enumerate(test.clips) if c.kind == kind][:3][-1] for kind in kinds]
    strips.write([row.points[i] for i in chosen], [f"{test.clips[i].kind}: {test.captions[i]}" for i in chosen], file)


SHOWN = (
    "fid_matcher",
    "fid_halves_matcher",
    "diversity_matcher",
    "r_precision_top1_matcher",
    "r_precision_top3_matcher",
)


def _line(row: dict[str, Any]) -> str:
    told = [
        f"{name.removesuffix('_matcher')} {row['metrics'][name][0]:.3f}" for name in SHOWN if name in row["metrics"]
    ]
    return f"{row['row']}: {', '.join(told)}, {row['length_error_s']:.2f} s off, {row['cpu_s']:.0f} CPU-s"


def _asked(given: Arguments, test: Test) -> dict[str, Any]:
    """Return how far conditions are obeyed, how motions are read, and the captions that are said of them."""
    from agents.humanoid_vla.speech import open_speech
    from training.motion_language.clips import numbered
    from training.motion_language.questions import conditions, reading, versions

    speech = open_speech(given.language, given.tokens)
    clips = numbered(test.clips)
    codes = versions(speech, clips)
    obeyed = conditions(speech, codes, given.questions, given.seed, given.temperature)
    read = reading(speech, codes, given.questions, given.seed)
    return {
        "conditions": [asdict(o) for o in obeyed],
        "reading": [asdict(r) for r in read],
        "said": _said(given, speech, clips, codes),
    }


def _said(given: Arguments, speech: Speech, clips: Numbered, codes: list) -> dict[str, Any]:
    """R-precision of the model's captions against the motions, beside the true captions'."""
    import numpy as np

    from crossbody.seeds import generator
    from evaluators.backbones.motion.matcher import load
    from evaluators.scoring.motions.rows import REPLICATIONS
    from evaluators.subjects.motion import MotionClip
    from evaluators.subjects.motion_sets import POOL, ranks
    from tasks.motion.parts import FPS
    from training.motion_language.questions import captions_said

    said = captions_said(speech, codes, given.seed)
    names = [c.name for c in clips.clips]
    motions = load().motions("real", names, [MotionClip(c.points, FPS) for c in clips.clips])
    found = {"examples": dict(zip(names[:: max(1, len(names) // 12)], said[:: max(1, len(said) // 12)], strict=True))}
    if len(said) < POOL:
        return found
    for who, told in (("model", [s or "nothing" for s in said]), ("true", [c.captions[0] for c in codes])):
        texts = load().texts(names, told)
        drawn = [
            np.asarray(ranks(np.asarray(texts), motions, POOL, generator(i, "language/said")))
            for i in range(REPLICATIONS)
        ]
        found[who] = {f"top{k}": float(np.mean([(d < k).mean() for d in drawn])) for k in (1, 3)}
    return found
