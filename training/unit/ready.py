"""Data made ready for a recipe: features computed, statistics fitted, batches mixed; and what a checkpoint remembers of it."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from agents.nets.embodiments import EmbodimentSlots, Scaling
from agents.nets.language import Words
from agents.nets.visual import Visual
from crossbody.errors import CrossbodyError
from training.data.chunks import Chunks
from training.loop import Loop, Plan
from training.options import Common
from training.unit.batches import Batches, Mixing, fit_scalings, position_statistics
from training.unit.eyes import CachedEyes, ClosedEyes, OpenEyes, Reader, Stream, text_of
from training.unit.pictures import cached_grids, statistics
from training.unit.sources import Source

DRY_STEPS, DRY_BATCH, DRY_ROWS = 6, 8, 16


@dataclass(frozen=True)
class Needs:
    """What a recipe needs of its data."""

    bodies: EmbodimentSlots
    visual: Visual
    horizon: int
    batch: int
    shares: dict[
        str, float
    ]  # demonstrations, frames (sets without actions), and any embodiment's name, which multiplies
    goal: bool  # the goal's picture, too
    state_noise: float = 0.0
    cached: bool = True  # frozen features from the disk; otherwise the pictures themselves
    reader: Reader | None = None  # of pictures and instructions, for a backbone that takes them as they are
    pictures: bool = True  # nothing is seen without: every control step counts, whether it has a picture or not
    known: tuple[dict[str, Scaling], dict[str, np.ndarray]] | None = (
        None  # a tokenizer's statistics, which its policy shares
    )


@dataclass(frozen=True)
class Ready:
    """Data in the form that a loop takes, and what the checkpoint has to remember of it."""

    batches: Batches
    scalings: dict[str, Scaling]
    features: dict[str, np.ndarray]
    card: dict[str, Any]


def loop_plan(options: Common, name: str, defaults: dict[str, Any]) -> Plan:
    """Return the loop's plan from the options, or from the size's defaults where an option is not given."""
    steps = DRY_STEPS if options.dry_run else options.steps or defaults["steps"]
    return Plan(
        folder=options.out or Path("runs/train") / f"{name}-{options.size}",
        steps=steps,
        learning_rate=options.learning_rate or defaults["learning_rate"],
        seed=options.seed,
        log_every=min(options.log_every, steps),
        save_every=min(options.save_every, steps),
        bf16=options.bf16,
        checkpointing=options.checkpointing,
    )


def make_ready(options: Common, sets: Sequence[Chunks], needs: Needs) -> Ready:
    """Open sources, compute or find their features, fit or take over the statistics."""
    candidates = [Source(c, needs.horizon, options.every) for c in sets]
    sources = [s for s in candidates if needs.shares["demonstrations" if s.acts else "frames"]]
    if not any(s.acts for s in sources):
        raise CrossbodyError(
            "there are no actions in --data; `uv run crossbody collect --suite robocasa_gr1 --out DIR` makes some."
        )
    for source in sources if options.dry_run else ():
        source.rows = source.picture_rows = source.rows[:DRY_ROWS]
    scalings, features = needs.known or (fit_scalings(sources), position_statistics([s for s in sources if s.acts]))
    for source in () if needs.pictures else sources:
        source.rows = np.arange(len(source.chunks.last))
    started = time.monotonic()
    if not needs.pictures:
        eyes = ClosedEyes([text_of(s, Words()) for s in sources])
    elif needs.cached:
        eyes = _cached_eyes(sources, needs, features, options.seed)
        features |= {k: v.numpy() for k, v in eyes.features.items()}
    else:
        eyes = OpenEyes(needs.reader, needs.goal)
    seconds = time.monotonic() - started
    streams = [Stream(s, scalings[s.body.name], _share(s, sources, needs.shares)) for s in sources]
    size = DRY_BATCH if options.dry_run else needs.batch
    batches = Batches(streams, eyes, features, Mixing(size, options.seed, needs.bodies, needs.state_noise))
    return Ready(batches, scalings, features, {"data": _census(sources), "feature_seconds": round(seconds)})


def _cached_eyes(sources: Sequence[Source], needs: Needs, features: dict[str, np.ndarray], seed: int) -> CachedEyes:
    """Compute or find the features of all pictures; standardise them as the tokenizer does, or by the first source's."""
    words = Words()
    grids = [cached_grids(s.chunks, s.picture_rows, needs.visual, seed) for s in sources]
    stored = features if "coarse_mean" in features else features | statistics(grids[0])
    tensors = {k: torch.from_numpy(v) for k, v in stored.items()}
    return CachedEyes(grids, [text_of(s, words) for s in sources], tensors, needs.goal)


def card_of(options: Common, loop: Loop, ready: Ready, seconds: float, shown: dict[str, float]) -> dict[str, Any]:
    """Return what a checkpoint remembers of its making."""
    usual = {f.name: f.default for f in dataclasses.fields(options)}
    given = {k: _plain(v) for k, v in dataclasses.asdict(options).items() if v != usual[k] or k in ("size", "seed")}
    return {
        "options": given, "steps": loop.plan.steps, "learning_rate": loop.plan.learning_rate,
        "batch": ready.batches.mixing.size, "seconds": round(seconds), "waited": round(loop.waited, 4), "last": {k: round(v, 5) for k, v in shown.items()},
        "torch": torch.__version__, **ready.card,
    }  # fmt: skip


def _share(source: Source, sources: Sequence[Source], shares: dict[str, float]) -> float:
    """Return a source's share: its kind's, split among the sources of the kind by their rows."""
    alike = sum(len(s.rows) for s in sources if (s.acts, s.body.name) == (source.acts, source.body.name))
    kind = shares["demonstrations"] if source.acts else shares["frames"]
    return kind * shares.get(source.body.name, 1.0) * len(source.rows) / alike


def _census(sources: Sequence[Source]) -> list[dict[str, Any]]:
    """Return what a model card says of the data."""
    return [
        {
            "embodiment": s.body.name,
            "actions": s.acts,
            "episodes": len(np.unique(s.chunks.last)),
            "samples": len(s.rows),
            "fingerprint": s.chunks.fingerprint(),
        }
        for s in sources
    ]


def _plain(value: Any) -> Any:
    return [str(v) for v in value] if isinstance(value, tuple) else str(value) if isinstance(value, Path) else value
