"""Why an episode ends before its motion does: pure functions that return true for each environment that is beyond a
limit."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from envs.humanoid.physics import QUAT
from envs.humanoid.rewards import Tracking

LIMITS = {"far": 0.5, "tilted": 1.0, "low": 0.3}
"""m of mean key-point distance, as H2O's and PHC's success rule has it; rad and m of a fall."""


def distance(now: Tracking) -> Tensor:
    """Return the mean distance of the key points from the reference's, in the world: (n,) m."""
    return torch.linalg.vector_norm(now.keypoints - now.true_keypoints, dim=-1).mean(-1)


def far(now: Tracking, limit_m: float) -> Tensor:
    """Return whether the key points are on average further from the reference than the limit."""
    return distance(now) > limit_m


def tilted(now: Tracking, limit_rad: float) -> Tensor:
    """Return whether the root's vertical axis leans further from the reference's than the limit. Yaw does not count."""
    cosine = (_up(now.root[:, QUAT]) * _up(now.true_root[:, QUAT])).sum(-1)
    return torch.acos(cosine.clamp(-1, 1)) > limit_rad


def low(now: Tracking, limit_m: float) -> Tensor:
    """Return whether the root is lower than the reference's by more than the limit."""
    return now.true_root[:, 2] - now.root[:, 2] > limit_m


def _up(quat: Tensor) -> Tensor:
    w, x, y, z = quat.unbind(-1)
    return torch.stack((2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)), -1)


RULES: dict[str, Callable[[Tracking, float], Tensor]] = {"far": far, "tilted": tilted, "low": low}
FALLS = ("tilted", "low")


def broken(now: Tracking, limits: Mapping[str, float]) -> dict[str, Tensor]:
    """Return rule -> (n,) for the rules that have a limit."""
    return {name: RULES[name](now, limit) for name, limit in limits.items()}


def fallen(now: Tracking) -> Tensor:
    """Return whether the robot lies, or is about to, where its reference does not: (n,).
    Training options do not change it."""
    return tilted(now, LIMITS["tilted"]) | low(now, LIMITS["low"])
