"""The action head: a diffusion transformer that carries noise to a chunk of actions, given a context and the state."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agents.nets.layers import Attention, PerEmbodiment, Transformer, feed_forward, two_layers
from agents.unit.config import PolicyConfig


class TimeNorm(nn.Module):
    """LayerNorm whose scale and shift come from the time's embedding (AdaLN)."""

    def __init__(self, width: int):
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.modulation = nn.Linear(width, 2 * width)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        """x (B, D, T, width), time (B, D, width)."""
        scale, shift = self.modulation(F.silu(time))[:, :, None].chunk(2, -1)
        return self.norm(x) * (1 + scale) + shift


class DiTBlock(nn.Module):
    """AdaLN, attention to the tokens themselves or to the context, and a feed-forward layer.

    x is (B, D, T, width): D noise draws of one sample share its context. Cross-attention treats every token alone, so
    all draws of a sample are asked at once and its keys are made once.
    """

    def __init__(self, width: int, heads: int, context_width: int | None, dropout: float):
        super().__init__()
        self.crosses = context_width is not None
        self.norm1 = TimeNorm(width)
        self.attention = Attention(width, heads, context_width, dropout)
        self.norm2 = nn.LayerNorm(width, elementwise_affine=False)
        self.mlp = feed_forward(width, 4 * width, dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, time: Tensor, context: Tensor, mask: Tensor) -> Tensor:
        h = self.norm1(x, time)
        if self.crosses:
            h = self.attention(h.flatten(1, 2), context, mask).unflatten(1, x.shape[1:3])
        else:
            h = self.attention(h.flatten(0, 1)).unflatten(0, x.shape[:2])
        x = x + self.dropout(h)
        return x + self.dropout(self.mlp(self.norm2(x)))


class NoisyActionEncoder(nn.Module):
    """One embodiment's map of noisy action tokens (B, D, T, inputs) and the time's code (B, D, width) to (B, D, T,
    width)."""

    def __init__(self, inputs: int, width: int):
        super().__init__()
        self.action = nn.Linear(inputs, width)
        self.join = two_layers(2 * width, width, width)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        h = self.action(x)
        return self.join(torch.cat([h, time[:, :, None].expand_as(h)], -1))


class ActionHead(nn.Module):
    """The velocity of noisy chunks, given the context (B, N, context width) and the state (B, padded)."""

    checkpointing = False

    def __init__(self, config: PolicyConfig, raw_width: int):
        super().__init__()
        c = self.config = config
        slots, padded, token = c.embodiments.slots_total, c.embodiments.width, c.embodiments.width * c.steps_per_token
        self.visual = nn.Identity() if raw_width == c.context_width else nn.Linear(raw_width, c.context_width)
        self.kinds = nn.Parameter(torch.randn(3, c.context_width) * 0.02)  # context, raw picture, predicted codes
        self.norm = nn.LayerNorm(c.context_width)
        self.reader = Transformer(
            c.context_self_depth, c.context_width, c.context_heads, 4 * c.context_width, c.dropout
        )
        self.state = PerEmbodiment(slots, lambda: two_layers(padded, c.width, c.width))
        self.no_state = nn.Parameter(torch.zeros(c.width))
        self.encoder = PerEmbodiment(slots, lambda: NoisyActionEncoder(token, c.width))
        self.positions = nn.Parameter(torch.randn(c.horizon // c.steps_per_token, c.width) * 0.02)
        self.time = nn.Sequential(nn.Linear(256, c.width), nn.SiLU(), nn.Linear(c.width, c.width))
        contexts = [None if i % 2 else c.context_width for i in range(c.depth)]  # cross first, then interleaved
        self.blocks = nn.ModuleList(DiTBlock(c.width, c.heads, width, c.dropout) for width in contexts)
        self.out_norm = TimeNorm(c.width)
        self.decoder = PerEmbodiment(slots, lambda: two_layers(c.width, c.width, token))

    def read(self, parts: list[Tensor | None], masks: list[Tensor | None]) -> tuple[Tensor, Tensor]:
        """Join context, raw picture and predicted codes (None: absent) and return what cross-attention sees,
        with its mask."""
        there = [(i, part) for i, part in enumerate(parts) if part is not None]
        context = torch.cat([(self.visual(p) if i == 1 else p) + self.kinds[i] for i, p in there], 1)
        visible = [
            m if m is not None else p.new_ones(p.shape[:2], dtype=torch.bool)
            for (_, p), m in zip(there, (masks[i] for i, _ in there), strict=True)
        ]
        mask = torch.cat(visible, 1)
        return self.reader(self.norm(context), mask), mask

    def state_token(self, state: Tensor, slot: Tensor) -> Tensor:
        """Return the state's token (B, 1, width); in training some samples have to act without knowing it."""
        token = self.state(state, slot)
        if self.training and self.config.state_dropout:
            gone = torch.rand(len(token), 1, device=token.device) < self.config.state_dropout
            token = torch.where(gone, self.no_state.to(token.dtype), token)
        return token[:, None]

    def forward(self, context: tuple[Tensor, Tensor], body: Tensor, x: Tensor, time: Tensor, slot: Tensor) -> Tensor:
        """Return the velocity (B, D, horizon, padded) at x of the same shape and ``time`` (B, D) in [0, 1]."""
        c = self.config
        step = (time * c.time_buckets).long()
        tokens = x.unflatten(2, (-1, c.steps_per_token)).flatten(3)
        tokens = self.encoder(tokens, slot, sinusoids(step, c.width).to(x.dtype)) + self.positions
        tokens = torch.cat([body[:, None].expand(-1, tokens.shape[1], -1, -1), tokens], 2)
        embedded = self.time(sinusoids(step, 256).to(x.dtype))
        for block in self.blocks:
            if self.checkpointing and self.training:
                tokens = torch.utils.checkpoint.checkpoint(block, tokens, embedded, *context, use_reentrant=False)  # pyright: ignore
            else:
                tokens = block(tokens, embedded, *context)
        y = self.decoder(self.out_norm(tokens, embedded)[:, :, 1:], slot)
        return y.unflatten(3, (c.steps_per_token, -1)).flatten(2, 3)


def sinusoids(step: Tensor, width: int) -> Tensor:
    """Return sines and cosines (…, width) of integer steps at geometrically spaced frequencies down to 1e-4."""
    half = width // 2
    frequency = torch.exp(-math.log(10_000) * torch.arange(half, device=step.device) / half)
    angle = step[..., None].float() * frequency
    return torch.cat([angle.sin(), angle.cos()], -1)
