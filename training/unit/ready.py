"""Data made ready for a recipe: features computed, statistics fitted, batches mixed; and what a checkpoint remembers of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from agents.nets.embodiments import EmbodimentSlots, Scaling
from agents.nets.language import Words
from agents.nets.visual import Visual
from crossbody.errors import CrossbodyError
from training.data.chunks import Chunks, open_folders
from training.unit.batches import Batches, Mixing, fit_scalings, position_statistics
from training.unit.eyes import CachedEyes, ClosedEyes, OpenEyes, Reader, Stream, text_of
from training.unit.options import UnitOptions
from training.unit.pictures import cached_grids, statistics
from training.unit.sources import Source

DRY_ROWS = 16


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


def open_sets(options: UnitOptions) -> list[Chunks]:
    """Return what --data holds; without it, CrossbodyError."""
    if not options.data:
        raise CrossbodyError(
            "train on what? Give --data DIR; `uv run crossbody collect --suite robocasa_gr1 --out DIR` makes demonstrations."
        )
    return open_folders(options.data, options.episodes)


def make_ready(options: UnitOptions, sets: Sequence[Chunks], needs: Needs) -> Ready:
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
    batches = Batches(streams, eyes, features, Mixing(needs.batch, options.seed, needs.bodies, needs.state_noise))
    return Ready(batches, scalings, features, {"data": _census(sources), "feature_seconds": round(seconds)})


def _cached_eyes(sources: Sequence[Source], needs: Needs, features: dict[str, np.ndarray], seed: int) -> CachedEyes:
    """Compute or find the features of all pictures; standardise them as the tokenizer does, or by the first source's."""
    words = Words()
    grids = [cached_grids(s.chunks, s.picture_rows, needs.visual, seed) for s in sources]
    stored = features if "coarse_mean" in features else features | statistics(grids[0])
    tensors = {k: torch.from_numpy(v) for k, v in stored.items()}
    return CachedEyes(grids, [text_of(s, words) for s in sources], tensors, needs.goal)


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
