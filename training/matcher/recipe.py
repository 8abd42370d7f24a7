"""Recipe of the motion matcher: captions and motions of the procedural set drawn to one place, as text-to-motion's evaluator is."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agents.nets.result import Result
from crossbody.runs import write_atomic
from envs.humanoid.motions import library
from evaluators.backbones.motion.matcher import Matcher, Sizes, load
from evaluators.subjects.motion_sets import POOL
from training.loop import Batch, Loop, Plan, refuse_other
from training.matcher.card import text
from training.matcher.matching import HELD_OUT_WORDINGS, Captioned, Matches, motions, statistics
from training.options import MatcherOptions

DRY_STEPS, DRY_CLIPS, DRY_BATCH = 4, 5, 16


def train(options: MatcherOptions) -> Path:
    """Train, measure on held-out motions, write weights and card, and return their folder."""
    plan = _plan(options)
    torch.set_num_threads(options.threads)
    train_set, held_out = motions(DRY_CLIPS if options.dry_run else options.clips)
    batch = DRY_BATCH if options.dry_run else options.batch
    recipe = {
        "recipe": "matcher", "sizes": asdict(Sizes()), "steps": plan.steps, "batch": batch, "seed": plan.seed,
        "learning_rate": plan.learning_rate, "unread": options.unread, "blurred": options.blurred, "motions": [len(train_set), len(held_out)],
        "source": f"procedural-{library.VERSION} {library.ROBOT}", "fingerprint": train_set.fingerprint(),
    }  # fmt: skip
    refuse_other(plan.folder, recipe)
    torch.manual_seed(options.seed)
    network = Matcher(Sizes())
    network.mean, network.std = statistics(train_set)
    started = time.monotonic()
    loop = Loop(Contrast(network, options.blurred), lambda seen: seen, plan)
    loop.run(Matches(train_set, held_out, batch, options.seed, options.unread))
    made = recipe | {"seconds": round(time.monotonic() - started), "torch": torch.__version__}
    network.save(plan.folder, made)
    _write_card(plan.folder, options, made, held_out)
    return plan.folder


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


def _plan(options: MatcherOptions) -> Plan:
    steps = DRY_STEPS if options.dry_run else options.steps
    folder = options.out or Path("runs/train/motion_matcher")
    every = (min(options.log_every, steps), min(options.save_every, steps))
    return Plan(folder, steps, options.learning_rate, options.seed, *every)


def _write_card(folder: Path, options: MatcherOptions, made: dict[str, object], held_out: Captioned) -> None:
    load.cache_clear()
    content = text(load(folder), options, made, held_out, HELD_OUT_WORDINGS)
    write_atomic(folder / "README.md", content.encode())
