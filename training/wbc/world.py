"""What PPO learns in: many robots at once. The humanoid task is one such world,
a point on a line another (in the tests)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from torch import Tensor


class Widths(NamedTuple):
    """Numbers of channels."""

    actor: int
    critic: int
    actions: int


class Sight(NamedTuple):
    """What actor and critic see of N robots: (N, width) each."""

    actor: Tensor
    critic: Tensor


@dataclass(frozen=True)
class Moved:
    """What a step did to N robots. Those whose episode ended have begun another: ``sight`` is of that one."""

    sight: Sight
    last: Tensor  # (N, width): what the critic saw before any new beginning
    reward: Tensor  # (N,), scaled by the length of a step
    terminated: Tensor  # (N,) bool: failed
    ended: Tensor  # (N,) bool: failed, or at the end of its motion or time
    clip: Tensor  # (N,) long: index of the motion that the step was about
    error: Tensor  # (N,) mean distance of the key points from the reference's, m


class World(Protocol):
    """N robots. Everything random comes from the seed of the last ``reset``."""

    @property
    def count(self) -> int: ...
    @property
    def device(self) -> str:
        """Where its tensors are, and the networks'."""
        ...

    @property
    def widths(self) -> Widths: ...
    @property
    def clips(self) -> tuple[str, ...]:
        """Names ``<kind>/<seed>`` of the motions."""
        ...

    def reset(self, seed: int) -> Sight:
        """Begin anew with all robots."""
        ...

    def step(self, actions: Tensor) -> Moved: ...
    def prefer(self, weights: Tensor) -> None:
        """Draw motions by these weights (clips,) from now on."""
        ...

    def close(self) -> None: ...
