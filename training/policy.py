"""Recipe of the policies: GR00T from actions alone, VLA-UniT from the tokenizer's codes, too."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from agents.unit.checkpoint import Checkpoint, numpy_weights
from agents.unit.config import Size, load_size, to_dict
from agents.unit.policy import Policy
from agents.unit.tokenizer import UniT
from crossbody.errors import CrossbodyError
from training.batches import Batch
from training.loop import Loop, refuse_other
from training.options import Common, Needs, card_of, loop_plan, make_ready
from training.sources import Chunks
from training.tokenizer import load_tokenizer, prepare


@dataclass(frozen=True)
class Options(Common):
    """Train a policy without tokens: `train gr00t --data DIR`."""

    frames_share: float = 0.5
    """Frames without actions, drawn so often per demonstrated chunk: they teach where object and container are."""

    human_share: float = 1.0
    """How often human chunks are drawn, against the robot's."""

    state_noise: float = 0.01
    """Standard deviation, rad or m, of noise on the state; the action stays in place, so the noise teaches to correct it."""

    warm_start: Path | None = None
    """A checkpoint of the same configuration to begin with: robot-only fine-tuning after co-training, for one."""


@dataclass(frozen=True)
class TokenOptions(Options):
    """Train VLA-UniT: `train vla_unit --data DIR --tokenizer DIR`."""

    tokenizer: Path | None = None
    """The folder of the tokenizer; by default runs/train/tokenizer_full-<size>."""

    wiring: Literal["released", "page"] = "released"
    """released: the action head sees the context without bridge tokens. page: it also sees the predicted codes."""

    detach: bool = True
    """Keep the flow loss out of the vision-language backbone, as released."""


def train(options: Options, sets: Sequence[Chunks]) -> Path:
    """Train, write the checkpoint and return its folder."""
    size, name = configure(options)
    tokenizer, known = (None, None)
    if isinstance(options, TokenOptions):
        tokenizer, stored = load_tokenizer(options.tokenizer or Path("runs/train") / f"tokenizer_full-{options.size}")
        known = (stored.scalings, stored.features)
    config, defaults = size.policy, size.training["policy"]
    plan = loop_plan(options, name, defaults)
    torch.set_num_threads(options.threads)
    batch = options.batch or defaults["batch"]
    shares = {"demonstrations": 1.0, "frames": options.frames_share, "human_egodex": options.human_share}
    needs = Needs(
        config.bodies, config.visual, config.horizon, batch, shares, tokenizer is not None, options.state_noise, known
    )
    ready = make_ready(options, sets, needs)
    card = ready.card | {"steps": plan.steps, "batch": batch, "seed": options.seed, "state_noise": options.state_noise}
    refuse_other(plan.folder, {"recipe": name, "config": to_dict(config), **card, "feature_seconds": 0})
    torch.manual_seed(options.seed)
    model = Policy(config)
    if tokenizer is not None:
        model.books.copy_(tokenizer.quantizer.books)
    started = time.monotonic()
    loop = Loop(model, coder(tokenizer), plan)
    shown = loop.run(ready.batches)
    made = card_of(options, plan, ready, time.monotonic() - started, shown)
    weights = numpy_weights(loop.plain)
    Checkpoint("policy", to_dict(config), weights, ready.scalings, ready.features, made).save(plan.folder)
    return plan.folder


def configure(options: Options) -> tuple[Size, str]:
    """Return the size with what the options change in the policy, and the agent's name."""
    if isinstance(options, TokenOptions):
        return load_size(options.size, policy={"wiring": options.wiring, "detach": options.detach}), "vla_unit"
    return load_size(options.size, policy={"bridge": False, "detach": False}), "gr00t"


def coder(tokenizer: UniT | None) -> Callable[[Batch], Batch]:
    """Return what adds the frozen tokenizer's codes to a batch: the fusion branch's, where the variant has it."""
    if tokenizer is None:
        return lambda seen: seen
    return lambda seen: seen | {"codes": tokenizer.to(seen["slot"].device).codes(prepare(seen, tokenizer.config))}
