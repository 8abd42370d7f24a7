"""How far the joints are from the reference's."""

from __future__ import annotations

import math

from evaluators.metric import Metric, Weighted
from evaluators.subjects.trace import Trace


def joint_err(trace: Trace) -> Weighted:
    """Return the mean over frames and joints of |q - q_ref| in rad: a mean, so that it does not grow with their number.

    >>> import numpy as np
    >>> signals = {"state.joints": np.array([[0.0, 1.0]]), "reference.joints": np.array([[0.5, 1.0]])}
    >>> joint_err(Trace(np.zeros(1, bool), signals, control_hz=50.0, cut=False)).value
    0.25
    """
    import numpy as np

    error = trace.signals["state.joints"] - trace.signals["reference.joints"]
    return Weighted(float(np.abs(error).mean()), len(error))


METRIC = Metric("joint_err_rad", "down", (0.0, math.inf), 1, joint_err)
