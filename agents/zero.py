"""Commands zero on every channel."""

from __future__ import annotations

from dataclasses import dataclass

from agents.joints import AnyEnvironment
from crossbody.contracts import Chunk, Observation


@dataclass(frozen=True)
class Options:
    """None."""


class Zero(AnyEnvironment):
    """A floor for every suite, and the cheapest test of an environment."""

    def chunk_for(self, episode: str, observation: Observation) -> Chunk:
        import numpy as np

        return {c.name: np.zeros((self.chunk, *c.shape), np.float32) for c in self.gives}


def make(options: Options) -> Zero:
    return Zero()
