"""Pictures and instructions of a batch: cached features and words at small sizes,
the pictures themselves at the full size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from agents.nets.embodiments import Scaling
from agents.unit.agent import normalise
from training.loop import Batch
from training.unit.augment import crop, jitter
from training.unit.pictures import CachedGrids
from training.unit.sources import Source

Processor = Callable[[np.ndarray, Sequence[str]], Batch]


@dataclass(frozen=True)
class Stream:
    """A source, its embodiment's statistics, and how often it is drawn."""

    source: Source
    scaling: Scaling
    share: float  # of every batch


Drawn = Sequence[tuple[int, Stream, np.ndarray]]
"""Number of the stream, the stream, and its rows in a batch, ascending."""


@dataclass(frozen=True)
class CachedFeatures:
    """Grids from the cache, standardised, and the words' hidden states; one entry per stream."""

    grids: Sequence[CachedGrids]
    words: Sequence[tuple[Tensor, Tensor]]  # hidden states (instructions, L, W) and masks
    features: dict[str, Tensor]
    goal: bool

    def __call__(self, drawn: Drawn, random: np.random.Generator, held_out: bool) -> Batch:
        return _joined([self._one(*part) for part in drawn])

    def _one(self, number: int, stream: Stream, rows: np.ndarray) -> Batch:
        grids = self.grids[number]
        batch = normalise({k: torch.from_numpy(v) for k, v in grids.at(rows).items()}, self.features)
        if self.goal:
            coarse = torch.from_numpy(grids.at(stream.source.goal(rows), ("coarse",))["coarse"])
            batch["goal_coarse"] = normalise({"coarse": coarse}, self.features)["coarse"]
        return batch | _text(self.words[number], stream, rows)


@dataclass(frozen=True)
class NoImages:
    """The words' hidden states and no picture; one entry per stream."""

    words: Sequence[tuple[Tensor, Tensor]]  # hidden states (instructions, L, W) and masks

    def __call__(self, drawn: Drawn, random: np.random.Generator, held_out: bool) -> Batch:
        return _joined([_text(self.words[number], stream, rows) for number, stream, rows in drawn])


@dataclass(frozen=True)
class RawImages:
    """Pictures, cropped and under other light at every look, and what a vision-language backbone's processor makes of
    them."""

    processor: Processor | None  # None: instructions are not read
    goal: bool

    def __call__(self, drawn: Drawn, random: np.random.Generator, held_out: bool) -> Batch:
        """Return ``picture`` and ``goal_picture`` uint8 (B, 256, 256, 3), changed alike,
        and what the processor adds."""
        rows = [(stream.source, rows) for _, stream, rows in drawn]
        seeds = random.integers(2**63, size=sum(len(r) for _, r in rows))
        now = np.stack([p for source, r in rows for p in source.chunks.pictures(r)])
        batch = {"picture": now if held_out else _changed(now, seeds)}
        if self.goal:
            later = np.stack([p for source, r in rows for p in source.chunks.pictures(source.goal(r))])
            batch["goal_picture"] = later if held_out else _changed(later, seeds)
        instructions = [source.chunks.instructions[int(i)] for source, r in rows for i in source.chunks.instruction[r]]
        read = self.processor(batch["picture"], instructions) if self.processor else {}
        return {name: torch.from_numpy(value) for name, value in batch.items()} | read


ModelInputs = CachedFeatures | NoImages | RawImages


def text_of(source: Source, words: Callable[[str], tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Return the hidden states (instructions, L, W) and masks (instructions, L) of a source's instructions."""
    hidden, masks = zip(*(words(i) for i in source.chunks.instructions), strict=True)
    return torch.stack(hidden), torch.stack(masks)


def _text(words: tuple[Tensor, Tensor], stream: Stream, rows: np.ndarray) -> Batch:
    instructions = torch.from_numpy(np.asarray(stream.source.chunks.instruction[rows], np.int64))
    return {"text": words[0][instructions], "text_mask": words[1][instructions]}


def _joined(parts: Sequence[Batch]) -> Batch:
    """Return one batch of the streams' parts, with the words no longer than the longest instruction."""
    batch = {name: torch.cat([p[name] for p in parts]) for name in parts[0]}
    length = int(batch["text_mask"].sum(1).max())
    return batch | {"text": batch["text"][:, :length], "text_mask": batch["text_mask"][:, :length]}


def _changed(pictures: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    changed = []
    for picture, seed in zip(pictures, seeds.tolist(), strict=True):
        random = np.random.default_rng(seed)
        changed.append(jitter(crop(picture, random), random))
    return np.stack(changed)
