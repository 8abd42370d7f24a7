"""five part tokenizers of motion, or one of the whole body; it makes its own data"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from agents.humanoid_vla.tokens import PartCodes, WholeCodes, save
from agents.nets.checkpoint import byte_weights
from agents.nets.motion_codes import CodeSizes
from agents.t2m_gpt.network import WHOLE
from training.loop import Done, Supervised
from training.motion_language import example as examples
from training.motion_language.cards import write_tokens_card
from training.motion_language.clips import Windows, fingerprint, numbered, open_clips, split
from training.motion_language.options import CLIPS, DRY_CLIPS, MotionOptions
from training.motion_language.tokens import Learning, measure
from training.recipe import Recipe, filled
from training.unit.plan import describe

USUAL = {"clips": CLIPS, "steps": 2000, "batch": 48, "frames_per_code": 8}
DRY = USUAL | {"clips": DRY_CLIPS, "steps": 4, "batch": 8}


@dataclass(frozen=True)
class TokenOptions(MotionOptions):
    """Train motion tokens: `train motion_tokens`."""

    learning_rate: float = 1.5e-3
    """At its highest, after the warm-up."""

    frames_per_code: int | None = None
    """Frames that become one step of codes: 8 when none is given (2.5 steps a second)."""

    whole: bool = False
    """One codebook of the whole body, 512 codes of 4 frames, as T2M-GPT has it, instead of five of its parts."""


def resolve(options: TokenOptions) -> TokenOptions:
    usual = DRY if options.dry_run else USUAL
    return filled(options, **(usual | {"frames_per_code": WHOLE.frames_per_code} if options.whole else usual))


def network(options: TokenOptions) -> PartCodes:
    """Return the tokenizers that the options ask for, untrained."""
    assert options.frames_per_code, "resolved options"
    if options.whole:
        return WholeCodes(CodeSizes(**(asdict(WHOLE) | {"frames_per_code": options.frames_per_code})))
    return PartCodes(CodeSizes(options.frames_per_code))


def build(options: TokenOptions) -> Supervised:
    assert options.clips and options.steps and options.batch, "resolved options"
    clips, test = split(open_clips(options.data, options.clips))
    train, held_out = numbered(clips), numbered(test)
    facts = {"clips": [len(clips), len(test)], "minutes": round(train.minutes, 1), "fingerprint": fingerprint(clips)}

    def model() -> Learning:
        net = network(options)
        net.set_statistics(torch.from_numpy(np.concatenate(train.numbers).mean(0)))
        return Learning(net)

    def finish(done: Done) -> None:
        assert isinstance(done.model, Learning)
        net = done.model.net.cpu().eval()
        save(net, done.run.folder, byte_weights(net), done.record | facts)
        write_tokens_card(done, facts, measure(net, test))

    batches = Windows(train, held_out, options.batch, options.steps, options.seed)
    return Supervised(model, batches, options.steps, options.learning_rate, facts, finish)


def plan(options: TokenOptions) -> str:
    return describe("motion_tokens", "tiny", lambda: {"tokenizers": network(resolve(options))})


def example(folder: Path, seed: int) -> TokenOptions:
    return TokenOptions(data=examples.pack(folder, seed), clips=5, steps=2, batch=4, save_every=1, log_every=1)


RECIPE = Recipe(TokenOptions, build, plan, example, resolve, folder="motion_tokens")
