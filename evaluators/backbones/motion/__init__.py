"""Embeddings of motions, and of texts where there is a network for both. Their name stands in the metric's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from evaluators.metric import Unknown
from evaluators.subjects.motion import MotionClip

if TYPE_CHECKING:
    import numpy as np


class Embedding(Protocol):
    """What a set metric looks through. ``system`` is prediction, still or real_vs_real; names are the clips'."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    def motions(self, system: str, names: Sequence[str], clips: Sequence[MotionClip]) -> np.ndarray | Unknown:
        """Return features (n, d) of motions, or why there are none."""
        ...

    def texts(self, names: Sequence[str], texts: Sequence[str]) -> np.ndarray | Unknown:
        """Return features (n, d) of the motions' texts; ``NO_TEXTS`` when it knows none,
        or why it cannot read these."""
        ...
