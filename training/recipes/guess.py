"""what to do next, from joints and places alone: what both policies go on from"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from agents.nets.result import Result
from agents.unit.config import load_size
from agents.unit.context import TEXT_WIDTH
from agents.unit.guess import LEAST_SPREAD, Guess, guess_loss
from agents.unit.policy import Seen
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
SPREAD_BATCHES = 40


@dataclass(frozen=True)
class GuessOptions(UnitOptions):
    """Train what guesses a chunk without pictures: `train guess --data DIR`, for `train gr00t|vla_unit --guess`."""

    human_share: float = 0.25
    """How often human chunks are drawn, against the robot's."""

    state_noise: float = 0.03
    """Standard deviation, rad or m, of noise on the state; the action stays in place, so the noise teaches to correct it."""

    unsure: float = 0.02
    """Standard deviation, m, of noise on where object and container are: looks mistake them, too."""


def resolve(options: GuessOptions) -> GuessOptions:
    return resolved(options, "guess", "its action head learns from pictures alone")


def build(options: GuessOptions) -> Supervised:
    config = load_size(options.size).policy
    shares = {"demonstrations": 1.0, "frames": 0.0, "human_egodex": options.human_share}
    needs = Needs(
        config.bodies, config.visual, config.horizon, options.batch or 0, shares, goal=False,
        state_noise=options.state_noise, pictures=False,
    )  # fmt: skip
    ready = make_ready(options, open_sets(options), needs)
    write = keep("guess", WHAT, config, ready, lambda model: model.guess)

    def finish(done: Done) -> None:
        assert isinstance(done.model, Guesser)
        measure_spread(done.model, ready.batches)
        write(done)

    return supervised(options, config, ready, lambda: Guesser(Guess(config, TEXT_WIDTH), options.unsure), finish)


def plan(options: GuessOptions) -> str:
    config = load_size(resolve(options).size).policy
    return describe("guess", options.size, lambda: {"guess": Guess(config, TEXT_WIDTH)})


def example(folder: Path, seed: int) -> GuessOptions:
    return GuessOptions(data=(squares(folder, seed),), steps=2, batch=4, save_every=1, log_every=1)


RECIPE = Recipe(GuessOptions, build, plan, example, resolve, FREE_UNIT)


class Guesser(nn.Module):
    """A policy's guess alone, with its loss. In training it does not know exactly where things are."""

    def __init__(self, guess: Guess, unsure_m: float):
        super().__init__()
        self.guess, self.unsure_m = guess, unsure_m

    def forward(self, seen: Seen) -> Result:
        loss = guess_loss(self.guess(seen, self._believed(seen)), seen)
        return Result(loss, {"guess": loss})

    def left_over(self, seen: Seen) -> Tensor:
        """Return what chunks differ by from what is guessed (B, horizon, padded), 0 where there is none."""
        return (seen["action"] - self.guess(seen, self._believed(seen))) * seen["action_mask"]

    def _believed(self, seen: Seen) -> Tensor:
        positions = seen["positions"]
        noise = torch.randn_like(positions) * self.unsure_m / seen["positions_metres"]
        return positions + noise * seen["positions_mask"] if self.training else positions


@torch.no_grad()
def measure_spread(model: Guesser, batches: Batches) -> None:
    """Store the root mean square of what is left over, per body, step and number, on episodes held out."""
    model.eval()
    total, count = torch.zeros_like(model.guess.spread), torch.zeros_like(model.guess.spread)
    for number in range(SPREAD_BATCHES):
        seen = batches(number, held_out=True)
        total.index_add_(0, seen["slot"], model.left_over(seen).square())
        count.index_add_(0, seen["slot"], seen["action_mask"].float())
    model.guess.spread.copy_(torch.where(count > 0, (total / count.clamp(min=1)).sqrt().clamp(min=LEAST_SPREAD), 1.0))
