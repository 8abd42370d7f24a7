"""Recipe of the policies: GR00T from actions alone, VLA-UniT from the tokenizer's codes, too."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch

from agents.nets.checkpoint import Checkpoint, load_checkpoint, rounded_weights
from agents.nets.embodiments import Scaling
from agents.nets.visual import load_visual
from agents.unit.config import Size, load_size, to_dict
from agents.unit.policy import Policy, reader_of
from agents.unit.tokenizer import UniT
from crossbody.errors import CrossbodyError
from training.data.chunks import Chunks
from training.loop import Loop, refuse_other
from training.options import PolicyOptions, TokenOptions
from training.unit.card import write_card
from training.unit.eyes import Batch
from training.unit.guess import load_guess
from training.unit.looks import load_looks
from training.unit.ready import Needs, card_of, loop_plan, make_ready
from training.unit.tokenizer import load_tokenizer, prepare

Known = tuple[dict[str, Scaling], dict[str, np.ndarray]]


def train(options: PolicyOptions, sets: Sequence[Chunks]) -> Path:
    """Train, write the checkpoint and return its folder."""
    size, name = configure(options)
    parts = Parts.load(options)
    config, defaults = size.policy, size.training["policy"]
    plan = loop_plan(options, name, defaults)
    torch.set_num_threads(options.threads)
    batch = options.batch or defaults["batch"]
    shares = {
        "demonstrations": 1.0,
        "frames": 0.0 if options.looks else options.frames_share,
        "human_egodex": options.human_share,
    }
    needs = Needs(
        config.bodies, config.visual, config.horizon, batch, shares, parts.tokenizer is not None, options.state_noise,
        config.visual.cached, reader_of(config), known=parts.known(),
    )  # fmt: skip
    ready = make_ready(options, sets, needs)
    card = ready.card | {"steps": plan.steps, "batch": batch, "seed": options.seed, "state_noise": options.state_noise}
    refuse_other(plan.folder, {"recipe": name, "config": to_dict(config), **card, "feature_seconds": 0})
    torch.manual_seed(options.seed)
    model = Policy(config)
    if options.warm_start:
        load_checkpoint(options.warm_start, "policy", "Give a folder that `train` wrote.").restore(
            model, options.warm_start
        )
    parts.put_into(model)
    started = time.monotonic()
    loop = Loop(model, coder(parts.tokenizer), plan)
    shown = loop.run(ready.batches)
    made = card_of(options, loop, ready, time.monotonic() - started, shown)
    weights = rounded_weights(loop.plain)
    checkpoint = Checkpoint("policy", to_dict(config), weights, ready.scalings, ready.features, made)
    checkpoint.save(plan.folder)
    write_card(plan.folder, name, checkpoint)
    return plan.folder


@dataclass(frozen=True)
class Parts:
    """What was trained before and stays as it is, with the folders that it came from."""

    looks: tuple[Checkpoint, Path] | None
    guess: tuple[Checkpoint, Path] | None
    codes: tuple[Checkpoint, Path] | None
    tokenizer: UniT | None

    @staticmethod
    def load(options: PolicyOptions) -> Parts:
        """Read the folders that the options name."""
        looks = (load_looks(options.looks), options.looks) if options.looks else None
        guess = (load_guess(options.guess), options.guess) if isinstance(options.guess, Path) else None
        if not isinstance(options, TokenOptions):
            return Parts(looks, guess, None, None)
        folder = options.tokenizer or Path("runs/train") / f"tokenizer_full-{options.size}"
        tokenizer, stored = load_tokenizer(folder)
        return Parts(looks, guess, (stored, folder), tokenizer)

    def known(self) -> Known | None:
        """Return the statistics that all parts share, None without any; where two differ, CrossbodyError."""
        there = [part for part in (self.looks, self.guess, self.codes) if part is not None]
        for (one, place), (other, elsewhere) in pairwise(there):
            if not alike(one, other):
                raise CrossbodyError(
                    f"{place} and {elsewhere} were trained on different --data; train both on the same."
                )
        return (there[0][0].scalings, there[0][0].features) if there else None

    def put_into(self, model: Policy) -> None:
        """Copy the weights into the policy, whose parts of that kind learn no more."""
        for part, module in ((self.looks, model.looks), (self.guess, model.guess)):
            if part is not None and module is not None:
                part[0].restore(module.requires_grad_(False), part[1])
        if self.tokenizer is not None:
            model.books.copy_(self.tokenizer.quantizer.books)


def alike(one: Checkpoint, other: Checkpoint) -> bool:
    """Return whether two parts see and act in the same numbers."""
    scalings = [
        (one.scalings[b].to_arrays(), other.scalings[b].to_arrays()) for b in one.scalings if b in other.scalings
    ]
    pairs = [(one.features, other.features), *scalings]
    return all(np.array_equal(a[k], b[k]) for a, b in pairs for k in a if k in b)


def configure(options: PolicyOptions) -> tuple[Size, str]:
    """Return the size with what the options change in the policy, and the agent's name."""
    changes: dict[str, Any] = {"guess": 0} if options.guess == "none" else {}
    if isinstance(options, TokenOptions):
        return load_size(
            options.size, policy=changes | {"wiring": options.wiring, "detach": options.detach}
        ), "vla_unit"
    return load_size(options.size, policy=changes | {"bridge": False, "detach": False}), "gr00t"


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
