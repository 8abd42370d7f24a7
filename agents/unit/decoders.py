"""UniT's decoders: what the picture will be and what the body does, each from any branch's tokens."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agents.nets.layers import CausalConv, ConvResidual, PerEmbodiment, Transformer
from agents.unit.branches import MFormer, Shape
from agents.unit.config import TokenizerConfig


class VisionDecoder(nn.Module):
    """The present's patches (B, N, patch width) and the tokens (B, tokens, width) -> the goal's patches;
    all embodiments share it."""

    def __init__(self, config: TokenizerConfig):
        super().__init__()
        c = config
        self.from_present = c.from_present
        self.project = nn.Linear(c.patch_width, c.width)
        self.positions = nn.Parameter(torch.randn(c.patches, c.width) * 0.02)
        self.intent = nn.Linear(c.tokens * c.width, c.width)
        self.transformer = Transformer(c.vision_decoder_depth, c.width, c.heads, c.mlp)
        self.out = nn.Linear(c.width, c.patch_width)

    def forward(self, patches: Tensor, tokens: Tensor) -> Tensor:
        x = self.project(patches) + self.positions + self.intent(tokens.flatten(1))[:, None]
        change = self.out(self.transformer(x))
        return patches + change if self.from_present else change


class ActionTail(nn.Module):
    """One embodiment's last layers: (B, horizon / 2, width) -> (B, horizon, padded action)."""

    def __init__(self, config: TokenizerConfig):
        super().__init__()
        self.horizon = config.horizon
        self.blocks = nn.Sequential(ConvResidual(config.width, 1), ConvResidual(config.width, 2))
        self.out = CausalConv(config.width, config.embodiments.width)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(x).transpose(1, 2)
        return self.out(F.interpolate(x, self.horizon, mode="linear").transpose(1, 2))


class ActionDecoder(nn.Module):
    """The state's feature (B, 1, width) and the tokens (B, tokens, width) -> the chunk (B, horizon, padded action)."""

    def __init__(self, config: TokenizerConfig):
        super().__init__()
        c = config
        self.positions = nn.Parameter(torch.randn(c.tokens, c.width) * 0.02)
        slots = c.embodiments.slots_total
        self.former = MFormer(c.width, c.horizon // 2, Shape(c.action_decoder_depth, c.width, c.heads, c.mlp))
        self.tail = PerEmbodiment(slots, lambda: ActionTail(c))

    def forward(self, state: Tensor | None, tokens: Tensor, slot: Tensor) -> Tensor:
        return self.tail(self.former(state, tokens + self.positions), slot)


def picture_loss(predicted: Tensor, goal: Tensor) -> Tensor:
    """Return 1 - the mean cosine of predicted and true patches, per sample (B,)."""
    return 1 - F.cosine_similarity(predicted.float(), goal.float(), dim=-1).mean(-1)


def action_loss(predicted: Tensor, true: Tensor, mask: Tensor) -> Tensor:
    """Return the SmoothL1 (beta 0.5) over the masked-in numbers of the batch; 0 when there is none.

    predicted, true: (B, horizon, padded); mask: the same shape, bool.
    """
    each = F.smooth_l1_loss(predicted.float(), true.float(), beta=0.5, reduction="none")
    return (each * mask).sum() / mask.sum().clamp(min=1)
