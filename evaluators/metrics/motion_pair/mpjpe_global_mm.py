"""How far the key points are from the reference's, in the world."""

from __future__ import annotations

import math

from evaluators.metric import Metric, Weighted
from evaluators.subjects.motion import MotionPair, mean_mm


def mpjpe_global(pair: MotionPair) -> Weighted:
    """Return the mean over frames and joints of |pred - ref| in mm, drift and heading included (E_g-mpjpe of PHC and
    H2O).

    >>> import numpy as np
    >>> ref = np.zeros((2, 3, 3))
    >>> mpjpe_global(MotionPair(ref + [0.003, 0.004, 0.0], ref, 30.0)).value
    5.0
    """
    return mean_mm(pair.error)


METRIC = Metric("mpjpe_global_mm", "down", (0.0, math.inf), 1, mpjpe_global)
