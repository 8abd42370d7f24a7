"""The vision-language context of the small policy: a transformer over the picture's patches,
the words and bridge tokens."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from agents.nets.layers import Transformer
from agents.nets.visual import as_patches
from agents.unit.config import PolicyConfig
from agents.unit.localizer import Localized, ObjectLocalizer

TEXT_WIDTH = 384  # MiniLM


class Context(NamedTuple):
    """What a vision-language backbone says about a picture and an instruction."""

    hidden: Tensor  # (B, N, context width), without the bridge tokens
    mask: Tensor  # (B, N)
    raw: Tensor  # (B, M, raw width): the picture's patches before language touched them
    bridge: Tensor | None  # (B, tokens, context width)
    positions: Tensor | None  # (B, 2, 3) of object and container, normalised


class SmallContext(nn.Module):
    """``[patches | words | objects | bridge]`` through a few layers;
    patches and words come from frozen pretrained networks."""

    def __init__(self, config: PolicyConfig):
        super().__init__()
        c, v = config, config.visual
        self.merge, self.bridges = c.merge, c.tokens if c.bridge else 0
        self.raw_width = (v.width + 4 * v.fine_width) * c.merge**2
        patches = v.rows * v.columns // c.merge**2
        self.patch = nn.Linear(self.raw_width, c.context_width)
        self.where = nn.Parameter(torch.randn(patches, c.context_width) * 0.02)
        self.word = nn.Linear(TEXT_WIDTH, c.context_width)
        self.localizer = ObjectLocalizer(c, TEXT_WIDTH) if c.localizer_points else None
        self.kinds = nn.Parameter(torch.randn(3, c.context_width) * 0.02)
        self.bridge = nn.Parameter(torch.randn(self.bridges, c.context_width) * 0.02)
        self.transformer = Transformer(
            c.context_depth, c.context_width, c.context_heads, 4 * c.context_width, c.dropout
        )

    def forward(self, batch: dict[str, Tensor], localized: Localized | None = None) -> Context:
        """``batch`` as in ``ObjectLocalizer.forward``; ``localized``: what that returned, if it was asked already."""
        raw = self._patches(batch)
        localized = localized or (self.localizer(batch) if self.localizer else None)
        parts = [self.patch(raw) + self.where + self.kinds[0], self.word(batch["text"]) + self.kinds[1]]
        parts += [localized.tokens + self.kinds[2]] if localized else []
        plain = sum(p.shape[1] for p in parts)
        x = torch.cat([*parts, self.bridge.expand(len(raw), -1, -1).to(raw.dtype)], 1)
        mask = x.new_ones(x.shape[:2], dtype=torch.bool)
        mask[:, raw.shape[1] : raw.shape[1] + batch["text"].shape[1]] = batch["text_mask"]
        y = self.transformer(x, mask)
        bridge = y[:, plain:] if self.bridges else None
        return Context(y[:, :plain], mask[:, :plain], raw, bridge, localized.positions if localized else None)

    def _patches(self, batch: dict[str, Tensor]) -> Tensor:
        """Return both grids as patches (B, N, raw width): ``merge`` x ``merge`` coarse cells and the fine ones in
        them."""
        return torch.cat([as_patches(batch["coarse"], self.merge), as_patches(batch["fine"], 2 * self.merge)], -1)
