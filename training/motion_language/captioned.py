"""Batches of the baselines: motions, or their codes, each with the vector of one of its captions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from agents.humanoid_vla.tokens import PartCodes
from tasks.motion import parts
from training.loop import Batch, Supply
from training.motion_language.clips import Numbered
from training.motion_language.coding import coded, mirrored_text
from training.motion_language.sentences import captions_of

Vectors = Mapping[str, np.ndarray]


class CaptionedMotions(Supply):
    """Numbers (B, frames, 48), zero behind a motion's end, of clips straight or mirrored."""

    def __init__(self, sets: tuple[Numbered, Numbered], vectors: Vectors, frames: int, size: int, seed: int):
        """``sets``: to train on, and held out."""
        self._frames, self._size, self._seed = frames, size, seed
        self._sets = {held: _Told(clips, vectors) for clips, held in zip(sets, (False, True), strict=True)}

    def __call__(self, step: int, process: int = 0, held_out: bool = False) -> Batch:
        rng = np.random.default_rng([self._seed, step, process, int(held_out)])
        told = self._sets[held_out]
        rows, swapped, sentence = told.drawn(rng, self._size)
        numbers = np.zeros((self._size, self._frames, parts.WIDTH), np.float32)
        lengths = np.empty(self._size, np.int64)
        for place, (row, swap) in enumerate(zip(rows, swapped, strict=True)):
            found = told.clips.numbers[row][: self._frames]
            numbers[place, : len(found)] = parts.mirrored(found) if swap else found
            lengths[place] = len(found)
        return {
            "numbers": torch.from_numpy(numbers),
            "frames": torch.from_numpy(lengths),
            "sentence": torch.from_numpy(sentence),
        }


class CaptionedCodes(Supply):
    """Codes (B, L) of the whole body, padded with ``end``, in one of the moments of a step at which they may begin."""

    def __init__(self, sets: tuple[Numbered, Numbered], vectors: Vectors, net: PartCodes, rule: tuple[int, int, int]):
        """``rule``: longest motion in codes, batch, seed."""
        self._longest, self._size, self._seed = rule
        self._end = net.sizes.codes
        self._sets = {held: _Told(clips, vectors) for clips, held in zip(sets, (False, True), strict=True)}
        self._codes = {held: coded(net, told.clips, [False] * len(told.clips)) for held, told in self._sets.items()}

    def __call__(self, step: int, process: int = 0, held_out: bool = False) -> Batch:
        rng = np.random.default_rng([self._seed, step, process, int(held_out)])
        rows, swapped, sentence = self._sets[held_out].drawn(rng, self._size)
        codes = np.full((self._size, self._longest), self._end, np.int64)
        lengths = np.empty(self._size, np.int64)
        for place, (row, swap) in enumerate(zip(rows, swapped, strict=True)):
            versions = self._codes[held_out][row]
            half = len(versions) // 2
            found = versions[int(swap) * half + int(rng.integers(half))].steps[: self._longest, 0]
            codes[place, : len(found)] = found
            lengths[place] = len(found)
        widest = int(lengths.max())
        return {
            "codes": torch.from_numpy(codes[:, :widest]),
            "length": torch.from_numpy(lengths),
            "sentence": torch.from_numpy(sentence),
        }


class _Told:
    """Clips that have captions, and those captions' vectors, straight and mirrored."""

    def __init__(self, clips: Numbered, vectors: Vectors):
        kept = [i for i, clip in enumerate(clips.clips) if captions_of(clip)]
        self.clips = Numbered([clips.clips[i] for i in kept], [clips.numbers[i] for i in kept])
        self._said: list[tuple[Sequence[np.ndarray], Sequence[np.ndarray]]] = [
            ([vectors[c] for c in told], [vectors[mirrored_text(c)] for c in told])
            for told in map(captions_of, self.clips.clips)
        ]

    def drawn(self, rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return rows (size,), which of them are mirrored, and the vectors (size, 384) of a caption of each."""
        rows, swapped = rng.integers(len(self._said), size=size), rng.random(size) < 0.5
        said = [self._said[r][int(s)] for r, s in zip(rows, swapped, strict=True)]
        return rows, swapped, np.stack([s[rng.integers(len(s))] for s in said])
