"""How jerky the joints moved."""

from __future__ import annotations

import math

from evaluators.metric import Metric, Unknown
from evaluators.subjects.trace import Trace, joints


def joint_jerk_rad_s3(trace: Trace) -> float | Unknown:
    """Return the root mean square over control steps and joints of the third difference of position, per second cubed.

    >>> import numpy as np
    >>> cubic = np.arange(5.0)[:, None] ** 3  # its third difference is 6 everywhere
    >>> joint_jerk_rad_s3(Trace(np.zeros(5, bool), {"state.arm": cubic}, control_hz=2.0, cut=False))
    48.0
    """
    import numpy as np

    positions = joints(trace, "state")
    if isinstance(positions, Unknown):
        return positions
    if len(positions) < 4:
        return Unknown("a third difference needs four control steps")
    if not trace.control_hz:
        return Unknown("the run does not say its control rate")
    return float(np.sqrt(np.mean(np.diff(positions, n=3, axis=0) ** 2)) * trace.control_hz**3)


METRIC = Metric("joint_jerk_rad_s3", "down", (0.0, math.inf), 1, joint_jerk_rad_s3)
