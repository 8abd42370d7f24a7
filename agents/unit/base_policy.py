"""The base policy: a first estimate of the chunk without pictures, from the joints, where things are,
and the instruction."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agents.nets.layers import PerEmbodiment
from agents.unit.config import PolicyConfig

DEPTH = 3
TEXT_CHANNELS = 64  # channels of the instruction
PLACES = 6  # numbers of object and container
LEAST_SCALE = 0.05  # of a standardised action: what hardly varies must not be blown up


class BasePolicy(nn.Module):
    """A residual network of a few layers, and the scale of what chunks differ by from its estimate (the residual).

    An update without a picture costs a hundredth of one with, so what does not need pictures is learned first, from
    every control step. The action head then learns the flow of the residual, in units of ``residual_scale``.
    """

    residual_scale: Tensor  # (slots, horizon, padded)

    def __init__(self, config: PolicyConfig, text_width: int):
        super().__init__()
        c, width = config, config.base_width
        slots, padded = c.embodiments.slots_total, c.embodiments.width
        self.horizon = c.horizon
        self.text = nn.Linear(text_width, TEXT_CHANNELS)
        self.state = PerEmbodiment(slots, lambda: nn.Linear(padded, width))
        self.rest = nn.Linear(PLACES + TEXT_CHANNELS, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))
            for _ in range(DEPTH)
        )
        self.norm = nn.LayerNorm(width)
        self.out = PerEmbodiment(slots, lambda: nn.Linear(width, c.horizon * padded))
        self.register_buffer("residual_scale", torch.ones(slots, c.horizon, padded))

    def forward(self, batch: dict[str, Tensor], positions: Tensor) -> Tensor:
        """Return standardised chunks (B, horizon, padded). ``batch``: state, slot, text, text_mask; ``positions`` (B,
        2, 3) normalised."""
        mask = batch["text_mask"][..., None].to(batch["text"].dtype)
        sentence = (batch["text"] * mask).sum(1) / mask.sum(1)
        known = torch.cat([positions.flatten(1), self.text(sentence)], -1)
        h = self.state(batch["state"], batch["slot"]) + self.rest(known)
        for block in self.blocks:
            h = h + block(h)
        return self.out(F.gelu(self.norm(h)), batch["slot"]).unflatten(1, (self.horizon, -1))

    def scale_of(self, slot: Tensor) -> Tensor:
        """Return the residual scale (B, horizon, padded) of each sample's embodiment."""
        return self.residual_scale[slot]


def base_policy_loss(estimate: Tensor, batch: dict[str, Tensor]) -> Tensor:
    """Return the mean absolute error over the numbers that exist: its optimum is a median,
    so a hand closes or does not."""
    mask = batch["action_mask"]
    return ((estimate.float() - batch["action"].float()).abs() * mask).sum() / mask.sum().clamp(min=1)
