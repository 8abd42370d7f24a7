"""Points on a line that are to follow a target: a world in which PPO learns within seconds."""

from __future__ import annotations

import torch

from training.wbc.world import Moved, Sight, Widths

LOST_M = 2.0


class PointWorld:
    """Each of N points is moved by its action and should be at its clip's side; it is lost beyond 2 m."""

    clips = ("left/0", "right/0")
    device = "cpu"
    widths = Widths(actor=2, critic=3, actions=1)

    def __init__(self, count: int = 16, length: int = 20):
        self.count, self.length = count, length
        self.weights = torch.full((2,), 0.5, dtype=torch.float64)
        self.resets: list[int] = []

    def reset(self, seed: int) -> Sight:
        self.resets.append(seed)
        self.generator = torch.Generator().manual_seed(seed)
        self.place, self.clip, self.age = (
            torch.zeros(self.count),
            torch.zeros(self.count).long(),
            torch.zeros(self.count),
        )
        self._begin(torch.ones(self.count, dtype=torch.bool))
        return self._sight()

    def prefer(self, weights: torch.Tensor) -> None:
        self.weights = weights

    def step(self, actions: torch.Tensor) -> Moved:
        self.place, self.age = self.place + 0.3 * actions.squeeze(-1), self.age + 1
        error = (self.place - self._target()).abs()
        terminated = self.place.abs() > LOST_M
        ended = terminated | (self.age >= self.length)
        last, clip = self._sight().critic, self.clip.clone()
        self._begin(ended)
        return Moved(self._sight(), last, 0.1 * torch.exp(-(error**2)), terminated, ended, clip, error)

    def close(self) -> None: ...

    def _begin(self, which: torch.Tensor) -> None:
        n = int(which.sum())
        if n:
            self.clip[which] = torch.multinomial(self.weights, n, replacement=True, generator=self.generator)
            self.place[which], self.age[which] = torch.randn(n, generator=self.generator), 0.0

    def _target(self) -> torch.Tensor:
        return self.clip.float() * 2 - 1

    def _sight(self) -> Sight:
        seen = torch.stack([self.place, self._target()], -1)
        return Sight(seen, torch.cat([seen, self.age[:, None] / self.length], -1))
