"""The whole-body controller's networks: an actor, and the critic that only training needs."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

WIDEST = 10.0
"""Standardised observations end here: a body that is thrown about must not throw the network about."""

SMALL = 0.01
"""Gain of the actor's last layer: an untrained controller plays the reference back and adds next to nothing."""


class Normaliser(nn.Module):
    """Standardises every channel by the mean and variance of all that it was shown."""

    mean: Tensor
    variance: Tensor
    count: Tensor

    def __init__(self, width: int):
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("variance", torch.ones(width))
        self.register_buffer("count", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        return ((x - self.mean) / (self.variance + 1e-6).sqrt()).clamp(-WIDEST, WIDEST)

    @torch.no_grad()
    def update(self, x: Tensor) -> None:
        """Take observations (n, width) into account, as if all had been shown at once (Chan et al. 1979)."""
        n, old = len(x), self.count
        mean, total = x.mean(0), old + n
        shift = mean - self.mean
        spread = self.variance * old + x.var(0, correction=0) * n + shift**2 * old * n / total
        self.mean += shift * n / total
        self.variance.copy_(spread / total)
        self.count.copy_(total)


class Actor(nn.Module):
    """Gaussian policy: observations (n, width) to mean actions (n, actions), with one standard deviation per action."""

    def __init__(self, width: int, actions: int, hidden: Sequence[int], first_std: float = 1.0):
        super().__init__()
        self.normaliser = Normaliser(width)
        self.layers = perceptron(width, hidden, actions)
        self.log_std = nn.Parameter(torch.full((actions,), math.log(first_std)))

    def forward(self, observation: Tensor) -> Tensor:
        return self.layers(self.normaliser(observation))


class Critic(nn.Module):
    """Observations (n, width), privileged ones among them, to values (n,)."""

    def __init__(self, width: int, hidden: Sequence[int]):
        super().__init__()
        self.normaliser = Normaliser(width)
        self.layers = perceptron(width, hidden, 1)

    def forward(self, observation: Tensor) -> Tensor:
        return self.layers(self.normaliser(observation)).squeeze(-1)


def perceptron(width: int, hidden: Sequence[int], out: int) -> nn.Sequential:
    """Return linear layers with ELU between them."""
    widths = [width, *hidden]
    layers: list[nn.Module] = []
    for a, b in zip(widths, widths[1:], strict=False):
        layers += [nn.Linear(a, b), nn.ELU()]
    return nn.Sequential(*layers, nn.Linear(widths[-1], out))


def initialise(net: nn.Module, last_gain: float, generator: torch.Generator) -> None:
    """Set orthogonal weights and zero biases, the last layer's scaled by ``last_gain``."""
    linear = [m for m in net.modules() if isinstance(m, nn.Linear)]
    for layer in linear:
        gain = last_gain if layer is linear[-1] else math.sqrt(2)
        nn.init.orthogonal_(layer.weight, gain, generator=generator)
        nn.init.zeros_(layer.bias)
