"""T2M-GPT on the same motions: codes of the whole body from a sentence's vector, a baseline; it makes its own data"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from agents.humanoid_vla.tokens import WholeCodes, load_tokens
from agents.nets.checkpoint import byte_weights
from agents.t2m_gpt.network import GptSizes, TextToMotion, save
from training.loop import Done, Supervised
from training.motion_language import example as examples
from training.motion_language.captioned import CaptionedCodes
from training.motion_language.cards import write_card
from training.motion_language.clips import fingerprint, numbered, open_clips, split
from training.motion_language.options import CLIPS, DRY_CLIPS, MotionOptions
from training.motion_language.sentences import of_clips
from training.recipe import Recipe, filled
from training.unit.plan import describe

USUAL = {"clips": CLIPS, "steps": 6000, "batch": 32}
DRY = USUAL | {"clips": DRY_CLIPS, "steps": 4, "batch": 8}


@dataclass(frozen=True)
class GptOptions(MotionOptions):
    """Train the baseline of one code after the other: `train motion_tokens --whole`,
    then `train t2m_gpt --tokens DIR`."""

    tokens: Path = Path("runs/train/motion_tokens")
    """The folder of `train motion_tokens --whole`."""

    learning_rate: float = 1e-3
    """At its highest, after the warm-up."""


def resolve(options: GptOptions) -> GptOptions:
    return filled(options, **(DRY if options.dry_run else USUAL))


def build(options: GptOptions) -> Supervised:
    assert options.clips and options.steps and options.batch, "resolved options"
    tokens, _ = load_tokens(options.tokens, WholeCodes)
    clips, test = split(open_clips(options.data, options.clips))
    sets = numbered(clips), numbered(test)
    facts = {"clips": [len(clips), len(test)], "minutes": round(sets[0].minutes, 1), "fingerprint": fingerprint(clips)}
    sizes = GptSizes(codes=tokens.sizes)

    def model() -> TextToMotion:
        net = TextToMotion(sizes)
        net.tokens.load_state_dict(tokens.of("body").state_dict())
        return net

    def finish(done: Done) -> None:
        net = done.model.cpu().eval()
        assert isinstance(net, TextToMotion)
        save(net, done.run.folder, byte_weights(net), done.record | facts)
        write_card(done, facts)

    coder = tokens.to("cuda") if torch.cuda.is_available() else tokens
    batches = CaptionedCodes(sets, of_clips([*clips, *test]), coder, (sizes.longest, options.batch, options.seed))
    return Supervised(model, batches, options.steps, options.learning_rate, facts, finish)


def plan(options: GptOptions) -> str:
    return describe("t2m_gpt", "tiny", lambda: {"tokenizer and GPT": TextToMotion(GptSizes())})


def example(folder: Path, seed: int) -> GptOptions:
    data, tokens = examples.pack(folder, seed), examples.tokens(folder, seed, whole=True)
    return GptOptions(data=data, tokens=tokens, clips=5, steps=2, batch=4, save_every=1, log_every=1)


RECIPE = Recipe(GptOptions, build, plan, example, resolve, folder="t2m_gpt")
