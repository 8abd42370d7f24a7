"""Transformer, convolution and per-embodiment layers."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Attention(nn.Module):
    """Multi-head attention of x (B, N, width) to a context (B, M, context_width), or to itself."""

    def __init__(self, width: int, heads: int, context_width: int | None = None, dropout: float = 0.0):
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(context_width or width, 2 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, context: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """``mask`` (B, M): True where the context may be seen."""
        q = self._split(self.query(x))
        k, v = (self._split(part) for part in self.key_value(x if context is None else context).chunk(2, -1))
        visible = None if mask is None else mask[:, None, None]
        y = F.scaled_dot_product_attention(q, k, v, visible, self.dropout if self.training else 0.0)
        return self.out(y.transpose(1, 2).flatten(2))

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


def feed_forward(width: int, hidden: int, dropout: float = 0.0) -> nn.Sequential:
    """Linear, GELU, Linear."""
    return nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, width))


class TransformerBlock(nn.Module):
    """A pre-norm transformer layer."""

    def __init__(self, width: int, heads: int, hidden: int, dropout: float = 0.0):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads, dropout=dropout)
        self.mlp = feed_forward(width, hidden, dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        x = x + self.attention(self.norm1(x), mask=mask)
        return x + self.mlp(self.norm2(x))


class Transformer(nn.Module):
    """Blocks and a last norm; ``checkpointing`` trades time for memory."""

    checkpointing = False

    def __init__(self, depth: int, width: int, heads: int, hidden: int, dropout: float = 0.0):
        super().__init__()
        self.blocks = nn.ModuleList(TransformerBlock(width, heads, hidden, dropout) for _ in range(depth))
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        for block in self.blocks:
            if self.checkpointing and self.training:
                x = torch.utils.checkpoint.checkpoint(block, x, mask, use_reentrant=False)  # pyright: ignore
            else:
                x = block(x, mask)
        return self.norm(x)


class PerEmbodiment(nn.Module):
    """The same layer with weights of its own for every embodiment; a batch may mix embodiments."""

    def __init__(self, slots: int, make: Callable[[], nn.Module]):
        super().__init__()
        self.layers = nn.ModuleList(make() for _ in range(slots))

    def forward(self, x: Tensor, slot: Tensor, *more: Tensor) -> Tensor:
        """``slot`` (B,): which embodiment each sample of x (B, …) and of every tensor in ``more`` belongs to."""
        slots = slot.unique().tolist()
        if len(slots) == 1:
            return self.layers[slots[0]](x, *more)
        rows = [(slot == number).nonzero().squeeze(1) for number in slots]
        parts = [self.layers[b](x[r], *(m[r] for m in more)) for b, r in zip(slots, rows, strict=True)]
        return torch.cat(parts)[torch.cat(rows).argsort()]


class CausalConv(nn.Module):
    """A 1-d convolution over time, x (B, T, in) -> (B, T / stride, out), that sees the present and the past only."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, dilation: int = 1, kernel: int = 5):
        super().__init__()
        self.past = (kernel - 1) * dilation
        self.conv = nn.Conv1d(inputs, outputs, kernel, stride=stride, dilation=dilation)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.pad(x.transpose(1, 2), (self.past, 0))).transpose(1, 2)


class ConvResidual(nn.Module):
    """x + two causal convolutions, each after a norm and a GELU."""

    def __init__(self, width: int, dilation: int):
        super().__init__()
        self.layers = nn.Sequential(
            nn.LayerNorm(width),
            nn.GELU(),
            CausalConv(width, width, dilation=dilation),
            nn.LayerNorm(width),
            nn.GELU(),
            CausalConv(width, width),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


def two_layers(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """Linear, ReLU, Linear: the per-embodiment maps of states and actions."""
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, outputs))
