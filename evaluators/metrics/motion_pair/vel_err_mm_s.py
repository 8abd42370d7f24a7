"""Error of the key points' velocities per second."""

from __future__ import annotations

import math

from evaluators.metric import Metric, Unknown, Weighted
from evaluators.metrics.motion_pair.vel_err_mm_frame import vel_err_frame
from evaluators.subjects.motion import MotionPair, scaled


def vel_err(pair: MotionPair) -> Weighted | Unknown:
    """Return ``vel_err_mm_frame`` times the frame rate, in mm/s.

    >>> import numpy as np
    >>> drift = np.arange(4.0)[:, None, None] * [[[0.003, 0.0, 0.0]]]  # 3 mm a frame
    >>> round(vel_err(MotionPair(drift, np.zeros((4, 1, 3)), fps=30.0)).value, 9)
    90.0
    """
    return scaled(vel_err_frame(pair), pair.fps)


METRIC = Metric("vel_err_mm_s", "down", (0.0, math.inf), 1, vel_err)
