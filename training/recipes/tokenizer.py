"""UniT's tokenizer, in any of its variants: frozen visual features in, one codebook for pictures and actions"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from agents.nets.visual import load_visual
from agents.unit.config import Size, load_size
from agents.unit.tokenizer import UniT
from training.loop import Supervised
from training.recipe import Recipe
from training.unit.card import keep
from training.unit.example import squares
from training.unit.job import supervised
from training.unit.options import FREE_UNIT, UnitOptions, resolved
from training.unit.parts import prepare
from training.unit.plan import describe, tokenizer_parts
from training.unit.ready import Needs, make_ready, open_sets

WHAT = "UniT's tokenizer: pictures, actions and both together in one codebook of residual codes."


@dataclass(frozen=True)
class TokenizerOptions(UnitOptions):
    """Train a tokenizer: `train tokenizer --data DIR`."""

    variant: Literal["full", "no_cross", "villa", "vision", "action"] = "full"
    """full, no_cross (every branch decodes its own), villa (vision to both), vision,
    or action (a plain RQ-VAE of actions)."""

    human_share: float = 0.5
    """How often human chunks are drawn, against the robot's."""


def resolve(options: TokenizerOptions) -> TokenizerOptions:
    return resolved(options, "tokenizer")


def build(options: TokenizerOptions) -> Supervised:
    config = configure(options).tokenizer
    shares = {"demonstrations": 1.0, "frames": 0.0, "human_egodex": options.human_share}
    cached = config.visual.cached
    needs = Needs(
        config.embodiments, config.visual, config.horizon, options.batch or 0, shares, goal=True, cached=cached
    )
    ready = make_ready(options, open_sets(options), needs)
    visual = None if cached else load_visual(config.visual)
    finish = keep("tokenizer", WHAT, config, ready)
    return supervised(
        options, config, ready, lambda: UniT(config), finish, lambda batch: prepare(batch, config, visual)
    )


def configure(options: TokenizerOptions) -> Size:
    """Return the size with the variant."""
    return load_size(options.size, tokenizer={"variant": options.variant})


def plan(options: TokenizerOptions) -> str:
    return describe("tokenizer", options.size, lambda: tokenizer_parts(configure(options)))


def example(folder: Path, seed: int) -> TokenizerOptions:
    return TokenizerOptions(data=(squares(folder, seed),), steps=2, batch=2, save_every=1, log_every=1)


RECIPE = Recipe(TokenizerOptions, build, plan, example, resolve, FREE_UNIT, "tokenizer_{variant}-{size}")
