"""Draws positions around those at the start, from a generator that the episode seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agents.joints import AboutTheStart
from crossbody.contracts import Chunk, EpisodeSpec, Observation
from crossbody.seeds import generator

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Options:
    """How widely it moves."""

    scale: float = 0.3
    """Half the width of the uniform distribution, in the channel's unit (rad for joints)."""


class Random(AboutTheStart):
    """Every control step a new target, independent of the last."""

    def __init__(self, options: Options):
        super().__init__()
        self._scale = options.scale
        self._generators: dict[str, np.random.Generator] = {}

    def reset(self, episodes: Sequence[EpisodeSpec]) -> None:
        super().reset(episodes)
        self._generators |= {spec.id: generator(spec.seed, "agent") for spec in episodes}

    def chunk_for(self, episode: str, observation: Observation) -> Chunk:
        rng = self._generators[episode]
        return {
            name: start + rng.uniform(-self._scale, self._scale, (self.chunk, *start.shape)).astype("float32")
            for name, start in self.start_of(episode, observation).items()
        }


def make(options: Options) -> Random:
    return Random(options)
