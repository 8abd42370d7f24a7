"""Embodiments: which named parts make an action or state vector, and how raw vectors become standardised ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from crossbody.errors import CrossbodyError, UnknownName

END_EFFECTORS = {"camera": 9, "left_wrist": 9, "left_fingertips": 15, "right_wrist": 9, "right_fingertips": 15}


@dataclass(frozen=True)
class Embodiment:
    """One embodiment's action space. Parts are found by name, so their order in a data set never matters."""

    name: str
    parts: dict[str, int]  # part -> width, in the order of the model's vectors; state and action have the same
    angles: bool  # the state is joint angles, shown to the model as sines and cosines
    relative: tuple[str, ...]  # parts whose actions are learned as a difference to the state
    view: tuple[str, ...]  # parts of the state that carry the camera

    @property
    def width(self) -> int:
        """Numbers in an action."""
        return sum(self.parts.values())

    def slices(self) -> dict[str, slice]:
        """Part -> its place in the vector."""
        found, start = {}, 0
        for part, width in self.parts.items():
            found[part] = slice(start, start + width)
            start += width
        return found

    def join(self, values: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return named parts (…, width) as one vector (…, total), float32; an absent or misshapen part raises."""
        for part, width in self.parts.items():
            if part not in values or values[part].shape[-1] != width:
                got = values[part].shape if part in values else f"only {', '.join(values)}"
                raise CrossbodyError(f"{self.name} needs {part} of width {width}; there is {got}")
        return np.concatenate([np.asarray(values[part], np.float32) for part in self.parts], -1)

    def split(self, vector: np.ndarray) -> dict[str, np.ndarray]:
        """Return a vector (…, total) as named parts."""
        return {part: vector[..., where] for part, where in self.slices().items()}

    def mask(self, parts: tuple[str, ...]) -> np.ndarray:
        """Return bool (total,): True where the vector holds one of these parts."""
        found = np.zeros(self.width, bool)
        for part in parts:
            found[self.slices()[part]] = True
        return found


EMBODIMENTS = {
    embodiment.name: embodiment
    for embodiment in (
        Embodiment(
            "gr1",
            {"right_arm": 7, "right_hand": 6, "left_arm": 7, "left_hand": 6, "waist": 3},
            angles=True,
            relative=("right_arm", "left_arm", "waist"),  # a hand's state stops at the object, its command does not
            view=("waist",),
        ),
        Embodiment("gr1_eef", END_EFFECTORS, angles=False, relative=tuple(END_EFFECTORS), view=("camera",)),
        Embodiment("human_egodex", END_EFFECTORS, angles=False, relative=tuple(END_EFFECTORS), view=("camera",)),
    )
}


def find_embodiment(name: str) -> Embodiment:
    """Return an embodiment by its name; an unknown one raises UnknownName."""
    if name not in EMBODIMENTS:
        raise UnknownName("embodiment", name, EMBODIMENTS)
    return EMBODIMENTS[name]


@dataclass(frozen=True)
class EmbodimentSlots:
    """Which embodiments share the weights, and how wide their padded vectors are."""

    slots: dict[str, int]  # embodiment -> row of the per-embodiment weights
    slots_total: int  # rows of the per-embodiment weights
    width: int  # action and state vectors are zero-padded to this


FLOOR = 0.01  # rad or m: a number that hardly varies must not be blown up to unit variance


@dataclass(frozen=True)
class Scaling:
    """An embodiment's statistics in the training data: how raw vectors become the model's, and back."""

    embodiment: Embodiment
    action_mean: np.ndarray  # (horizon, A)
    action_std: np.ndarray
    action_low: np.ndarray  # (A,) range of the raw actions
    action_high: np.ndarray
    state_mean: np.ndarray  # (A,)
    state_std: np.ndarray

    @staticmethod
    def fit(embodiment: Embodiment, state: np.ndarray, chunk: np.ndarray, mask: np.ndarray) -> Scaling:
        """Fit to raw states (n, A) and the chunks from there (n, horizon, A), with a mask (n, horizon)
        of steps that exist."""
        offset = _offset(embodiment, state, chunk)
        weight = mask[..., None].astype(np.float64)
        count = weight.sum(0).clip(1)
        mean = (offset * weight).sum(0) / count
        std = np.sqrt((np.square(offset - mean) * weight).sum(0) / count)
        real = chunk[mask]
        arrays = (mean, std.clip(FLOOR), real.min(0), real.max(0), state.mean(0), state.std(0).clip(FLOOR))
        return Scaling(embodiment, *(a.astype(np.float32) for a in arrays))

    def action(self, chunk: np.ndarray, state: np.ndarray) -> np.ndarray:
        """Return chunks (n, horizon, A) as the model's numbers, given the raw states (n, A) where they start."""
        return ((_offset(self.embodiment, state, chunk) - self.action_mean) / self.action_std).astype(np.float32)

    def unscale(self, numbers: np.ndarray, state: np.ndarray) -> np.ndarray:
        """Return the model's numbers (n, horizon, A) as raw actions inside the range of the training data."""
        raw = numbers * self.action_std + self.action_mean
        raw = raw + self.embodiment.mask(self.embodiment.relative) * state[:, None]
        return raw.clip(self.action_low, self.action_high).astype(np.float32)

    def state(self, state: np.ndarray, parts: tuple[str, ...] | None = None) -> np.ndarray:
        """Return raw states (n, A) as the model's: sines and cosines, or standardised; zero outside ``parts`` (None:
        all)."""
        keep = self.embodiment.mask(tuple(self.embodiment.parts) if parts is None else parts)
        if self.embodiment.angles:
            return np.concatenate([np.sin(state) * keep, np.cos(state) * keep], -1).astype(np.float32)
        return ((state - self.state_mean) / self.state_std * keep).astype(np.float32)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the statistics by name."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name != "embodiment"}

    @staticmethod
    def from_arrays(embodiment: dict[str, Any], arrays: Mapping[str, np.ndarray]) -> Scaling:
        """Return the scaling of an embodiment that was stored as plain data."""
        lists: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in embodiment.items()}
        return Scaling(Embodiment(**lists), **arrays)


def pad(vectors: np.ndarray, width: int) -> np.ndarray:
    """Return vectors (…, A) with zeros to ``width``."""
    gap = [(0, 0)] * (vectors.ndim - 1) + [(0, width - vectors.shape[-1])]
    return np.pad(vectors, gap)


def _offset(embodiment: Embodiment, state: np.ndarray, chunk: np.ndarray) -> np.ndarray:
    return chunk - embodiment.mask(embodiment.relative) * state[:, None]
