"""Whether the body fell."""

from __future__ import annotations

from evaluators.metric import Metric, Unknown
from evaluators.subjects.trace import Trace


def fell(trace: Trace) -> float | Unknown:
    """Return 1 when the body was down at any control step, by the fall rule of the environment; the mean is the fall
    rate.

    >>> import numpy as np
    >>> fell(Trace(np.zeros(3, bool), {"body.fallen": np.array([0, 1, 0], np.uint8)}, control_hz=50.0, cut=False))
    1.0
    """
    if "body.fallen" not in trace.signals:
        return Unknown("the environment has no rule for a fall")
    return float(trace.signals["body.fallen"].any())


METRIC = Metric("fell", "down", (0.0, 1.0), 1, fell)
