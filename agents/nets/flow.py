"""Flow matching on straight paths from noise (time 0) to actions (time 1)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def sample_time(shape: tuple[int, ...], beta: tuple[float, float], scale: float) -> Tensor:
    """Return times in [0, 1]: ``(scale - b) / scale`` with b from Beta(*beta), so that noisy times come more often."""
    drawn = torch.distributions.Beta(torch.tensor(beta[0]), torch.tensor(beta[1])).sample(shape)
    return ((scale - drawn) / scale).clamp(min=0)


def on_path(noise: Tensor, action: Tensor, time: Tensor) -> tuple[Tensor, Tensor]:
    """Return the point at ``time`` (broadcastable) between noise and action, and the velocity there."""
    return (1 - time) * noise + time * action, action - noise


def integrate(velocity: Callable[[Tensor, float], Tensor], noise: Tensor, steps: int) -> Tensor:
    """Return where Euler steps of equal length bring the noise from time 0 to time 1."""
    x = noise
    for i in range(steps):
        x = x + velocity(x, i / steps) / steps
    return x


def masked_mse(predicted: Tensor, true: Tensor, mask: Tensor) -> Tensor:
    """Return the mean squared error over the numbers where the mask (broadcastable) is True; 0 when there is none."""
    wide = mask.expand_as(predicted)
    return ((predicted.float() - true.float()).square() * wide).sum() / wide.sum().clamp(min=1)
