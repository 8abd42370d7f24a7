"""Recipe of the looks: where the instruction's object and container are, learned before any action, at a fraction of the cost."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from agents.nets.checkpoint import Checkpoint, load_checkpoint, rounded_weights
from agents.nets.result import Result
from agents.unit.config import load_size, to_dict
from agents.unit.context import SmallContext
from agents.unit.looks import Looks, looks_losses
from agents.unit.policy import Seen
from crossbody.errors import CrossbodyError
from training.data.chunks import Chunks
from training.loop import Loop, refuse_other
from training.options import LooksOptions
from training.unit.card import write_card
from training.unit.ready import Needs, card_of, loop_plan, make_ready


class Finder(nn.Module):
    """A policy's looks alone, with their loss."""

    def __init__(self, looks: Looks):
        super().__init__()
        self.looks = looks

    def forward(self, seen: Seen) -> Result:
        """Return the loss of both positions and heat maps."""
        shown = looks_losses(self.looks(seen), seen)
        return Result(shown["looks"], shown)


def train(options: LooksOptions, sets: Sequence[Chunks]) -> Path:
    """Train, write the checkpoint and return its folder."""
    size = load_size(options.size)
    config, defaults = size.policy, size.training.get("looks")
    if defaults is None or not config.looks:
        raise CrossbodyError(f"size '{options.size}' has no looks: its backbone finds things itself.")
    plan = loop_plan(options, "looks", defaults)
    torch.set_num_threads(options.threads)
    batch = options.batch or defaults["batch"]
    shares = {"demonstrations": 1.0, "frames": options.frames_share, "human_egodex": options.human_share}
    ready = make_ready(options, sets, Needs(config.bodies, config.visual, config.horizon, batch, shares, goal=False))
    card = ready.card | {"steps": plan.steps, "batch": batch, "seed": options.seed}
    refuse_other(plan.folder, {"recipe": "looks", "config": to_dict(config), **card, "feature_seconds": 0})
    torch.manual_seed(options.seed)
    looks = SmallContext(config).looks
    assert looks is not None
    started = time.monotonic()
    loop = Loop(Finder(looks), lambda seen: seen, plan)
    shown = loop.run(ready.batches)
    made = card_of(options, loop, ready, time.monotonic() - started, shown)
    weights = rounded_weights(looks)
    checkpoint = Checkpoint("looks", to_dict(config), weights, ready.scalings, ready.features, made)
    checkpoint.save(plan.folder)
    write_card(plan.folder, "looks", checkpoint)
    return plan.folder


def load_looks(folder: Path) -> Checkpoint:
    """Return a checkpoint of looks."""
    return load_checkpoint(folder, "looks", f"Train one with `uv run train looks --data DIR --out {folder}`.")
