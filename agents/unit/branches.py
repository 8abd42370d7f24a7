"""UniT's encoders: M-Former and the vision, action and fusion branches."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from agents.nets.layers import CausalConv, ConvResidual, PerEmbodiment, Transformer, two_layers
from agents.unit.config import TokenizerConfig

POSITIONS = 1024
QUERY, CONDITION, SEPARATOR, TARGET = range(4)


class Shape(NamedTuple):
    """Of an M-Former's transformer."""

    depth: int
    width: int
    heads: int
    hidden: int
    dropout: float = 0.0


class MFormer(nn.Module):
    """Learned queries read what changes from a condition to a target: ``[queries | condition | SEP | target]``."""

    def __init__(self, inputs: int, queries: int, shape: Shape):
        super().__init__()
        width = shape.width
        self.queries = nn.Parameter(torch.randn(queries, width) * 0.02)
        self.separator = nn.Parameter(torch.randn(width) * 0.02)
        self.positions = nn.Parameter(torch.randn(POSITIONS, width) * 0.02)
        self.kinds = nn.Parameter(torch.randn(4, width) * 0.02)
        self.project = nn.Linear(inputs, width)
        self.transformer = Transformer(*shape)

    def forward(self, condition: Tensor, target: Tensor) -> Tensor:
        """Return the queries' outputs (B, queries, width) for condition (B, N, inputs) and target (B, M, inputs)."""
        batch = len(condition)
        parts = [
            self.queries.expand(batch, -1, -1) + self.kinds[QUERY],
            self.project(condition) + self.kinds[CONDITION],
            (self.separator + self.kinds[SEPARATOR]).expand(batch, 1, -1),
            self.project(target) + self.kinds[TARGET],
        ]
        x = torch.cat(parts, 1)
        return self.transformer(x + self.positions[: x.shape[1]])[:, : len(self.queries)]


class ActionEncoder(nn.Module):
    """One embodiment's chunk (B, horizon, width in) -> (B, horizon / 2, width):
    a causal convolutional stem and two blocks."""

    def __init__(self, inputs: int, width: int):
        super().__init__()
        self.layers = nn.Sequential(
            CausalConv(inputs, width, stride=2), ConvResidual(width, 1), ConvResidual(width, 2), nn.LayerNorm(width)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class Branches(nn.Module):
    """The branches of a variant, and the last layers that bring each to the width of the codes."""

    def __init__(self, config: TokenizerConfig):
        super().__init__()
        c, names = config, set(config.routes)
        self.names = tuple(config.routes)
        needs_vision, needs_action = names & {"vision", "fusion"}, names & {"action", "fusion"}
        if needs_vision:
            self.vision = MFormer(c.patch_width, c.tokens, Shape(c.vision_depth, c.width, c.heads, c.mlp))
        if needs_action:
            self.action_encoder = PerEmbodiment(
                c.embodiments.slots_total, lambda: ActionEncoder(c.embodiments.width, c.width)
            )
            self.action = MFormer(c.width, c.tokens, Shape(c.action_depth, c.width, c.heads, c.mlp))
        if "fusion" in names:
            shape = Shape(c.fusion_depth, c.width, c.heads, c.fusion_mlp, c.fusion_dropout)
            self.fusion = MFormer(c.width, c.tokens, shape)
        self.own = nn.ModuleDict(
            {n: nn.Sequential(nn.LayerNorm(c.width), nn.Linear(c.width, c.width), nn.GELU()) for n in config.routes}
        )
        self.shared = nn.Sequential(nn.Linear(c.width, c.width), nn.GELU(), nn.Linear(c.width, c.code_width))

    def forward(self, batch: dict[str, Tensor], state: Tensor | None, names: tuple[str, ...]) -> dict[str, Tensor]:
        """Return branch -> features before quantisation (B, tokens, code width).

        ``batch``: now, goal (B, N, patch width), action (B, horizon, padded), slot (B,); ``state`` (B, 1, width)
        where the variant has actions. A branch that is not asked for costs nothing, so an action branch can run without
        pictures."""
        features = {}
        if {"vision", "fusion"} & set(names):
            features["vision"] = self.vision(batch["now"], batch["goal"])
        if {"action", "fusion"} & set(names):
            features["action"] = self.action(state, self.action_encoder(batch["action"], batch["slot"]))
        if "fusion" in names:
            features["fusion"] = self.fusion(features["vision"], features["action"])
        return {name: self.shared(self.own[name](features[name])) for name in names}


def state_encoder(config: TokenizerConfig) -> PerEmbodiment:
    """Return the per-embodiment map of a state (B, 1, padded) to one token (B, 1, width)."""
    return PerEmbodiment(
        config.embodiments.slots_total, lambda: two_layers(config.embodiments.width, config.width, config.width)
    )
