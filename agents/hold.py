"""Stays where it was when the episode began."""

from __future__ import annotations

from dataclasses import dataclass

from agents.joints import AboutTheStart
from crossbody.contracts import Chunk, Observation


@dataclass(frozen=True)
class Options:
    """None."""


class Hold(AboutTheStart):
    """What succeeds here succeeds without doing anything."""

    def chunk_for(self, episode: str, observation: Observation) -> Chunk:
        import numpy as np

        return {
            name: np.repeat(start[None], self.chunk, axis=0)
            for name, start in self.start_of(episode, observation).items()
        }


def make(options: Options) -> Hold:
    return Hold()
