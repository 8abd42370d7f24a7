"""the base policy: a chunk from joints, object positions and the instruction, without pictures"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from agents.nets.result import Result
from agents.unit.base_policy import LEAST_SCALE, BasePolicy, base_policy_loss
from agents.unit.config import load_size
from agents.unit.context import TEXT_WIDTH
from agents.unit.policy import Batch
from training.loop import Done, Supervised
from training.recipe import Recipe
from training.unit.batches import Batches
from training.unit.card import keep
from training.unit.example import squares
from training.unit.job import supervised
from training.unit.options import FREE_UNIT, UnitOptions, resolved
from training.unit.plan import describe
from training.unit.ready import Needs, make_ready, open_sets

WHAT = "What a demonstrator does next, from the joints, where things are and the instruction, without pictures."
SCALE_BATCHES = 40


@dataclass(frozen=True)
class BasePolicyOptions(UnitOptions):
    """Train a base policy, which estimates a chunk without pictures: `train base_policy --data DIR`,
    for `train gr00t|vla_unit --base-policy`."""

    human_share: float = 0.25
    """How often human chunks are drawn, against the robot's."""

    state_noise: float = 0.03
    """Standard deviation, rad or m, of noise on the state; the action stays in place,
    so the noise teaches to correct it."""

    position_noise: float = 0.02
    """Standard deviation, m, of noise on where object and container are: an object localizer errs, too."""


def resolve(options: BasePolicyOptions) -> BasePolicyOptions:
    return resolved(options, "base_policy", "its action head learns from pictures alone")


def build(options: BasePolicyOptions) -> Supervised:
    config = load_size(options.size).policy
    shares = {"demonstrations": 1.0, "frames": 0.0, "human_egodex": options.human_share}
    needs = Needs(
        config.embodiments,
        config.visual,
        config.horizon,
        options.batch or 0,
        shares,
        goal=False,
        state_noise=options.state_noise,
        pictures=False,
    )
    ready = make_ready(options, open_sets(options), needs)
    write = keep("base_policy", WHAT, config, ready, lambda model: model.base)

    def finish(done: Done) -> None:
        assert isinstance(done.model, BasePolicyWithLoss)
        measure_residual_scale(done.model, ready.batches)
        write(done)

    return supervised(
        options,
        config,
        ready,
        lambda: BasePolicyWithLoss(BasePolicy(config, TEXT_WIDTH), options.position_noise),
        finish,
    )


def plan(options: BasePolicyOptions) -> str:
    config = load_size(resolve(options).size).policy
    return describe("base_policy", options.size, lambda: {"base policy": BasePolicy(config, TEXT_WIDTH)})


def example(folder: Path, seed: int) -> BasePolicyOptions:
    return BasePolicyOptions(data=(squares(folder, seed),), steps=2, batch=4, save_every=1, log_every=1)


RECIPE = Recipe(BasePolicyOptions, build, plan, example, resolve, FREE_UNIT)


class BasePolicyWithLoss(nn.Module):
    """A base policy with its loss. In training it does not know exactly where things are."""

    def __init__(self, base: BasePolicy, noise_m: float):
        super().__init__()
        self.base, self.noise_m = base, noise_m

    def forward(self, batch: Batch) -> Result:
        loss = base_policy_loss(self.base(batch, self._noisy_positions(batch)), batch)
        return Result(loss, {"base_policy": loss})

    def residual(self, batch: Batch) -> Tensor:
        """Return what chunks differ by from the estimate (B, horizon, padded), 0 where there is none."""
        return (batch["action"] - self.base(batch, self._noisy_positions(batch))) * batch["action_mask"]

    def _noisy_positions(self, batch: Batch) -> Tensor:
        positions = batch["positions"]
        noise = torch.randn_like(positions) * self.noise_m / batch["positions_metres"]
        return positions + noise * batch["positions_mask"] if self.training else positions


@torch.no_grad()
def measure_residual_scale(model: BasePolicyWithLoss, batches: Batches) -> None:
    """Store the root mean square of the residual, per embodiment, step and number, on episodes held out."""
    model.eval()
    total, count = torch.zeros_like(model.base.residual_scale), torch.zeros_like(model.base.residual_scale)
    for number in range(SCALE_BATCHES):
        batch = batches(number, held_out=True)
        total.index_add_(0, batch["slot"], model.residual(batch).square())
        count.index_add_(0, batch["slot"], batch["action_mask"].float())
    model.base.residual_scale.copy_(
        torch.where(count > 0, (total / count.clamp(min=1)).sqrt().clamp(min=LEAST_SCALE), 1.0)
    )
