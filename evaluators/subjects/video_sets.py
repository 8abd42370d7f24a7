"""What a metric of video sets takes: features of predicted and of real clips."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np


class FeatureSets(NamedTuple):
    """Features (n, d) of predicted and (m, d) of real clips."""

    pred: np.ndarray
    ref: np.ndarray
