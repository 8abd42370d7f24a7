"""Squared errors of pictures and their decibels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evaluators.subjects.video import VideoPair

if TYPE_CHECKING:
    import numpy as np

SAME = 1e-10
"""Below this mean squared error two pictures count as one, with 100 dB."""


def squared_errors(pair: VideoPair) -> np.ndarray:
    """Return the mean squared error (frames,) of each frame, of pictures in [0, 1]."""
    import numpy as np

    if "squared_errors" not in pair.shared:
        pictures = zip(pair.pred.pictures(), pair.ref.pictures(), strict=True)
        pair.shared["squared_errors"] = np.array([np.mean((a - b) ** 2) for a, b in pictures])
    return pair.shared["squared_errors"]


def decibels(squared_error: Any) -> Any:
    """Return 10 log10(1 / error), 100 for errors below ``SAME``."""
    import numpy as np

    return np.where(squared_error < SAME, 100.0, -10 * np.log10(np.maximum(squared_error, SAME)))
