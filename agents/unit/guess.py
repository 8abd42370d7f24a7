"""A first guess of the chunk, from numbers alone: the joints, where things are, and the instruction."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agents.nets.layers import PerEmbodiment
from agents.unit.config import PolicyConfig

DEPTH = 3
TOLD = 64  # channels of the instruction
PLACES = 6  # numbers of object and container
LEAST_SPREAD = 0.05  # of a standardised action: what hardly varies must not be blown up


class Guess(nn.Module):
    """A residual network of a few layers, and how far chunks lie from what it guesses.

    An update without a picture costs a hundredth of one with, so what does not need pictures is learned first, from every
    control step. The action head then learns the flow of what is left over, in units of ``spread``.
    """

    spread: Tensor  # (slots, horizon, padded)

    def __init__(self, config: PolicyConfig, text_width: int):
        super().__init__()
        c, width = config, config.guess
        slots, padded = c.bodies.slots_total, c.bodies.width
        self.horizon = c.horizon
        self.told = nn.Linear(text_width, TOLD)
        self.state = PerEmbodiment(slots, lambda: nn.Linear(padded, width))
        self.rest = nn.Linear(PLACES + TOLD, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))
            for _ in range(DEPTH)
        )
        self.norm = nn.LayerNorm(width)
        self.out = PerEmbodiment(slots, lambda: nn.Linear(width, c.horizon * padded))
        self.register_buffer("spread", torch.ones(slots, c.horizon, padded))

    def forward(self, seen: dict[str, Tensor], positions: Tensor) -> Tensor:
        """Return standardised chunks (B, horizon, padded). ``seen``: state, slot, text, text_mask; ``positions`` (B, 2, 3) normalised."""
        mask = seen["text_mask"][..., None].to(seen["text"].dtype)
        sentence = (seen["text"] * mask).sum(1) / mask.sum(1)
        known = torch.cat([positions.flatten(1), self.told(sentence)], -1)
        h = self.state(seen["state"], seen["slot"]) + self.rest(known)
        for block in self.blocks:
            h = h + block(h)
        return self.out(F.gelu(self.norm(h)), seen["slot"]).unflatten(1, (self.horizon, -1))

    def units(self, slot: Tensor) -> Tensor:
        """Return the spread (B, horizon, padded) of each sample's body."""
        return self.spread[slot]


def guess_loss(guessed: Tensor, seen: dict[str, Tensor]) -> Tensor:
    """Return the mean absolute error over the numbers that exist: its best guess is a median, so a hand closes or does not."""
    mask = seen["action_mask"]
    return ((guessed.float() - seen["action"].float()).abs() * mask).sum() / mask.sum().clamp(min=1)
