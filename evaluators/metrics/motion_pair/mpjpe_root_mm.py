"""How far the key points are from the reference's once both roots are at the origin: pose and heading, but no drift."""

from __future__ import annotations

import math

from evaluators.metric import Metric, Weighted
from evaluators.subjects.motion import MotionPair, mean_mm


def mpjpe_root(pair: MotionPair) -> Weighted:
    """Return the mean over frames and joints of |(pred - its joint 0) - (ref - its joint 0)| in mm.

    The root counts as a joint, with an error of 0, as in PHC's and H2O's code. The heading is not removed.
    """
    return mean_mm(pair.error - pair.error[:, :1])


METRIC = Metric("mpjpe_root_mm", "down", (0.0, math.inf), 1, mpjpe_root)
