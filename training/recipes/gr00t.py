"""VLA-UniT's matched baseline: the same policy from actions alone, after GR00T"""

from __future__ import annotations

from pathlib import Path

from agents.unit.config import Size, load_size
from training.loop import Supervised
from training.recipe import Recipe
from training.unit.example import squares
from training.unit.options import FREE_UNIT, PolicyOptions
from training.unit.plan import describe, policy_parts
from training.unit.policy import changes, policy_job, resolve

WHAT = "VLA-UniT's matched baseline: the same policy without codes, after GR00T."


def build(options: PolicyOptions) -> Supervised:
    return policy_job(options, configure(options), WHAT)


def configure(options: PolicyOptions) -> Size:
    """Return the size with what the options change in the policy."""
    return load_size(options.size, policy=changes(options) | {"bridge": False, "detach": False})


def plan(options: PolicyOptions) -> str:
    return describe("gr00t", options.size, lambda: policy_parts(configure(options)))


def example(folder: Path, seed: int) -> PolicyOptions:
    return PolicyOptions(data=(squares(folder, seed),), steps=2, batch=2, save_every=1, log_every=1)


RECIPE = Recipe(PolicyOptions, build, plan, example, resolve, FREE_UNIT)
