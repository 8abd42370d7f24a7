"""How far the joints are from where they were told to be."""

from __future__ import annotations

import math

from evaluators.metric import Metric, Unknown
from evaluators.subjects.trace import Trace, joints


def tracking_lag_rad(trace: Trace) -> float | Unknown:
    """Return the mean over control steps and joints of the distance between the commanded and the reached position.

    >>> import numpy as np
    >>> signals = {"action.arm": np.array([[1.0], [1.0]]), "state.arm": np.array([[0.0], [0.5]])}
    >>> tracking_lag_rad(Trace(np.zeros(2, bool), signals, control_hz=20.0, cut=False))
    0.75
    """
    import numpy as np

    reached, commanded = joints(trace, "state"), joints(trace, "action")
    if isinstance(reached, Unknown):
        return reached
    if isinstance(commanded, Unknown):
        return commanded
    if reached.shape != commanded.shape:
        return Unknown("actions and states do not have the same joints")
    return float(np.abs(commanded - reached).mean())


METRIC = Metric("tracking_lag_rad", "down", (0.0, math.inf), 1, tracking_lag_rad)
