"""What the two policies share: GR00T learns from actions alone, VLA-UniT from the tokenizer's codes, too."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from agents.nets.checkpoint import load_checkpoint
from agents.unit.config import Size
from agents.unit.policy import Policy, make_processor
from training.loop import Supervised
from training.unit.card import keep
from training.unit.job import supervised
from training.unit.options import PolicyOptions, resolved
from training.unit.parts import Parts, coder
from training.unit.ready import Needs, make_ready, open_sets

O = TypeVar("O", bound=PolicyOptions)  # noqa: E741 - options


def resolve(options: O) -> O:
    """Return the options with the size's numbers."""
    return resolved(options, "policy")


def changes(options: PolicyOptions) -> dict[str, Any]:
    """Return what both policies' options change in the size."""
    return {"base_width": 0} if options.base_policy == "none" else {}


def policy_job(options: PolicyOptions, size: Size, what: str, tokenizer: Path | None = None) -> Supervised:
    """Return the training of a policy. ``what``: the first line of its card. ``tokenizer``: whose codes it predicts."""
    config, sets = size.policy, open_sets(options)
    parts = Parts.load(options, tokenizer)
    frames = 0.0 if options.localizer else options.frames_share
    shares = {"demonstrations": 1.0, "frames": frames, "human_egodex": options.human_share}
    needs = Needs(
        config.embodiments,
        config.visual,
        config.horizon,
        options.batch or 0,
        shares,
        parts.tokenizer is not None,
        options.state_noise,
        config.visual.cached,
        make_processor(config),
        known=parts.known(),
    )
    ready = make_ready(options, sets, needs)

    def model() -> Policy:
        made = Policy(config)
        if options.warm_start:
            begun = load_checkpoint(options.warm_start, "policy", "Give a folder that `train` wrote.")
            begun.restore(made, options.warm_start)
        parts.put_into(made)
        return made

    finish = keep("policy", what, config, ready)
    return supervised(options, config, ready, model, finish, coder(parts.tokenizer))
