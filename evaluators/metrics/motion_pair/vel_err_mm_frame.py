"""Error of the key points' velocities per frame, the unit that the reference code of PHC and H2O prints."""

from __future__ import annotations

import math

from evaluators.metric import Metric, Unknown, Weighted
from evaluators.subjects.motion import MotionPair


def vel_err_frame(pair: MotionPair) -> Weighted | Unknown:
    """Return the mean over frames and joints of |v_pred - v_ref| in mm per frame, v = x[t+1] - x[t] in the world.

    It changes with the frame rate: compare only values of one fps, or ``vel_err_mm_s``.
    """
    return pair.mean_difference_mm(1)


METRIC = Metric("vel_err_mm_frame", "down", (0.0, math.inf), 1, vel_err_frame)
