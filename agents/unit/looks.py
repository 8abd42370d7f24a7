"""Where the instruction's object and container are: points that language directs at a fine grid of visual features."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agents.unit.config import PolicyConfig
from agents.unit.layers import PerBody, two_layers

WIDTH = 64  # channels of the fine map
VIEW = 32  # width of what the joints say about the camera
THINGS = 2  # object, container


class Looked(NamedTuple):
    """What was found of the object and of the container."""

    tokens: Tensor  # (B, 2, context width)
    positions: Tensor  # (B, 2, 3), normalised


class Looks(nn.Module):
    """Soft-argmax points whose queries are read from the instruction's words; half seek the object, half the container.

    An expected coordinate generalises over scenes where a pooled feature does not. Only the joints that carry the camera
    are given: the arm's own pose would tell where the demonstrator was reaching.
    """

    def __init__(self, config: PolicyConfig, text_width: int):
        super().__init__()
        visual, self.points = config.visual, config.looks
        self.fine, self.coarse = nn.Conv2d(visual.fine_width, WIDTH, 1), nn.Conv2d(visual.width, WIDTH, 1)
        self.local = nn.Sequential(
            nn.GELU(), nn.Conv2d(WIDTH, WIDTH, 5, padding=2, groups=WIDTH), nn.Conv2d(WIDTH, 2 * WIDTH, 1), nn.GELU(),
            nn.Conv2d(2 * WIDTH, 2 * WIDTH, 1),
        )  # fmt: skip
        self.words = nn.Linear(text_width, config.looks)
        self.query = nn.Linear(text_width, WIDTH)
        self.own = nn.Parameter(torch.randn(config.looks, WIDTH) * 0.5)
        self.view = PerBody(config.bodies.slots_total, lambda: nn.Linear(config.bodies.width, VIEW))
        found = config.looks // THINGS * 3 + WIDTH + VIEW
        self.thing = nn.ModuleList(two_layers(found, 4 * WIDTH, 2 * WIDTH) for _ in range(THINGS))
        self.position = nn.Linear(2 * WIDTH, 3)
        self.token = nn.Linear(2 * WIDTH + 3, config.context_width)

    def forward(self, seen: dict[str, Tensor]) -> Looked:
        """``seen``: coarse (B, C, rows, columns), fine (twice as many), text (B, L, W), text_mask, view (B, padded), slot."""
        keys, values = self._maps(seen["coarse"], seen["fine"]).chunk(2, 1)
        weight = (self._queries(seen) @ keys.flatten(2)).mul(WIDTH**-0.5).softmax(-1)  # (B, points, cells)
        where = weight @ grid(keys)  # (B, points, 2)
        peak = weight.amax(-1, keepdim=True)
        what = weight @ values.flatten(2).transpose(1, 2)
        per = self.points // THINGS
        found = torch.cat([where, peak], -1).unflatten(1, (THINGS, per)).flatten(2)
        view = self.view(seen["view"], seen["slot"])[:, None].expand(-1, THINGS, -1)
        known = torch.cat([found, what.unflatten(1, (THINGS, per)).mean(2), view], -1)
        hidden = F.relu(torch.stack([thing(known[:, i]) for i, thing in enumerate(self.thing)], 1))
        positions = self.position(hidden)
        return Looked(self.token(torch.cat([hidden, positions], -1)), positions)

    def _maps(self, coarse: Tensor, fine: Tensor) -> Tensor:
        fine, coarse = (
            x.contiguous(memory_format=torch.channels_last) for x in (fine, coarse)
        )  # a little faster on a CPU
        h = self.fine(fine) + F.interpolate(self.coarse(coarse), scale_factor=2, mode="bilinear")
        return self.local(h)

    def _queries(self, seen: dict[str, Tensor]) -> Tensor:
        hidden = torch.where(seen["text_mask"][..., None], 0.0, -torch.inf).to(seen["text"].dtype)
        attention = (self.words(seen["text"]) + hidden).softmax(1)  # (B, L, points)
        return self.query(attention.transpose(1, 2) @ seen["text"]) + self.own


def grid(maps: Tensor) -> Tensor:
    """Return the coordinates (cells, 2), x and y from -1 to 1, of the cells of maps (…, rows, columns) in row order."""
    rows, columns = maps.shape[-2:]
    y = torch.linspace(-1, 1, rows, device=maps.device, dtype=maps.dtype)
    x = torch.linspace(-1, 1, columns, device=maps.device, dtype=maps.dtype)
    return torch.stack(torch.meshgrid(y, x, indexing="ij")[::-1], -1).flatten(0, 1)
