"""Batches: drawn by (seed, step, process), so that a resumed run, and a run on one machine, repeats to the last bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from agents.unit.agent import normalise
from agents.unit.bodies import Scaling, pad
from agents.unit.config import Bodies
from training.pictures import GridFile
from training.sources import Raw, Source

Batch = dict[str, Tensor]
HELD_OUT_EVERY = 20  # one episode in so many is never trained on


@dataclass(frozen=True)
class Stream:
    """A source with its pictures' grids, its words and its body's statistics."""

    source: Source
    grids: GridFile
    words: tuple[Tensor, Tensor]  # hidden states (instructions, L, W) and masks
    scaling: Scaling
    share: float  # of every batch


@dataclass(frozen=True)
class Mixing:
    """How batches are put together."""

    size: int
    seed: int
    bodies: Bodies
    goal: bool  # the goal's picture is needed, too
    state_noise: float = 0.0  # standard deviation, rad or m; the action stays where it was, so noise teaches to correct


class Batches:
    """Batch of a step, for training or from the episodes held out."""

    def __init__(self, streams: Sequence[Stream], features: dict[str, np.ndarray], mixing: Mixing):
        self.streams, self.mixing = streams, mixing
        self._features = {k: torch.from_numpy(v) for k, v in features.items()}
        shares = np.array([s.share for s in streams], float)
        self._shares = shares / shares.sum()
        self._rows = {held: [_split(s.source, held) for s in streams] for held in (False, True)}

    def __call__(self, step: int, process: int = 0, held_out: bool = False) -> Batch:
        """Return the batch of a step: samples of every stream, in number as their shares."""
        random = np.random.default_rng([self.mixing.seed, step, process, int(held_out)])
        counts = random.multinomial(self.mixing.size, self._shares)
        parts = [
            self._draw(stream, random.choice(rows, count), random, noise=not held_out)
            for stream, rows, count in zip(self.streams, self._rows[held_out], counts, strict=True)
            if count
        ]
        batch = {name: torch.cat([p[name] for p in parts]) for name in parts[0]}
        length = int(batch["text_mask"].sum(1).max())
        return batch | {"text": batch["text"][:, :length], "text_mask": batch["text_mask"][:, :length]}

    def prefetched(self, first: int, last: int, process: int = 0) -> Iterator[Batch]:
        """Yield the batches of steps first … last - 1, each made while the one before is used."""
        with ThreadPoolExecutor(1) as pool:
            coming = pool.submit(self, first, process)
            for step in range(first + 1, last + 1):
                ready = coming.result()
                if step < last:
                    coming = pool.submit(self, step, process)
                yield ready

    def _draw(self, stream: Stream, rows: np.ndarray, random: np.random.Generator, noise: bool) -> Batch:
        source, width = stream.source, self.mixing.bodies.width
        raw = source.raw(rows)
        scale = self.mixing.state_noise if noise else 0.0
        state = raw.state + random.normal(scale=scale, size=raw.state.shape).astype(np.float32)
        batch = self._grids(stream, rows) | self._numbers(stream.scaling, raw, state)
        hidden, mask = stream.words
        told = torch.from_numpy(np.asarray(source.chunks.instruction[rows], np.int64))
        slot = self.mixing.bodies.slots[source.body.name]
        batch |= {"text": hidden[told], "text_mask": mask[told], "slot": torch.full((len(rows),), slot)}
        action_mask = pad(np.repeat(raw.mask[..., None], source.body.width, -1), width)
        return batch | {"action_mask": torch.from_numpy(action_mask)} | self._positions(raw)

    def _numbers(self, scaling: Scaling, raw: Raw, state: np.ndarray) -> Batch:
        width = self.mixing.bodies.width
        numbers = {
            "state": scaling.state(state),
            "view": scaling.state(raw.state, scaling.body.view),
            "action": scaling.action(raw.action, state),
        }
        return {name: torch.from_numpy(pad(value, width)) for name, value in numbers.items()}

    def _grids(self, stream: Stream, rows: np.ndarray) -> Batch:
        now = {k: torch.from_numpy(v) for k, v in stream.grids.at(rows).items()}
        batch = normalise(now, self._features)
        if self.mixing.goal:
            coarse = {"coarse": torch.from_numpy(stream.grids.at(stream.source.goal(rows))["coarse"])}
            batch["goal_coarse"] = normalise(coarse, self._features)["coarse"]
        return batch

    def _positions(self, raw: Raw) -> Batch:
        known = torch.from_numpy(np.isfinite(raw.positions))
        where = (torch.from_numpy(raw.positions) - self._features["position_mean"]) / self._features["position_std"]
        return {"positions": torch.where(known, where, 0.0), "positions_mask": known}


def position_statistics(sources: Sequence[Source]) -> dict[str, np.ndarray]:
    """Return ``position_mean`` and ``position_std`` (2, 3) of objects and containers; 0 and 1 where none is known."""
    positions = np.concatenate([s.raw(s.rows).positions for s in sources]).astype(np.float64)
    known = np.isfinite(positions)
    count, values = known.sum(0), np.where(known, positions, 0.0)
    mean = values.sum(0) / count.clip(1)
    variance = (np.square(values - mean) * known).sum(0) / count.clip(1)
    std = np.where(count > 0, np.sqrt(variance).clip(0.01), 1.0)
    return {"position_mean": mean.astype(np.float32), "position_std": std.astype(np.float32)}


def text_of(source: Source, words: Callable[[str], tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Return the hidden states (instructions, L, W) and masks (instructions, L) of a source's instructions."""
    hidden, masks = zip(*(words(i) for i in source.chunks.instructions), strict=True)
    return torch.stack(hidden), torch.stack(masks)


def _split(source: Source, held_out: bool) -> np.ndarray:
    """Return the source's rows in the episodes held out, or in the others; all where there are too few episodes to split."""
    episode = np.unique(source.chunks.last, return_inverse=True)[1][source.rows]
    chosen = (episode % HELD_OUT_EVERY == HELD_OUT_EVERY - 1) == held_out
    return source.rows[chosen] if chosen.any() else source.rows
