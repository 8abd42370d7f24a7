"""Where the instruction's object and container are: heat maps from language on a fine grid of visual features."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agents.nets.layers import PerEmbodiment, two_layers
from agents.nets.visual import TINY_ROWS
from agents.unit.config import PolicyConfig

WIDTH = 64  # channels of the fine map
SIDE = 256  # of the picture, px
VIEW = 32  # width of what the joints say about the camera
THINGS = 2  # object, container
DILATIONS = (1, 2)  # of the two rounds in which a cell looks at its neighbours
HEAT_WEIGHT = 0.3  # of the heat maps' cross-entropy, against the positions' error


class Localized(NamedTuple):
    """What was found of the object and of the container."""

    tokens: Tensor  # (B, 2, context width)
    positions: Tensor  # (B, 2, 3), normalised
    heat: Tensor  # (B, 2, cells): logits of the cell that each is seen in


class ObjectLocalizer(nn.Module):
    """Soft-argmax points whose queries are read from the instruction's words; half seek the object, half the container.

    The first point of each half is supervised in training with the cell that its thing is seen in, which a network
    learns many times faster than metres; the others are free. An expected coordinate generalises over scenes where a
    pooled feature does not. Only the joints that carry the camera are given: the arm's own pose would tell where the
    demonstrator was reaching."""

    def __init__(self, config: PolicyConfig, text_width: int):
        super().__init__()
        visual, self.points = config.visual, config.localizer_points
        self.fine, self.coarse = nn.Conv2d(visual.fine_width, WIDTH, 1), nn.Conv2d(visual.width, WIDTH, 1)
        self.word_score, self.modulation = nn.Linear(text_width, 1), nn.Linear(text_width, 2 * WIDTH)
        self.rounds = nn.ModuleList(neighbours(dilation) for dilation in DILATIONS)
        self.local = nn.Sequential(nn.GELU(), nn.Conv2d(WIDTH, 2 * WIDTH, 1))
        self.words = nn.Linear(text_width, config.localizer_points)
        self.query = nn.Linear(text_width, WIDTH)
        self.own = nn.Parameter(torch.randn(config.localizer_points, WIDTH) * 0.5)
        self.view = PerEmbodiment(config.embodiments.slots_total, lambda: nn.Linear(config.embodiments.width, VIEW))
        found = config.localizer_points // THINGS * 3 + WIDTH + VIEW
        self.thing = nn.ModuleList(two_layers(found, 4 * WIDTH, 2 * WIDTH) for _ in range(THINGS))
        self.position = nn.Linear(2 * WIDTH, 3)
        self.token = nn.Linear(2 * WIDTH + 3, config.context_width)

    def forward(self, batch: dict[str, Tensor]) -> Localized:
        """``batch``: coarse (B, C, rows, columns), fine (twice as many), text (B, L, W), text_mask, view (B, padded),
        slot."""
        words, hidden = (
            batch["text"],
            torch.where(batch["text_mask"][..., None], 0.0, -torch.inf).to(batch["text"].dtype),
        )
        keys, values = self._maps(batch, ((self.word_score(words) + hidden).softmax(1) * words).sum(1)).chunk(2, 1)
        logits = (self._queries(words, hidden) @ keys.flatten(2)).mul(WIDTH**-0.5)  # (B, points, cells)
        weight = logits.softmax(-1)
        where = weight @ grid(keys)  # (B, points, 2)
        peak = weight.amax(-1, keepdim=True)
        what = weight @ values.flatten(2).transpose(1, 2)
        per = self.points // THINGS
        found = torch.cat([where, peak], -1).unflatten(1, (THINGS, per)).flatten(2)
        view = self.view(batch["view"], batch["slot"])[:, None].expand(-1, THINGS, -1)
        known = torch.cat([found, what.unflatten(1, (THINGS, per)).mean(2), view], -1)
        found = F.relu(torch.stack([thing(known[:, i]) for i, thing in enumerate(self.thing)], 1))
        positions = self.position(found)
        return Localized(self.token(torch.cat([found, positions], -1)), positions, logits[:, ::per])

    def _maps(self, batch: dict[str, Tensor], sentence: Tensor) -> Tensor:
        """Return keys and values (B, 2 * WIDTH, rows, columns); the sentence (B, W)
        scales and shifts what is compared."""
        fine, coarse = (
            batch[name].contiguous(memory_format=torch.channels_last) for name in ("fine", "coarse")
        )  # a little faster on a CPU
        h = self.fine(fine) + F.interpolate(self.coarse(coarse), scale_factor=2, mode="bilinear")
        scale, shift = self.modulation(sentence)[..., None, None].chunk(2, 1)
        h = h * (1 + scale) + shift
        for look in self.rounds:
            h = h + look(h)
        return self.local(h)

    def _queries(self, words: Tensor, hidden: Tensor) -> Tensor:
        attention = (self.words(words) + hidden).softmax(1)  # (B, L, points)
        return self.query(attention.transpose(1, 2) @ words) + self.own


class FullPrecision(nn.Conv2d):
    """A convolution outside autocast: torch 2.13's dilated one in bfloat16 reads memory that nobody wrote for its
    weight's gradient."""

    def forward(self, input: Tensor) -> Tensor:
        with torch.autocast(input.device.type, enabled=False):
            return super().forward(input.float())


def neighbours(dilation: int) -> nn.Sequential:
    """A depthwise 5 x 5 convolution between two of single cells."""
    return nn.Sequential(
        nn.GELU(),
        FullPrecision(WIDTH, WIDTH, 5, padding=2 * dilation, dilation=dilation, groups=WIDTH),
        nn.Conv2d(WIDTH, 2 * WIDTH, 1),
        nn.GELU(),
        nn.Conv2d(2 * WIDTH, WIDTH, 1),
    )


def localizer_losses(localized: Localized, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return ``object_localizer``, the loss; its parts ``position`` and ``heat``; and the positions' errors in cm.

    ``batch``: positions, positions_mask, positions_metres (B, 2, 3): normalised, known, metres per unit; pixels (B, 2,
    2)."""
    each = F.smooth_l1_loss(localized.positions.float(), batch["positions"].float(), beta=0.2, reduction="none")
    mask = batch["positions_mask"]
    position = (each * mask).sum() / mask.sum().clamp(min=1)
    heat = heat_loss(localized.heat, batch["pixels"], batch["coarse"].shape[-2:])
    errors = position_errors(localized.positions.detach(), batch)
    return {"object_localizer": position + HEAT_WEIGHT * heat, "position": position, "heat": heat, **errors}


def heat_loss(logits: Tensor, pixels: Tensor, coarse: torch.Size) -> Tensor:
    """Return the cross-entropy of heat maps (B, 2, cells) with the cells around the true pixels (B, 2, 2), where these
    are in view.

    A pixel between four cells belongs to each by its nearness, so that the expected coordinate can be exact.
    """
    rows, columns = 2 * coarse[0], 2 * coarse[1]
    top, bottom = TINY_ROWS
    x = pixels[..., 0] / SIDE * columns - 0.5
    y = (pixels[..., 1] - top) / (bottom - top) * rows - 0.5
    inside = (x > -0.5) & (x < columns - 0.5) & (y > -0.5) & (y < rows - 0.5)  # False for NaN
    target = (_tent(y, rows, inside)[..., :, None] * _tent(x, columns, inside)[..., None, :]).flatten(-2)
    cost = -(target * logits.float().log_softmax(-1)).sum(-1)
    return (cost * inside).sum() / inside.sum().clamp(min=1)


def _tent(place: Tensor, cells: int, inside: Tensor) -> Tensor:
    """Return how much a place (…,), in cells, belongs to each of them (…, cells): 1 at its middle,
    0 at the next one's."""
    at = torch.where(inside, place, 0.0).clamp(0, cells - 1)
    return (1 - (at[..., None] - torch.arange(cells, device=place.device)).abs()).clamp(min=0)


def position_errors(predicted: Tensor, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the mean horizontal distance in cm by which object and container are mistaken,
    where both numbers are known."""
    distance, known = distances(predicted, batch)
    mean = (distance * known).sum(0) / known.sum(0).clamp(min=1)
    return {"object_cm": mean[0], "container_cm": mean[1]}


def distances(predicted: Tensor, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Return the horizontal distances (B, 2) in cm by which object and container are mistaken,
    and which of them are known."""
    error = (predicted - batch["positions"]) * batch["positions_metres"] * 100
    return error[..., :2].norm(dim=-1), batch["positions_mask"][..., :2].all(-1)


def grid(maps: Tensor) -> Tensor:
    """Return the coordinates (cells, 2), x and y from -1 to 1, of the cells of maps (…, rows, columns) in row order."""
    rows, columns = maps.shape[-2:]
    y = torch.linspace(-1, 1, rows, device=maps.device, dtype=maps.dtype)
    x = torch.linspace(-1, 1, columns, device=maps.device, dtype=maps.dtype)
    return torch.stack(torch.meshgrid(y, x, indexing="ij")[::-1], -1).flatten(0, 1)
