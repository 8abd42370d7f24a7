"""Asking the language model about held-out clips in batches, and how far it obeys each condition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agents.humanoid_vla import sampling
from agents.humanoid_vla.prompts import Given
from agents.humanoid_vla.sampling import Wish
from agents.humanoid_vla.speech import Speech
from agents.humanoid_vla.templates import SubTask, sub_task
from crossbody.seeds import generator
from tasks.motion import parts
from training.motion_language.coding import coded
from training.motion_language.corpus import Asker, Coded, Question


@dataclass(frozen=True)
class Obeyed:
    """How far a condition was obeyed: a mean with its interval, beside what ignoring it gives."""

    condition: str
    measure: str
    value: float
    half_width: float  # of the 95 % interval
    floor: float
    floor_half_width: float
    floor_is: str
    n: int
    forced: bool  # what the sampler did not leave to the model


def versions(speech: Speech, clips) -> list[Coded]:
    """Return the straight versions of held-out clips as codes."""
    return [found[0] for found in coded(speech.tokens, clips)]


def asked(speech: Speech, clips: Sequence[Coded], task: str, count: int, seed: int) -> list[Question]:
    """Return questions of a sub-task about ``count`` clips, spread evenly over them."""
    asker = Asker(speech.writer)
    rows = np.linspace(0, len(clips) - 1, min(count, len(clips))).astype(int)
    return [asker.ask(generator(seed, f"{task}/{row}"), sub_task(task), clips[row]) for row in rows]


def prompts(speech: Speech, questions: Sequence[Question]) -> list[list[int]]:
    """Return the questions' prompts."""
    return [speech.writer.prompt(q.task, q.wording, q.given) for q in questions]


def text_prompt(speech: Speech, task: SubTask, caption: str) -> list[int]:
    """Return the prompt of a caption."""
    return speech.writer.prompt(task, task.wordings[0], Given({"caption": caption}))


def conditions(speech: Speech, clips: Sequence[Coded], count: int, seed: int, temperature: float) -> list[Obeyed]:
    """Return how far every kind of condition is obeyed, unforced, and forced where the sampler can."""

    def answers(questions: Sequence[Question], forced: bool = False) -> list[np.ndarray]:
        wishes = [
            Wish(p, *(_forced(q) if forced else ())) for p, q in zip(prompts(speech, questions), questions, strict=True)
        ]
        return sampling.motions(speech.model, wishes, seed, temperature)

    found = []
    for unit in ("frames", "seconds"):
        questions = [q for q in asked(speech, clips, f"t.{unit}", 2 * count, seed) if "{time}" in q.wording]
        found.append(_time(speech, f"time in {unit}", questions, answers(questions), False))
    found.append(_time(speech, "time in seconds", questions, answers(questions, True), True))
    for which in ("first", "last"):
        questions = asked(speech, clips, f"s.{which}", count, seed)
        found.append(_state(speech, which, questions, answers(questions)))
    for track in parts.TRACKS:
        questions = asked(speech, clips, f"k.{track}", count, seed)
        found.append(_track(speech, track, questions, answers(questions)))
    questions = [q for p in parts.PARTS for q in asked(speech, clips, f"o.{p}", -(-count // len(parts.PARTS)), seed)]
    for forced in (False, True):
        made = answers(questions, forced)
        found += [_kept(questions, made, forced), _absent(speech, questions, made, forced)]
    return found


def _forced(question: Question) -> tuple[int, dict[tuple[int, int], int]]:
    """The length of the true motion, and the codes that an occluded one shows."""
    kept = {}
    if question.task.part:
        shown = [i for i, part in enumerate(parts.PARTS) if part != question.task.part]
        kept = {(n, i): int(row[i]) for n, row in enumerate(question.steps) for i in shown}
    return len(question.steps), kept


def _time(speech: Speech, name: str, questions: Sequence[Question], made: Sequence[np.ndarray], forced: bool) -> Obeyed:
    seconds = speech.writer.frames_per_code / parts.FPS
    lengths = np.array([len(m) * seconds for m in made])
    wanted = np.array([q.frames / parts.FPS for q in questions])
    other = np.roll([len(q.steps) * seconds for q in questions], 1)
    return _obeyed(
        name, "seconds off", np.abs(lengths - wanted), (np.abs(other - wanted), "another clip's length"), forced
    )


def _state(speech: Speech, which: str, questions: Sequence[Question], made: Sequence[np.ndarray]) -> Obeyed:
    frames = (
        slice(0, speech.writer.frames_per_code) if which == "first" else slice(-speech.writer.frames_per_code, None)
    )
    true = [_pose(speech, q.steps, frames) for q in questions]
    off = [_mm(_pose(speech, m, frames), t) for m, t in zip(made, true, strict=True)]
    floor = [_mm(o, t) for o, t in zip([*true[1:], true[0]], true, strict=True)]
    return _obeyed(
        f"{which} state", "mm off, from the pelvis", np.array(off), (np.array(floor), "another clip's"), False
    )


def _track(speech: Speech, track: str, questions: Sequence[Question], made: Sequence[np.ndarray]) -> Obeyed:
    joint, off, still = parts.TRACKED[track], [], []
    for question, codes in zip(questions, made, strict=True):
        true, got = (speech.tokens.points_of(c)[:, joint] for c in (question.steps, codes))
        n = min(len(true), len(got))
        off.append(np.linalg.norm(true[:n] - got[:n], axis=-1).mean() * 1e3)
        still.append(np.linalg.norm(true[:n] - true[:1], axis=-1).mean() * 1e3)
    return _obeyed(
        f"track of the {track.replace('_', ' ')}", "mm off", np.array(off), (np.array(still), "standing still"), False
    )


def _kept(questions: Sequence[Question], made: Sequence[np.ndarray], forced: bool) -> Obeyed:
    shares, others = [], []
    for question, codes, other in zip(questions, made, [*questions[1:], questions[0]], strict=True):
        shown = [i for i, part in enumerate(parts.PARTS) if part != question.task.part]
        shares.append(_same(codes, question.steps, shown))
        others.append(_same(other.steps, question.steps, shown))
    return _obeyed(
        "occlusion",
        "share of the given codes repeated",
        np.array(shares),
        (np.array(others), "another clip's codes"),
        forced,
    )


def _same(codes: np.ndarray, steps: np.ndarray, shown: list[int]) -> float:
    """The share of given codes that stand where they were given; steps that are missing count as wrong."""
    n = min(len(codes), len(steps))
    return float((codes[:n][:, shown] == steps[:n][:, shown]).sum() / steps[:, shown].size)


def _absent(speech: Speech, questions: Sequence[Question], made: Sequence[np.ndarray], forced: bool) -> Obeyed:
    off, held = [], []
    for question, codes in zip(questions, made, strict=True):
        joints = list(parts.JOINTS[question.task.part])
        true, got = (_from_pelvis(speech.tokens.points_of(c))[:, joints] for c in (question.steps, codes))
        n = min(len(true), len(got))
        off.append(np.linalg.norm(true[:n] - got[:n], axis=-1).mean() * 1e3)
        held.append(np.linalg.norm(true[:n] - true[:1], axis=-1).mean() * 1e3)
    return _obeyed(
        "occlusion", "mm off in the absent part", np.array(off), (np.array(held), "held at its first pose"), forced
    )


def _pose(speech: Speech, codes: np.ndarray, frames: slice) -> np.ndarray:
    return _from_pelvis(speech.tokens.points_of(codes))[frames]


def _from_pelvis(points: np.ndarray) -> np.ndarray:
    """Points from the pelvis, in the frame that the hips face in each frame."""
    local = parts.places(parts.encode(points))
    return local - local[:, :1]


def _mm(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.linalg.norm(one - other, axis=-1).mean() * 1e3)


def _obeyed(name: str, measure: str, values: np.ndarray, floor: tuple[np.ndarray, str], forced: bool) -> Obeyed:
    others, told = floor
    return Obeyed(
        name,
        measure,
        float(values.mean()),
        _half_width(values),
        float(others.mean()),
        _half_width(others),
        told,
        len(values),
        forced,
    )


def _half_width(values: np.ndarray) -> float:
    return float(1.96 * values.std(ddof=1) / np.sqrt(len(values)))


@dataclass(frozen=True)
class Read:
    """How well a family of questions about motions is answered."""

    family: str
    measure: str
    value: float
    half_width: float
    n: int


def reading(speech: Speech, clips: Sequence[Coded], count: int, seed: int) -> list[Read]:
    """Return how well length, states and tracks are read off motions (Motion -> …)."""
    found = []
    for unit in ("frames", "seconds"):
        questions = asked(speech, clips, f"mt.{unit}", count, seed)
        said = sampling.sentences(speech.model, prompts(speech, questions), seed)
        wanted = [len(q.steps) * speech.writer.frames_per_code / parts.FPS for q in questions]
        off = [abs(_seconds(s, unit) - w) for s, w in zip(said, wanted, strict=True)]
        found.append(_read(f"time in {unit}", "seconds off", off))
    for which in ("first", "last"):
        questions = asked(speech, clips, f"ms.{which}", count, seed)
        states = sampling.states(speech.model, prompts(speech, questions), seed)
        right = [(s == q.steps[0 if which == "first" else -1]).mean() for s, q in zip(states, questions, strict=True)]
        found.append(_read(f"{which} state", "share of its codes", right))
    for n, track in enumerate(parts.TRACKS):
        questions = asked(speech, clips, f"mk.{track}", count, seed)
        tracks = sampling.tracks(speech.model, prompts(speech, questions), track, seed)
        right = [_share(t, q.tracks[:, n]) for t, q in zip(tracks, questions, strict=True)]
        found.append(_read(f"track of the {track.replace('_', ' ')}", "share of its codes", right))
    return found


def captions_said(speech: Speech, clips: Sequence[Coded], seed: int) -> list[str]:
    """Return what the model says of every clip."""
    questions = asked(speech, clips, "c", len(clips), seed)
    return sampling.sentences(speech.model, prompts(speech, questions), seed)


def _share(codes: np.ndarray, wanted: np.ndarray) -> float:
    n = min(len(codes), len(wanted))
    return float((codes[:n] == wanted[:n]).sum() / max(len(codes), len(wanted)))


def _seconds(said: str, unit: str) -> float:
    """The length that a sentence names, in seconds; a sentence without a number names none."""
    digits = "".join(c for c in said if c.isdigit() or c == ".").strip(".")
    try:
        return float(digits) / (parts.FPS if unit == "frames" else 1)
    except ValueError:
        return 0.0


def _read(family: str, measure: str, values: Sequence[float]) -> Read:
    v = np.asarray(values, float)
    return Read(family, measure, float(v.mean()), _half_width(v), len(v))
