"""Error of the key points' accelerations per second squared."""

from __future__ import annotations

import math

from evaluators.metric import Metric, Unknown, Weighted
from evaluators.metrics.motion_pair.acc_err_mm_frame2 import acc_err_frame2
from evaluators.subjects.motion import MotionPair, scaled


def acc_err(pair: MotionPair) -> Weighted | Unknown:
    """Return ``acc_err_mm_frame2`` times the frame rate squared, in mm/s².

    >>> import numpy as np
    >>> fall = np.arange(4.0)[:, None, None] ** 2 * [[[0.001, 0.0, 0.0]]]  # half of 2 mm a frame squared
    >>> round(acc_err(MotionPair(fall, np.zeros((4, 1, 3)), fps=30.0)).value, 9)
    1800.0
    """
    return scaled(acc_err_frame2(pair), pair.fps**2)


METRIC = Metric("acc_err_mm_s2", "down", (0.0, math.inf), 1, acc_err)
