"""What a motion metric takes: a clip of key points, or a predicted and a real one of the same length and frame rate."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from evaluators.metric import Unknown, Weighted

if TYPE_CHECKING:
    import numpy as np

MM = 1000.0


@dataclass(frozen=True, eq=False)
class MotionClip:
    """Positions (T, J, 3) in metres, z up; joint 0 is the root."""

    positions: np.ndarray
    fps: float


@dataclass(frozen=True, eq=False)
class MotionPair:
    """A prediction and its reference, (T, J, 3) each, in metres."""

    pred: np.ndarray
    ref: np.ndarray
    fps: float

    def __post_init__(self) -> None:
        if self.pred.shape != self.ref.shape or self.pred.ndim != 3 or self.pred.shape[-1] != 3:
            raise ValueError(f"a pair of {self.pred.shape} and {self.ref.shape} cannot be compared")

    @cached_property
    def error(self) -> np.ndarray:
        """Prediction less reference (T, J, 3)."""
        return self.pred - self.ref

    def mean_difference_mm(self, order: int) -> Weighted | Unknown:
        """Return the mean length over frames and joints of the ``order``-th difference of the error along time, in mm.

        Its weight is the number of frames that have one, so that a weighted mean over clips is the mean over all
        frames."""
        import numpy as np

        frames = len(self.error) - order
        if frames < 1:
            return Unknown(f"difference {order} along time needs {order + 1} frames, and there are {len(self.error)}")
        return mean_mm(np.diff(self.error, n=order, axis=0))


def mean_mm(vectors: np.ndarray) -> Weighted:
    """Return the mean length in mm of vectors (T, J, 3) in metres, weighted by T."""
    import numpy as np

    return Weighted(float(np.linalg.norm(vectors, axis=-1).mean()) * MM, len(vectors))


def scaled(found: Weighted | Unknown, factor: float) -> Weighted | Unknown:
    """Return a value in another unit; unknown stays unknown."""
    return found if isinstance(found, Unknown) else Weighted(found.value * factor, found.weight)
