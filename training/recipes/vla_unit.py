"""VLA-UniT: a policy that predicts the tokenizer's codes"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from agents.unit.config import Size, load_size
from training.loop import Supervised
from training.recipe import Recipe
from training.unit.example import random_tokenizer, squares
from training.unit.options import FREE_UNIT, PolicyOptions
from training.unit.plan import describe, policy_parts
from training.unit.policy import changes, policy_job
from training.unit.policy import resolve as resolve_policy

WHAT = "VLA-UniT: a policy for GR1 that also predicts the tokenizer's codes, with a flow-matching action head."


@dataclass(frozen=True)
class TokenOptions(PolicyOptions):
    """Train VLA-UniT: `train vla_unit --data DIR --tokenizer DIR`."""

    tokenizer: Path | None = None
    """The folder of the tokenizer; by default runs/train/tokenizer_full-<size>."""

    wiring: Literal["released", "page"] = "released"
    """released: the action head sees the context without bridge tokens. page: it also sees the predicted codes."""

    detach: bool = True
    """Keep the flow loss out of the vision-language backbone, as released."""


def resolve(options: TokenOptions) -> TokenOptions:
    folder = options.tokenizer or Path("runs/train") / f"tokenizer_full-{options.size}"
    return dataclasses.replace(resolve_policy(options), tokenizer=folder)


def build(options: TokenOptions) -> Supervised:
    return policy_job(options, configure(options), WHAT, options.tokenizer)


def configure(options: TokenOptions) -> Size:
    """Return the size with what the options change in the policy."""
    more = {"wiring": options.wiring, "detach": options.detach}
    return load_size(options.size, policy=changes(options) | more)


def plan(options: TokenOptions) -> str:
    return describe("vla_unit", options.size, lambda: policy_parts(configure(options)))


def example(folder: Path, seed: int) -> TokenOptions:
    data = squares(folder, seed)
    tokenizer = random_tokenizer(folder / "tokenizer", data, seed)
    return TokenOptions(data=(data,), tokenizer=tokenizer, steps=2, batch=2, save_every=1, log_every=1)


RECIPE = Recipe(TokenOptions, build, plan, example, resolve, FREE_UNIT)
