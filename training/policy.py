"""Recipe of the policies: GR00T from actions alone, VLA-UniT from the tokenizer's codes, too."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from agents.unit.bodies import Scaling
from agents.unit.checkpoint import Checkpoint, load_checkpoint, rounded_weights
from agents.unit.config import Size, load_size, to_dict
from agents.unit.policy import Policy, reader_of
from agents.unit.tokenizer import UniT
from agents.unit.visual import load_visual
from crossbody.errors import CrossbodyError
from training.card import write_card
from training.data.chunks import Chunks
from training.eyes import Batch
from training.looks import load_looks
from training.loop import Loop, refuse_other
from training.options import PolicyOptions, TokenOptions
from training.ready import Needs, card_of, loop_plan, make_ready
from training.tokenizer import load_tokenizer, prepare

Known = tuple[dict[str, Scaling], dict[str, np.ndarray]]


def train(options: PolicyOptions, sets: Sequence[Chunks]) -> Path:
    """Train, write the checkpoint and return its folder."""
    size, name = configure(options)
    tokenizer, known = (None, None)
    if isinstance(options, TokenOptions):
        tokenizer, stored = load_tokenizer(options.tokenizer or Path("runs/train") / f"tokenizer_full-{options.size}")
        known = (stored.scalings, stored.features)
    looks = load_looks(options.looks) if options.looks else None
    if looks is not None:
        known = agreed(known, looks, options)
    config, defaults = size.policy, size.training["policy"]
    plan = loop_plan(options, name, defaults)
    torch.set_num_threads(options.threads)
    batch = options.batch or defaults["batch"]
    shares = {"demonstrations": 1.0, "frames": options.frames_share, "human_egodex": options.human_share}
    needs = Needs(
        config.bodies, config.visual, config.horizon, batch, shares, tokenizer is not None, options.state_noise,
        config.visual.cached, reader_of(config), known,
    )  # fmt: skip
    ready = make_ready(options, sets, needs)
    card = ready.card | {"steps": plan.steps, "batch": batch, "seed": options.seed, "state_noise": options.state_noise}
    refuse_other(plan.folder, {"recipe": name, "config": to_dict(config), **card, "feature_seconds": 0})
    torch.manual_seed(options.seed)
    model = Policy(config)
    if looks is not None:
        looks.restore(model.context.looks, options.looks)  # pyright: ignore[reportArgumentType]
    if options.warm_start:
        load_checkpoint(options.warm_start, "policy", "Give a folder that `train` wrote.").restore(
            model, options.warm_start
        )
    if tokenizer is not None:
        model.books.copy_(tokenizer.quantizer.books)
    started = time.monotonic()
    loop = Loop(model, coder(tokenizer), plan)
    shown = loop.run(ready.batches)
    made = card_of(options, plan, ready, time.monotonic() - started, shown)
    weights = rounded_weights(loop.plain)
    checkpoint = Checkpoint("policy", to_dict(config), weights, ready.scalings, ready.features, made)
    checkpoint.save(plan.folder)
    write_card(plan.folder, name, checkpoint)
    return plan.folder


def agreed(known: Known | None, looks: Checkpoint, options: PolicyOptions) -> Known:
    """Return the statistics of looks, and of a tokenizer if there is one; where the two see differently, CrossbodyError."""
    if known is None:
        return looks.scalings, looks.features
    scalings, features = known
    if any(not np.array_equal(features[k], looks.features[k]) for k in features if not k.startswith("position")):
        raise CrossbodyError(f"the tokenizer and {options.looks} were trained on other --data; train both on the same.")
    return scalings, looks.features


def configure(options: PolicyOptions) -> tuple[Size, str]:
    """Return the size with what the options change in the policy, and the agent's name."""
    if isinstance(options, TokenOptions):
        return load_size(options.size, policy={"wiring": options.wiring, "detach": options.detach}), "vla_unit"
    return load_size(options.size, policy={"bridge": False, "detach": False}), "gr00t"


def coder(tokenizer: UniT | None) -> Callable[[Batch], Batch]:
    """Return what adds the frozen tokenizer's codes to a batch: the fusion branch's, where the variant has it."""
    if tokenizer is None:
        return lambda seen: seen
    config = tokenizer.config
    visual = None if config.visual.cached else load_visual(config.visual)

    def add(seen: Batch) -> Batch:
        tokenizer.to(seen["slot"].device)
        return seen | {"codes": tokenizer.codes(prepare(seen, config, visual))}

    return add
