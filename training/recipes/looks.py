"""where object and container are: what both policies may begin with, learned before any action at a fraction of the cost"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from agents.nets.result import Result
from agents.nets.visual import plan_visual
from agents.unit.config import PolicyConfig, load_size
from agents.unit.context import SmallContext
from agents.unit.looks import Looks, looks_losses
from agents.unit.policy import Seen
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
class LooksOptions(UnitOptions):
    """Train what finds object and container in a picture: `train looks --data DIR`, for `train gr00t|vla_unit --looks`."""

    frames_share: float = 2.0
    """Frames without actions, drawn so often per demonstrated chunk: everything in them lies elsewhere, whatever the arms do."""

    human_share: float = 0.5
    """How often human frames are drawn, against the robot's."""


def resolve(options: LooksOptions) -> LooksOptions:
    return resolved(options, "looks", "its backbone finds things itself")


def build(options: LooksOptions) -> Supervised:
    config = load_size(options.size).policy
    shares = {"demonstrations": 1.0, "frames": options.frames_share, "human_egodex": options.human_share}
    needs = Needs(config.bodies, config.visual, config.horizon, options.batch or 0, shares, goal=False)
    ready = make_ready(options, open_sets(options), needs)
    finish = keep("looks", WHAT, config, ready, lambda model: model.looks)
    return supervised(options, config, ready, lambda: Finder(looks_of(config)), finish)


def plan(options: LooksOptions) -> str:
    config = load_size(resolve(options).size).policy
    visual = lambda: plan_visual(config.visual).requires_grad_(False)  # noqa: E731 - made on the meta device
    return describe("looks", options.size, lambda: {"visual features": visual(), "looks": looks_of(config)})


def example(folder: Path, seed: int) -> LooksOptions:
    return LooksOptions(data=(squares(folder, seed),), steps=2, batch=2, save_every=1, log_every=1)


RECIPE = Recipe(LooksOptions, build, plan, example, resolve, FREE_UNIT)


class Finder(nn.Module):
    """A policy's looks alone, with their loss."""

    def __init__(self, looks: Looks):
        super().__init__()
        self.looks = looks

    def forward(self, seen: Seen) -> Result:
        """Return the loss of both positions and heat maps."""
        shown = looks_losses(self.looks(seen), seen)
        return Result(shown["looks"], shown)


def looks_of(config: PolicyConfig) -> Looks:
    """Return the looks of a fresh policy."""
    looks = SmallContext(config).looks
    assert looks is not None
    return looks
