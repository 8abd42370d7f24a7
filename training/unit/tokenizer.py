"""Recipe of UniT's tokenizer: frozen visual features in, one codebook for what is seen and what is done."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from agents.nets.checkpoint import Checkpoint, load_checkpoint, rounded_weights
from agents.nets.visual import as_patches, load_visual
from agents.unit.config import TokenizerConfig, from_dict, load_size, to_dict
from agents.unit.tokenizer import UniT
from training.data.chunks import Chunks
from training.loop import Loop, refuse_other
from training.options import TokenizerOptions
from training.unit.card import write_card
from training.unit.eyes import Batch
from training.unit.ready import Needs, card_of, loop_plan, make_ready


def train(options: TokenizerOptions, sets: Sequence[Chunks]) -> Path:
    """Train, write the checkpoint and return its folder."""
    size = load_size(options.size, tokenizer={"variant": options.variant})
    config, defaults = size.tokenizer, size.training["tokenizer"]
    plan = loop_plan(options, f"tokenizer_{options.variant}", defaults)
    torch.set_num_threads(options.threads)
    batch = options.batch or defaults["batch"]
    shares = {"demonstrations": 1.0, "frames": 0.0, "human_egodex": options.human_share}
    cached = config.visual.cached
    needs = Needs(config.bodies, config.visual, config.horizon, batch, shares, goal=True, cached=cached)
    ready = make_ready(options, sets, needs)
    card = ready.card | {"steps": plan.steps, "batch": batch, "seed": options.seed}
    refuse_other(plan.folder, {"recipe": "tokenizer", "config": to_dict(config), **card, "feature_seconds": 0})
    torch.manual_seed(options.seed)
    model = UniT(config)
    started = time.monotonic()
    visual = None if cached else load_visual(config.visual)
    loop = Loop(model, lambda seen: prepare(seen, config, visual), plan)
    shown = loop.run(ready.batches)
    made = card_of(options, loop, ready, time.monotonic() - started, shown)
    weights = rounded_weights(loop.plain)
    checkpoint = Checkpoint("tokenizer", to_dict(config), weights, ready.scalings, ready.features, made)
    checkpoint.save(plan.folder)
    write_card(plan.folder, "tokenizer", checkpoint)
    return plan.folder


def prepare(seen: Batch, config: TokenizerConfig, visual: nn.Module | None) -> Batch:
    """Return a batch with both pictures' patches, as the tokenizer reads them. ``visual`` None: the features are in the batch."""
    if visual is None:
        grids = (seen["coarse"], seen["goal_coarse"])
    else:
        visual.to(seen["slot"].device)
        grids = tuple(visual(seen[name])["coarse"] for name in ("picture", "goal_picture"))
    now, goal = (as_patches(grid, config.merge) for grid in grids)
    return seen | {"now": now, "goal": goal}


def load_tokenizer(folder: Path) -> tuple[UniT, Checkpoint]:
    """Return a frozen tokenizer and its checkpoint."""
    stored = load_checkpoint(folder, "tokenizer", f"Train one with `uv run train tokenizer --data DIR --out {folder}`.")
    model = UniT(from_dict(TokenizerConfig, stored.config))
    stored.restore(model, folder)
    return model.requires_grad_(False).eval(), stored
