"""Recipe of the guess: what the demonstrator does next, from the joints, where things are, and the instruction; no pictures."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from agents.nets.checkpoint import Checkpoint, load_checkpoint, rounded_weights
from agents.nets.result import Result
from agents.unit.config import load_size, to_dict
from agents.unit.context import TEXT_WIDTH
from agents.unit.guess import LEAST_SPREAD, Guess, guess_loss
from agents.unit.policy import Seen
from crossbody.errors import CrossbodyError
from training.data.chunks import Chunks
from training.loop import Loop, refuse_other
from training.options import GuessOptions
from training.unit.batches import Batches
from training.unit.card import write_card
from training.unit.ready import Needs, card_of, loop_plan, make_ready

SPREAD_BATCHES = 40


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


def train(options: GuessOptions, sets: Sequence[Chunks]) -> Path:
    """Train, write the checkpoint and return its folder."""
    size = load_size(options.size)
    config, defaults = size.policy, size.training.get("guess")
    if defaults is None or not config.guess:
        raise CrossbodyError(f"size '{options.size}' has no guess: its action head learns from pictures alone.")
    plan = loop_plan(options, "guess", defaults)
    torch.set_num_threads(options.threads)
    batch = options.batch or defaults["batch"]
    shares = {"demonstrations": 1.0, "frames": 0.0, "human_egodex": options.human_share}
    needs = Needs(
        config.bodies, config.visual, config.horizon, batch, shares, goal=False, state_noise=options.state_noise,
        pictures=False,
    )  # fmt: skip
    ready = make_ready(options, sets, needs)
    card = ready.card | {"steps": plan.steps, "batch": batch, "seed": options.seed, "unsure": options.unsure}
    refuse_other(plan.folder, {"recipe": "guess", "config": to_dict(config), **card, "feature_seconds": 0})
    torch.manual_seed(options.seed)
    model = Guesser(Guess(config, TEXT_WIDTH), options.unsure)
    started = time.monotonic()
    loop = Loop(model, lambda seen: seen, plan)
    shown = loop.run(ready.batches)
    measure_spread(model, ready.batches)
    made = card_of(options, loop, ready, time.monotonic() - started, shown)
    checkpoint = Checkpoint(
        "guess", to_dict(config), rounded_weights(model.guess), ready.scalings, ready.features, made
    )
    checkpoint.save(plan.folder)
    write_card(plan.folder, "guess", checkpoint)
    return plan.folder


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


def load_guess(folder: Path) -> Checkpoint:
    """Return a checkpoint of a guess."""
    return load_checkpoint(folder, "guess", f"Train one with `uv run train guess --data DIR --out {folder}`.")
