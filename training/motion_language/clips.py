"""The clips that motion tokens, the language model and the baselines are trained on: read, numbered, split by seed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from envs.humanoid.motions import packed
from envs.humanoid.motions.packed import Clip
from tasks.motion import parts
from tasks.motion.motion import Motion
from tasks.motion.rate import at_20_fps
from tasks.motion.reading import read_folder
from tasks.motion.sizes import as_robot
from training.loop import Batch, Supply
from training.show import progress

T = TypeVar("T")

WINDOW = 64
"""Frames of a training window of the tokenizers."""
TRACK_SHARE = 0.15
"""Of the windows, as many show a part's track alone, so that its codebook can tell a track as well."""
RESTART_EVERY, RESTART_UNTIL = 20, 0.7
"""Updates between restarts of rare codes, and the part of the training in which there are any."""
TEST_SEEDS = 160
"""Held-out seeds below this are the test set: the motions that the matcher was measured on."""


@dataclass(frozen=True, eq=False)
class Numbered:
    """Clips with their numbers (T, 48)."""

    clips: list[Clip]
    numbers: list[np.ndarray]

    def __len__(self) -> int:
        return len(self.clips)

    @property
    def minutes(self) -> float:
        return sum(map(len, self.numbers)) / parts.FPS / 60


def open_clips(pack: Path | None, clips_per_kind: int) -> list[Clip]:
    """Return the clips of a pack, or those that are made here and kept in the cache."""
    if pack is not None:
        return packed.read(pack, clips_per_kind)
    return packed.pack(clips_per_kind, lambda seeds: progress(seeds, clips_per_kind, "motions"))


def numbered(clips: Sequence[Clip], processes: int = 1) -> Numbered:
    """Return clips with their numbers."""
    return Numbered(list(clips), mapped(_numbers, clips, processes))


def mapped(work: Callable[[Clip], T], clips: Sequence[Clip], processes: int) -> list[T]:
    """Return what a function makes of each clip, by several processes where that is asked for."""
    if processes <= 1:
        return list(map(work, clips))
    with ProcessPoolExecutor(processes) as pool:
        return list(pool.map(work, clips, chunksize=64))


def _numbers(clip: Clip) -> np.ndarray:
    return parts.encode(clip.points)


def split(clips: Sequence[Clip]) -> tuple[list[Clip], list[Clip]]:
    """Return the clips to train on, and the test set: held-out seeds below 160."""
    held = [c for c in clips if c.held_out and c.seed < TEST_SEEDS]
    return [c for c in clips if not c.held_out], held


def fingerprint(clips: Sequence[Clip]) -> str:
    """Return a digest of all places and captions."""
    digest = hashlib.sha256()
    for clip in clips:
        digest.update(np.rint(clip.points / packed.UNIT_M).astype("<i4").tobytes() + "\n".join(clip.texts).encode())
    return digest.hexdigest()[:16]


class Windows(Supply):
    """Windows (B, 64, 48) of clips, every other one mirrored; and where a part's track alone is shown."""

    def __init__(self, train: Numbered, held_out: Numbered, size: int, steps: int, seed: int):
        self._sets = {False: _Starts(train.numbers), True: _Starts(held_out.numbers)}
        self._size, self._steps, self._seed = size, steps, seed

    def __call__(self, step: int, process: int = 0, held_out: bool = False) -> Batch:
        random = np.random.default_rng([self._seed, step, process, int(held_out)])
        numbers = self._sets[held_out].drawn(random, self._size)
        swapped = random.random(self._size) < 0.5
        numbers[swapped] = parts.mirrored(numbers[swapped])
        bare = random.random((self._size, len(parts.TRACKS))) < (0.0 if held_out else TRACK_SHARE)
        return {
            "numbers": torch.from_numpy(numbers),
            "bare": torch.from_numpy(bare),
            "restart": torch.tensor(step % RESTART_EVERY == RESTART_EVERY - 1 and step < RESTART_UNTIL * self._steps),
        }


class _Starts:
    """All windows of clips that are long enough, drawn evenly."""

    def __init__(self, numbers: Sequence[np.ndarray]):
        self._all = np.concatenate(numbers)
        ends = np.cumsum([len(n) for n in numbers])
        self._starts = np.concatenate(
            [np.arange(end - len(n), end - WINDOW + 1) for n, end in zip(numbers, ends, strict=True)]
        ).astype(np.int64)

    def drawn(self, random: np.random.Generator, count: int) -> np.ndarray:
        starts = random.choice(self._starts, count)
        return self._all[starts[:, None] + np.arange(WINDOW)]


def own(folder: Path) -> list[Clip]:
    """Return the motions of a folder as clips, at 20 frames a second and of the robot's size; captions are optional.

    Every fifth, in the order of their names, is held out. What is no motion raises its MotionError.
    """
    found = []
    for number, (name, motion) in enumerate(read_folder(folder).items()):
        if not isinstance(motion, Motion):
            raise motion
        points, _ = as_robot(name, at_20_fps(motion.keypoints, motion.fps))
        found.append(Clip("own", number, points, motion.texts))
    return found
