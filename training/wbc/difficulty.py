"""Which motions to practise: those that are lost most often, and all of them now and then."""

from __future__ import annotations

import torch
from torch import Tensor

from training.wbc.collecting import Tally

EVEN_SHARE = 0.3
"""Share of the draws that goes to all motions alike, so that none is forgotten."""

MEMORY_S = 20.0
"""Seconds of practice after which what happened before counts half."""

MOST = 10.0
"""No motion is drawn more often than this multiple of its even share:
one that nobody can do must not eat all practice."""


class Difficulty:
    """Remembers for each motion how often it was lost per second of practice."""

    def __init__(self, clips: int, step_s: float):
        self._step_s = step_s
        self.lost = torch.zeros(clips, dtype=torch.float64)
        self.practised_s = torch.zeros(clips, dtype=torch.float64)

    def learn(self, tally: Tally) -> None:
        """Take what happened in a round into account."""
        seconds = tally.steps * self._step_s
        keep = 0.5 ** (seconds / MEMORY_S)
        self.lost = self.lost * keep + tally.failed
        self.practised_s = self.practised_s * keep + seconds

    def weights(self) -> Tensor:
        """Return how often to draw each motion (clips,), summing to 1."""
        clips = len(self.lost)
        rate = (self.lost + 1.0) / (self.practised_s + 1.0 / 0.2)  # before any practice: lost every 5 s
        hard = (rate / rate.sum()).clamp(max=MOST / clips)
        return EVEN_SHARE / clips + (1 - EVEN_SHARE) * hard / hard.sum()
