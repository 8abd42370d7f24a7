"""Options that all recipes of motions share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from training.recipe import Options

CLIPS, DRY_CLIPS = 300, 5


@dataclass(frozen=True)
class MotionOptions(Options):
    """What a model of motions is trained on, and how long."""

    data: Path | None = None
    """A pack that `crossbody motions pack` wrote; by default the procedural motions are made here, once,
    and kept in the cache."""

    clips: int | None = None
    """Motions of every kind, 300 when none is given; every fifth seed is held out."""

    steps: int | None = None
    """Updates."""

    batch: int | None = None
    """Samples of an update."""
