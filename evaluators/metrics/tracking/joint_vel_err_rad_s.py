"""How far the joints' speeds are from the reference's."""

from __future__ import annotations

import math

from evaluators.metric import Metric, Unknown, Weighted
from evaluators.subjects.trace import Trace


def joint_vel_err(trace: Trace) -> Weighted | Unknown:
    """Return the mean over frames and joints of the difference of the joints' speeds in rad/s, from first differences.

    >>> import numpy as np
    >>> signals = {"state.joints": np.array([[0.0], [0.02]]), "reference.joints": np.zeros((2, 1))}
    >>> joint_vel_err(Trace(np.zeros(2, bool), signals, control_hz=50.0, cut=False)).value
    1.0
    """
    import numpy as np

    error = trace.signals["state.joints"] - trace.signals["reference.joints"]
    if len(error) < 2:
        return Unknown("a speed needs two frames, and there is one")
    return Weighted(float(np.abs(np.diff(error, axis=0)).mean()) * trace.control_hz, len(error) - 1)


METRIC = Metric("joint_vel_err_rad_s", "down", (0.0, math.inf), 1, joint_vel_err)
