"""MDM on the same motions: diffusion of whole motions, a baseline; it makes its own data"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from agents.mdm.network import Diffusion, DiffusionSizes, save
from agents.nets.checkpoint import byte_weights
from training.loop import Done, Supervised
from training.motion_language import example as examples
from training.motion_language.captioned import CaptionedMotions
from training.motion_language.cards import write_card
from training.motion_language.clips import fingerprint, numbered, open_clips, split
from training.motion_language.options import CLIPS, DRY_CLIPS, MotionOptions
from training.motion_language.sentences import of_clips
from training.recipe import Recipe, filled
from training.unit.plan import describe

USUAL = {"clips": CLIPS, "steps": 6000, "batch": 32}
DRY = USUAL | {"clips": DRY_CLIPS, "steps": 4, "batch": 8}


@dataclass(frozen=True)
class MdmOptions(MotionOptions):
    """Train the diffusion baseline: `train mdm`."""

    learning_rate: float = 1e-3
    """At its highest, after the warm-up."""


def resolve(options: MdmOptions) -> MdmOptions:
    return filled(options, **(DRY if options.dry_run else USUAL))


def build(options: MdmOptions) -> Supervised:
    assert options.clips and options.steps and options.batch, "resolved options"
    clips, test = split(open_clips(options.data, options.clips))
    sets = numbered(clips), numbered(test)
    facts = {"clips": [len(clips), len(test)], "minutes": round(sets[0].minutes, 1), "fingerprint": fingerprint(clips)}
    sizes = DiffusionSizes()

    def model() -> Diffusion:
        net = Diffusion(sizes)
        net.mean.copy_(torch.from_numpy(np.concatenate(sets[0].numbers).mean(0)))
        return net

    def finish(done: Done) -> None:
        net = done.model.cpu().eval()
        assert isinstance(net, Diffusion)
        save(net, done.run.folder, byte_weights(net), done.record | facts)
        write_card(done, facts)

    batches = CaptionedMotions(sets, of_clips([*clips, *test]), sizes.frames, options.batch, options.seed)
    return Supervised(model, batches, options.steps, options.learning_rate, facts, finish)


def plan(options: MdmOptions) -> str:
    return describe("mdm", "tiny", lambda: {"diffusion": Diffusion(DiffusionSizes())})


def example(folder: Path, seed: int) -> MdmOptions:
    return MdmOptions(data=examples.pack(folder, seed), clips=5, steps=2, batch=4, save_every=1, log_every=1)


RECIPE = Recipe(MdmOptions, build, plan, example, resolve, folder="mdm")
