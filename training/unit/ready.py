"""Data made ready for a recipe: features computed, statistics fitted, batches mixed;
and what a checkpoint remembers of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from agents.nets.embodiments import EmbodimentSlots, Scaling
from agents.nets.language import InstructionEncoder
from agents.nets.visual import Visual
from crossbody.errors import CrossbodyError
from training.data.chunks import Chunks, open_folders
from training.unit.batches import Batches, Mixing, fit_scalings, position_statistics
from training.unit.inputs import CachedFeatures, NoImages, Processor, RawImages, Stream, text_of
from training.unit.options import UnitOptions
from training.unit.pictures import cached_grids, statistics
from training.unit.sources import Source

DRY_ROWS = 16


@dataclass(frozen=True)
class Needs:
    """What a recipe needs of its data."""

    embodiments: EmbodimentSlots
    visual: Visual
    horizon: int
    batch: int
    shares: dict[
        str, float
    ]  # demonstrations, frames (sets without actions), and any embodiment's name, which multiplies
    goal: bool  # the goal's picture, too
    state_noise: float = 0.0
    cached: bool = True  # frozen features from the disk; otherwise the pictures themselves
    processor: Processor | None = None  # of pictures and instructions, for a backbone that takes them as they are
    pictures: bool = True  # False: no picture is read, every control step counts, whether it has a picture or not
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
            "train on what? Give --data DIR; `uv run crossbody collect --suite robocasa_gr1 --out DIR` makes "
            "demonstrations."
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
        inputs = NoImages([text_of(s, InstructionEncoder()) for s in sources])
    elif needs.cached:
        inputs = _cached_features(sources, needs, features, options.seed)
        features |= {k: v.numpy() for k, v in inputs.features.items()}
    else:
        inputs = RawImages(needs.processor, needs.goal)
    seconds = time.monotonic() - started
    streams = [Stream(s, scalings[s.embodiment.name], _share(s, sources, needs.shares)) for s in sources]
    batches = Batches(
        streams, inputs, features, Mixing(needs.batch, options.seed, needs.embodiments, needs.state_noise)
    )
    return Ready(batches, scalings, features, {"data": _census(sources), "feature_seconds": round(seconds)})


def _cached_features(
    sources: Sequence[Source], needs: Needs, features: dict[str, np.ndarray], seed: int
) -> CachedFeatures:
    """Compute or find the features of all pictures; standardise them as the tokenizer does,
    or by the first source's."""
    words = InstructionEncoder()
    grids = [cached_grids(s.chunks, s.picture_rows, needs.visual, seed) for s in sources]
    stored = features if "coarse_mean" in features else features | statistics(grids[0])
    tensors = {k: torch.from_numpy(v) for k, v in stored.items()}
    return CachedFeatures(grids, [text_of(s, words) for s in sources], tensors, needs.goal)


def _share(source: Source, sources: Sequence[Source], shares: dict[str, float]) -> float:
    """Return a source's share: its kind's, split among the sources of the kind by their rows."""
    alike = sum(len(s.rows) for s in sources if (s.acts, s.embodiment.name) == (source.acts, source.embodiment.name))
    kind = shares["demonstrations"] if source.acts else shares["frames"]
    return kind * shares.get(source.embodiment.name, 1.0) * len(source.rows) / alike


def _census(sources: Sequence[Source]) -> list[dict[str, Any]]:
    """Return what a model card says of the data."""
    return [
        {
            "embodiment": s.embodiment.name,
            "actions": s.acts,
            "episodes": len(np.unique(s.chunks.last)),
            "samples": len(s.rows),
            "fingerprint": s.chunks.fingerprint(),
        }
        for s in sources
    ]
