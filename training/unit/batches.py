"""Batches: drawn by (seed, step, process), so that a resumed run, and a run on one machine, repeats to the last bit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from agents.nets.embodiments import EmbodimentSlots, Scaling, pad
from training.data.chunks import Chunks
from training.loop import Batch, Supply
from training.unit.inputs import Drawn, ModelInputs, Stream
from training.unit.sources import Raw, Source

OUT_OF_VIEW = -1e4  # px, for what is behind the camera or nowhere
HELD_OUT_EVERY = 20  # one episode in so many is never trained on


@dataclass(frozen=True)
class Mixing:
    """How batches are put together."""

    size: int
    seed: int
    embodiments: EmbodimentSlots
    state_noise: float = 0.0  # standard deviation, rad or m; the action stays where it was, so noise teaches to correct


class Batches(Supply):
    """Batch of a step, for training or from the episodes held out."""

    def __init__(self, streams: Sequence[Stream], inputs: ModelInputs, features: dict[str, np.ndarray], mixing: Mixing):
        self.streams, self.inputs, self.mixing = streams, inputs, mixing
        self._features = {k: torch.from_numpy(v) for k, v in features.items()}
        shares = np.array([s.share for s in streams], float)
        self._shares = shares / shares.sum()
        self._rows = {held: [split(s.source, held) for s in streams] for held in (False, True)}

    def __call__(self, step: int, process: int = 0, held_out: bool = False) -> Batch:
        """Return the batch of a step: samples of every stream, in number as their shares."""
        random = np.random.default_rng([self.mixing.seed, step, process, int(held_out)])
        counts = random.multinomial(self.mixing.size, self._shares)
        drawn = [
            (i, self.streams[i], np.sort(random.choice(self._rows[held_out][i], count)))
            for i, count in enumerate(counts)
            if count
        ]
        return self._take(drawn, random, held_out)

    def at(self, drawn: Drawn) -> Batch:
        """Return the batch of these rows as they are: no noise, no other light."""
        return self._take(drawn, np.random.default_rng(self.mixing.seed), held_out=True)

    def _take(self, drawn: Drawn, random: np.random.Generator, held_out: bool) -> Batch:
        noise = 0.0 if held_out else self.mixing.state_noise
        parts = [self._numbers(stream, rows, noise, random) for _, stream, rows in drawn]
        batch = {name: torch.cat([p[name] for p in parts]) for name in parts[0]}
        return batch | self.inputs(drawn, random, held_out)

    def _numbers(self, stream: Stream, rows: np.ndarray, noise: float, random: np.random.Generator) -> Batch:
        source, scaling, width = stream.source, stream.scaling, self.mixing.embodiments.width
        raw = source.raw(rows)
        state = raw.state + random.normal(scale=noise, size=raw.state.shape).astype(np.float32)
        numbers = {
            "state": scaling.state(state),
            "view": scaling.state(raw.state, source.embodiment.view),
            "action": scaling.action(raw.action, state),
            "action_mask": np.repeat(raw.mask[..., None], source.embodiment.width, -1),
        }
        batch = {name: torch.from_numpy(pad(value, width)) for name, value in numbers.items()}
        batch["state_raw"] = torch.from_numpy(pad(state, width))
        batch["instruction"] = torch.from_numpy(source.chunks.instruction[rows].astype(np.int64))
        batch["slot"] = torch.full((len(rows),), self.mixing.embodiments.slots[source.embodiment.name])
        return batch | self._positions(raw)

    def _positions(self, raw: Raw) -> Batch:
        known = torch.from_numpy(np.isfinite(raw.positions))
        where = (torch.from_numpy(raw.positions) - self._features["position_mean"]) / self._features["position_std"]
        metres = self._features["position_std"].expand_as(where)
        return {
            "positions": torch.where(known, where, 0.0),
            "positions_mask": known,
            "positions_metres": metres,
            "pixels": torch.from_numpy(np.nan_to_num(raw.pixels, nan=OUT_OF_VIEW)),
        }


def fit_scalings(sources: Sequence[Source]) -> dict[str, Scaling]:
    """Return each embodiment's statistics, from its largest set with actions."""
    acting = sorted((s for s in sources if s.acts), key=lambda s: len(s.rows))
    return {s.embodiment.name: s.fit() for s in acting}


def position_statistics(sources: Sequence[Source]) -> dict[str, np.ndarray]:
    """Return ``position_mean`` and ``position_std`` (2, 3) of objects and containers; 0 and 1 where none is known."""
    positions = np.concatenate([s.raw(s.rows).positions for s in sources]).astype(np.float64)
    known = np.isfinite(positions)
    count, values = known.sum(0), np.where(known, positions, 0.0)
    mean = values.sum(0) / count.clip(1)
    variance = (np.square(values - mean) * known).sum(0) / count.clip(1)
    std = np.where(count > 0, np.sqrt(variance).clip(0.01), 1.0)
    return {"position_mean": mean.astype(np.float32), "position_std": std.astype(np.float32)}


def split(source: Source, held_out: bool) -> np.ndarray:
    """Return the source's rows in the episodes held out, or in the others;
    all where there are too few episodes to split."""
    chosen = (kept_out(source.chunks) == held_out)[source.rows]
    return source.rows[chosen] if chosen.any() else source.rows


def kept_out(chunks: Chunks) -> np.ndarray:
    """Return which rows are in episodes that are never trained on, bool (rows,)."""
    return episode_of(chunks) % HELD_OUT_EVERY == HELD_OUT_EVERY - 1


def episode_of(chunks: Chunks) -> np.ndarray:
    """Return the number of each row's episode, (rows,)."""
    return np.unique(chunks.last, return_inverse=True)[1]
