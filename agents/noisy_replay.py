"""Repeats the actions of a recorded run with noise added: how much does success depend on exact actions?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agents.replay import Replay
from crossbody.contracts import EpisodeSpec
from crossbody.seeds import generator

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Options:
    """Which run, and how much noise."""

    run: Path
    """Folder of the recorded run; use its --seed or its --scenes, so that the scenes are the same."""
    std: float = 0.05
    """Standard deviation of the noise on every action, in the channel's unit (rad for joints)."""


class NoisyReplay(Replay):
    """Gaussian noise, independent per control step, drawn from a generator that the episode seeds."""

    def __init__(self, options: Options):
        super().__init__(options.run)
        self._std = options.std

    def recorded(self, spec: EpisodeSpec, signals: dict[str, np.ndarray], channel: str) -> np.ndarray:
        clean = super().recorded(spec, signals, channel)
        noise = generator(spec.seed, f"noise on {channel}").normal(0.0, self._std, clean.shape)
        return (clean + noise).astype(clean.dtype)


def make(options: Options) -> NoisyReplay:
    return NoisyReplay(options)
