"""Humanoid-VLA's language model over words and motion tokens: first motions of low quality, then clean ones"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from agents.humanoid_vla.model import LanguageModel, LanguageSizes, save
from agents.humanoid_vla.sizing import load_size
from agents.humanoid_vla.speech import words_of
from agents.humanoid_vla.tokens import load_tokens
from agents.humanoid_vla.vocabulary import Vocabulary, learned
from agents.nets.checkpoint import byte_weights
from crossbody.errors import CrossbodyError
from training.loop import Done, Supervised
from training.motion_language import example as examples
from training.motion_language import stages
from training.motion_language.cards import write_card
from training.motion_language.corpus import Questions, write
from training.motion_language.options import CLIPS, DRY_CLIPS, MotionOptions
from training.recipe import FREE, Recipe, filled
from training.unit.plan import describe

USUAL = {"clips": CLIPS, "steps": 9000, "batch": 24, "questions": 120_000}
DRY = USUAL | {"clips": DRY_CLIPS, "steps": 4, "batch": 8, "questions": 64}
HELD_OUT_QUESTIONS = 1024


@dataclass(frozen=True)
class LanguageOptions(MotionOptions):
    """Train the language model: `train motion_tokens`, then `train humanoid_vla`."""

    size: str = "tiny"
    """A name from agents/humanoid_vla/sizes. The sizes that begin with a public text model are described by --plan."""

    tokens: Path = Path("runs/train/motion_tokens")
    """The folder of `train motion_tokens`."""

    low: Path | None = None
    """A folder of motions of low quality for the first stage, such as estimates from video or what a generator made;
    captions are optional. By default the clean motions, made worse as an estimator would."""

    high: Path | None = None
    """A folder of clean motions for the second stage, instead of the procedural ones."""

    low_share: float = 0.5
    """Share of the updates that are on motions of low quality, which come first:
    0 and 1 leave one of the stages out."""

    high_part: float = 1.0
    """Share of the clean motions that the second stage may see."""

    questions: int | None = None
    """Questions that are written beforehand for each stage, 120,000 when none is given; updates draw from them."""

    processes: int = 1
    """Processes that make the data ready."""

    bf16: bool = False
    """Compute in bfloat16: about twice as fast where the machine can."""

    learning_rate: float = 2.5e-3
    """At its highest, after the warm-up."""


def resolve(options: LanguageOptions) -> LanguageOptions:
    return filled(options, **(DRY if options.dry_run else USUAL))


def build(options: LanguageOptions) -> Supervised:
    assert options.steps and options.batch and options.questions, "resolved options"
    size = load_size(options.size)
    if size.text_model:
        raise CrossbodyError(
            f"size {options.size} begins with {size.text_model.name} and is planned only: add --plan, "
            "or train --size tiny."
        )
    tokens, tokens_card = load_tokens(options.tokens)
    coder = tokens.to("cuda") if torch.cuda.is_available() else tokens
    data = stages.opened(options, coder)
    vocabulary = learned(data.captions)
    words = sorted({w for caption in data.captions for w in words_of(caption)})
    sizes = LanguageSizes(**size.language, frames_per_code=tokens.sizes.frames_per_code)

    def written(clips, seed: int, count: int):
        return write(clips, vocabulary, sizes.frames_per_code, (count, seed, options.processes))

    held_out = written(data.held_out, options.seed + 2, min(HELD_OUT_QUESTIONS, options.questions))
    supplies = [
        Questions(
            written(clips, options.seed + n, options.questions), held_out, vocabulary, options.batch, options.seed
        )
        for n, clips in enumerate((data.low, data.high))
    ]
    switch = round(options.low_share * options.steps)

    def finish(done: Done) -> None:
        net = done.model.cpu().eval()
        assert isinstance(net, LanguageModel)
        save(
            net,
            done.run.folder,
            byte_weights(net),
            done.record | data.facts | {"tokens": tokens_card.digest, "words": words},
        )
        write_card(done, data.facts)

    facts = data.facts | {"language": asdict(sizes), "vocabulary": vocabulary.size}
    return Supervised(
        lambda: LanguageModel(sizes, vocabulary),
        stages.Stages(supplies[0], supplies[1], switch),
        options.steps,
        options.learning_rate,
        facts,
        finish,
        bf16=options.bf16,
    )


def plan(options: LanguageOptions) -> str:
    size = load_size(options.size)
    return (
        size.described()
        if size.text_model
        else describe("humanoid_vla", options.size, lambda: _networks(size.language))
    )


def _networks(language: dict[str, int]) -> dict[str, LanguageModel]:
    vocabulary: Vocabulary = learned(["a person waves"], words=300)
    return {"language model": LanguageModel(LanguageSizes(**language), vocabulary)}


def example(folder: Path, seed: int) -> LanguageOptions:
    data, tokens = examples.pack(folder, seed), examples.tokens(folder, seed)
    return LanguageOptions(
        data=data, tokens=tokens, clips=5, steps=2, batch=4, questions=16, save_every=1, log_every=1, low_share=0.5
    )


RECIPE = Recipe(LanguageOptions, build, plan, example, resolve, FREE | {"processes"})
