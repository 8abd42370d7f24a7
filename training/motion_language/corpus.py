"""What the language model reads: sub-tasks asked about clips, written once as ids and then drawn in batches of like
length."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch

from agents.humanoid_vla.prompts import Answer, Given, Writer
from agents.humanoid_vla.templates import LENGTHS, SubTask, holes, sub_tasks
from agents.humanoid_vla.vocabulary import PAD, PLACES, Vocabulary
from tasks.motion.parts import TRACKS
from training.loop import Batch, Supply

MIXTURE = {
    "d": 8.0,
    "c": 0.6,
    "o": 2.0,
    "k": 1.2,
    "mk": 0.4,
    "t": 1.0,
    "mt": 0.4,
    "s": 2.0,
    "ms": 0.4,
    "oc": 1.5,
    "kc": 1.0,
    "tc": 2.0,
    "sc": 2.0,
    "st": 1.2,
    "kt": 0.6,
    "skc": 0.6,
    "sk": 0.6,
    "pc": 0.6,
    "ptc": 0.4,
    "stc": 0.8,
}
"""Shares of the families of sub-tasks."""
WINDOWED, LEAST_STEPS = 0.8, 4
"""Share of the questions without a caption that are about a random window, of this many steps or more.

Every procedural clip begins and ends standing: about whole clips, a state and a beginning say nothing."""
GROUP = 8
"""Batches whose questions are drawn together and sorted by length."""
CHUNK = 2048
AT_LEAST, ABOUT = (0.6, 1.0), (0.9, 1.1)


@dataclass(frozen=True, eq=False)
class Coded:
    """One clip, once, as codes; there are others with left and right exchanged, or begun a little later."""

    steps: np.ndarray  # (L, 5)
    tracks: np.ndarray  # (L, 3)
    captions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Question:
    """A sub-task about a clip: what a prompt is written from, and what is known of the answer."""

    task: SubTask
    wording: str
    given: Given
    answer: Answer
    steps: np.ndarray  # (L, 5) the motion that it is about
    tracks: np.ndarray  # (L, 3)
    frames: int  # the length as it was told, where one was


@dataclass(frozen=True)
class Asker:
    """Asks about codes; the same generator asks the same."""

    writer: Writer
    held_out_wordings: bool = False

    def ask(self, rng: np.random.Generator, task: SubTask, coded: Coded) -> Question:
        """Return a question of a sub-task about a clip, or about a window of it."""
        wordings = task.held_out if self.held_out_wordings else task.wordings
        wording = wordings[rng.integers(len(wordings))]
        steps, tracks = _window(rng, task, coded)
        used = holes(wording)
        words, frames = {}, 0
        if "caption" in used or task.output == "caption":
            words["caption"] = coded.captions[rng.integers(len(coded.captions))]
        for name in LENGTHS:
            if name in used:
                frames = self._told(rng, name, len(steps))
                words[name] = self.writer.length(frames, task.unit)
        given = Given(words, {name: self._codes(name, task, steps, tracks) for name in used if name in _CODED})
        return Question(task, wording, given, self._answer(task, steps, tracks, words), steps, tracks, frames)

    def _told(self, rng: np.random.Generator, how: str, steps: int) -> int:
        """Return a length in frames, of which ``steps`` is the nearest whole number,
        or that it exceeds or is near to."""
        whole = self.writer.frames_per_code
        if how == "time":
            return steps * whole + int(rng.integers(-(whole // 2) + 1, whole // 2 + 1))
        return max(1, round(steps * whole * rng.uniform(*(AT_LEAST if how == "at_least" else ABOUT))))

    def _codes(self, name: str, task: SubTask, steps: np.ndarray, tracks: np.ndarray) -> list[int]:
        if name == "occlusion":
            return self.writer.given_occlusion(steps, task.part)
        if name == "track":
            return self.writer.given_track(task.track, tracks[:, list(TRACKS).index(task.track)])
        if name in ("first", "last"):
            return self.writer.given_state(steps[0 if name == "first" else -1])
        return self.writer.given_motion(steps[: len(steps) // 2] if name == "prefix" else steps)

    def _answer(self, task: SubTask, steps: np.ndarray, tracks: np.ndarray, words: dict[str, str]) -> Answer:
        if task.output == "motion":
            return self.writer.motion(steps)
        if task.output == "state":
            return self.writer.state(steps[0 if task.state == "first" else -1])
        if task.output == "track":
            return self.writer.track(task.track, tracks[:, list(TRACKS).index(task.track)])
        if task.output == "time":
            return self.writer.text(self.writer.length(len(steps) * self.writer.frames_per_code, task.unit))
        return self.writer.text(words["caption"])


_CODED = ("motion", "prefix", "occlusion", "track", "first", "last")


def needs_caption(task: SubTask) -> bool:
    """Whether a sub-task gives or asks a caption."""
    return "caption" in (*task.inputs, task.output)


def _window(rng: np.random.Generator, task: SubTask, coded: Coded) -> tuple[np.ndarray, np.ndarray]:
    length = len(coded.steps)
    if needs_caption(task) or length <= LEAST_STEPS or rng.random() >= WINDOWED:
        return coded.steps, coded.tracks
    kept = int(rng.integers(LEAST_STEPS, length))
    start = int(rng.integers(length - kept + 1))
    return coded.steps[start : start + kept], coded.tracks[start : start + kept]


@dataclass(frozen=True, eq=False)
class Written:
    """Questions as ids: flat, with the place of every id (its index among PLACES; -1 in a prompt)."""

    ids: np.ndarray  # (n,) int16
    places: np.ndarray  # (n,) int8
    ends: np.ndarray  # (questions,)
    lengths: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "lengths", np.diff(self.ends, prepend=0))


def write(clips: Sequence[Sequence[Coded]], vocabulary: Vocabulary, frames: int, plan: tuple[int, int, int]) -> Written:
    """Write questions about clips (versions of each). ``plan``: how many, the seed, processes."""
    count, seed, processes = plan
    starts = range(0, count, CHUNK)
    work = partial(_chunk, clips, vocabulary, frames, seed, count)
    if processes > 1:
        # Forked, the children have all clips already; sent to them, each piece of work would carry all of them.
        context = multiprocessing.get_context("fork")
        with ProcessPoolExecutor(processes, context, _WORK.append, (work,)) as pool:
            found = list(pool.map(_piece, starts))
    else:
        found = list(map(work, starts))
    ids, places, lengths = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return Written(ids, places, np.cumsum(lengths))


_WORK: list[Callable[[int], tuple[np.ndarray, np.ndarray, np.ndarray]]] = []
"""What a process that writes questions does with a start."""


def _piece(start: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return _WORK[-1](start)


def _chunk(
    clips: Sequence[Sequence[Coded]], vocabulary: Vocabulary, frames: int, seed: int, count: int, start: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng([seed, start])
    writer = Writer(vocabulary, frames)
    ids: list[int] = []
    places: list[int] = []
    lengths: list[int] = []
    numbers = {place: number for number, place in enumerate(PLACES)}
    for question in _asked(rng, clips, Asker(writer), min(CHUNK, count - start)):
        prompt = writer.prompt(question.task, question.wording, question.given)
        ids += prompt + question.answer.ids
        places += [-1] * len(prompt) + [numbers[p] for p in question.answer.places]
        lengths.append(len(prompt) + len(question.answer.ids))
    return np.array(ids, np.int16), np.array(places, np.int8), np.array(lengths)


def _asked(rng: np.random.Generator, clips: Sequence[Sequence[Coded]], asker: Asker, count: int) -> Iterator[Question]:
    families: dict[str, list[SubTask]] = {}
    for task in sub_tasks().values():
        families.setdefault(task.family, []).append(task)
    names, weights = list(MIXTURE), np.array(list(MIXTURE.values()))
    told = [i for i, versions in enumerate(clips) if versions[0].captions]
    for family in rng.choice(len(names), count, p=weights / weights.sum()):
        tasks = families[names[family]]
        task = tasks[rng.integers(len(tasks))]
        if needs_caption(task) and not told:
            task = families["s"][rng.integers(len(families["s"]))]
        row = told[rng.integers(len(told))] if needs_caption(task) else rng.integers(len(clips))
        yield asker.ask(rng, task, clips[row][rng.integers(len(clips[row]))])


class Questions(Supply):
    """Batches of written questions, each of like length, drawn by (seed, step, process)."""

    def __init__(self, train: Written, held_out: Written, vocabulary: Vocabulary, size: int, seed: int):
        self._sets, self._size, self._seed = {False: train, True: held_out}, size, seed
        self._want = np.full((len(PLACES), vocabulary.size), -1, np.int16)
        for number, place in enumerate(PLACES):
            allowed = vocabulary.allowed(place)
            self._want[number, allowed] = np.arange(len(allowed))

    def __call__(self, step: int, process: int = 0, held_out: bool = False) -> Batch:
        written = self._sets[held_out]
        rng = np.random.default_rng([self._seed, step // GROUP, process, int(held_out)])
        drawn = rng.integers(len(written.ends), size=GROUP * self._size)
        drawn = drawn[np.argsort(written.lengths[drawn], kind="stable")]
        chosen = rng.permutation(GROUP)[step % GROUP]
        return self._padded(written, drawn[chosen * self._size : (chosen + 1) * self._size])

    def _padded(self, written: Written, rows: np.ndarray) -> Batch:
        lengths, starts = written.lengths[rows], written.ends[rows] - written.lengths[rows]
        columns = np.arange(lengths.max())
        real = columns < lengths[:, None]
        at = np.where(real, starts[:, None] + columns, 0)
        ids = np.where(real, written.ids[at], PAD).astype(np.int64)
        places = np.where(real, written.places[at], -1)[:, 1:]
        batch = {"ids": torch.from_numpy(ids[:, :-1])}
        targets = ids[:, 1:]
        for number in range(len(PLACES)):
            where = np.flatnonzero(places == number)
            batch[f"at_{number}"] = torch.from_numpy(where)
            batch[f"want_{number}"] = torch.from_numpy(self._want[number][targets.reshape(-1)[where]].astype(np.int64))
        return batch
