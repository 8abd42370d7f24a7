"""where object and container are: what both policies may begin with,
learned before any action at a fraction of the cost"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from agents.nets.result import Result
from agents.nets.visual import plan_visual
from agents.unit.config import PolicyConfig, load_size
from agents.unit.context import SmallContext
from agents.unit.localizer import ObjectLocalizer, localizer_losses
from agents.unit.policy import Batch
from training.loop import Supervised
from training.recipe import Recipe
from training.unit.card import keep
from training.unit.example import squares
from training.unit.job import supervised
from training.unit.options import FREE_UNIT, UnitOptions, resolved
from training.unit.plan import describe
from training.unit.ready import Needs, make_ready, open_sets

WHAT = "Where the instruction's object and container are in a picture: what both policies begin with."


@dataclass(frozen=True)
class LocalizerOptions(UnitOptions):
    """Train what finds object and container in a picture: `train object_localizer --data DIR`,
    for `train gr00t|vla_unit --localizer`."""

    frames_share: float = 2.0
    """Frames without actions, drawn so often per demonstrated chunk: everything in them lies elsewhere,
    whatever the arms do."""

    human_share: float = 0.5
    """How often human frames are drawn, against the robot's."""


def resolve(options: LocalizerOptions) -> LocalizerOptions:
    return resolved(options, "object_localizer", "its backbone finds things itself")


def build(options: LocalizerOptions) -> Supervised:
    config = load_size(options.size).policy
    shares = {"demonstrations": 1.0, "frames": options.frames_share, "human_egodex": options.human_share}
    needs = Needs(config.embodiments, config.visual, config.horizon, options.batch or 0, shares, goal=False)
    ready = make_ready(options, open_sets(options), needs)
    finish = keep("object_localizer", WHAT, config, ready, lambda model: model.localizer)
    return supervised(options, config, ready, lambda: LocalizerWithLoss(localizer_of(config)), finish)


def plan(options: LocalizerOptions) -> str:
    config = load_size(resolve(options).size).policy
    visual = lambda: plan_visual(config.visual).requires_grad_(False)  # noqa: E731 - made on the meta device
    return describe(
        "object_localizer",
        options.size,
        lambda: {"visual features": visual(), "object localizer": localizer_of(config)},
    )


def example(folder: Path, seed: int) -> LocalizerOptions:
    return LocalizerOptions(data=(squares(folder, seed),), steps=2, batch=2, save_every=1, log_every=1)


RECIPE = Recipe(LocalizerOptions, build, plan, example, resolve, FREE_UNIT)


class LocalizerWithLoss(nn.Module):
    """An object localizer with its loss."""

    def __init__(self, localizer: ObjectLocalizer):
        super().__init__()
        self.localizer = localizer

    def forward(self, batch: Batch) -> Result:
        """Return the loss of both positions and heat maps."""
        shown = localizer_losses(self.localizer(batch), batch)
        return Result(shown["object_localizer"], shown)


def localizer_of(config: PolicyConfig) -> ObjectLocalizer:
    """Return the object localizer of a fresh policy."""
    localizer = SmallContext(config).localizer
    assert localizer is not None
    return localizer
