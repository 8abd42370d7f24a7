"""motions and texts in one space, for FID and R-precision; it makes its own data"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agents.nets.result import Result
from crossbody.runs import write_atomic
from envs.humanoid.motions import library
from evaluators.backbones.motion.matcher import Matcher, Sizes, load
from evaluators.subjects.motion_sets import POOL
from training.loop import Batch, Done, Supervised
from training.matcher.card import text
from training.matcher.matching import HELD_OUT_WORDINGS, Matches, motions, statistics
from training.recipe import Options, Recipe, command, filled
from training.unit.plan import describe

USUAL = {"clips": 160, "steps": 600, "batch": 96}
DRY = {"clips": 5, "steps": 4, "batch": 16}


@dataclass(frozen=True)
class MatcherOptions(Options):
    """Train the motion matcher on the procedural motions: `train matcher`."""

    clips: int | None = None
    """Motions of every kind, 160 when none is given; every fifth is held out."""

    steps: int | None = None
    """Updates; 600 when none is given."""

    batch: int | None = None
    """Motions with a caption each per update, 96 when none is given: every other one of them is a wrong answer."""

    learning_rate: float = 1e-3
    """At its highest, after the warm-up."""

    unread: float = 0.2
    """Share of a caption's words that an update does not see, so that no single wording is relied upon."""

    blurred: float = 0.4
    """Share of the words' numbers that are zero in an update: MiniLM says the same with the others."""

    save_every: int = 100
    """Updates between snapshots, from which the same command goes on."""

    log_every: int = 50
    """Updates between points of the curves."""


def resolve(options: MatcherOptions) -> MatcherOptions:
    return filled(options, **(DRY if options.dry_run else USUAL))


def build(options: MatcherOptions) -> Supervised:
    assert options.clips and options.steps and options.batch, "resolved options"
    train_set, held_out = motions(options.clips)
    facts = {
        "sizes": asdict(Sizes()),
        "motions": [len(train_set), len(held_out)],
        "source": f"procedural-{library.VERSION} {library.ROBOT}",
        "fingerprint": train_set.fingerprint(),
    }

    def model() -> Contrast:
        network = Matcher(Sizes())
        network.mean, network.std = statistics(train_set)
        return Contrast(network, options.blurred)

    def finish(done: Done) -> None:
        assert isinstance(done.model, Contrast)
        typed = {k: getattr(options, k) for k in ("batch", "seed", "learning_rate", "unread", "blurred")}
        made = {"recipe": "matcher", **facts, **typed, **{k: done.record[k] for k in ("steps", "seconds", "torch")}}
        done.model.network.save(done.run.folder, made)
        load.cache_clear()
        card = text(load(done.run.folder), command(done.run), made, held_out, HELD_OUT_WORDINGS)
        write_atomic(done.run.folder / "README.md", card.encode())

    batches = Matches(train_set, held_out, options.batch, options.seed, options.unread)
    return Supervised(model, batches, options.steps, options.learning_rate, facts, finish)


def plan(options: MatcherOptions) -> str:
    return describe("matcher", "tiny", lambda: {"matcher": Matcher(Sizes())})


def example(folder: Path, seed: int) -> MatcherOptions:
    return MatcherOptions(clips=5, steps=2, batch=4, save_every=1, log_every=1)


RECIPE = Recipe(MatcherOptions, build, plan, example, resolve, folder="motion_matcher")


class Contrast(nn.Module):
    """The network with its loss."""

    def __init__(self, network: Matcher, blurred: float = 0.0):
        """``blurred``: the share of the words' numbers that is zero in training."""
        super().__init__()
        self.network, self.blurred = network, blurred

    def forward(self, batch: Batch) -> Result:
        """Return the loss of a batch: each motion among the captions, and each caption among the motions.

        Cross entropy of minus the squared distances, so that what R-precision ranks by is what is trained. Motions with
        one and the same caption are all right answers.
        """
        a = self.network.motions(batch["features"], batch["codes"])
        words = F.dropout(batch["words"], self.blurred, self.training)
        b = self.network.texts(words, batch["mask"])
        nearness = -torch.cdist(a, b).square()
        right = (batch["caption"][:, None] == batch["caption"]).float()
        loss = (_entropy(nearness, right) + _entropy(nearness.T, right)) / 2
        shown = {"loss": loss, "distance": -nearness.diagonal().mean()}
        if len(a) >= POOL:
            pool = nearness[:POOL, :POOL].T
            behind = (pool >= pool.diagonal()[:, None]).sum(1) - 1
            shown |= {f"r_precision_top{k}": (behind < k).float().mean() for k in (1, 3)}
        return Result(loss, shown)


def _entropy(logits: Tensor, right: Tensor) -> Tensor:
    return -(F.log_softmax(logits, 1) * right / right.sum(1, keepdim=True)).sum(1).mean()
