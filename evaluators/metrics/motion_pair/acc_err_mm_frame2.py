"""Error of the key points' accelerations per frame squared, the unit that the reference code of PHC and H2O prints."""

from __future__ import annotations

import math

from evaluators.metric import Metric, Unknown, Weighted
from evaluators.subjects.motion import MotionPair


def acc_err_frame2(pair: MotionPair) -> Weighted | Unknown:
    """Return the mean over frames and joints of |a_pred - a_ref| in mm per frame squared, a = x[t] - 2 x[t+1] + x[t+2].

    It changes with the square of the frame rate: compare only values of one fps, or ``acc_err_mm_s2``.
    """
    return pair.mean_difference_mm(2)


METRIC = Metric("acc_err_mm_frame2", "down", (0.0, math.inf), 1, acc_err_frame2)
