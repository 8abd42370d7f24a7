"""How much of the motion was tracked before the episode was ended."""

from __future__ import annotations

from evaluators.metric import Metric, Unknown
from evaluators.subjects.trace import Trace


def survival(trace: Trace) -> float | Unknown:
    """Return the fraction of the reference that had been played at the last control step.

    >>> import numpy as np
    >>> survival(Trace(np.zeros(2, bool), {"reference.progress": np.array([0.25, 0.5])}, control_hz=50.0, cut=False))
    0.5
    """
    if "reference.progress" not in trace.signals:
        return Unknown("the reference has no known end")
    return float(trace.signals["reference.progress"][-1])


METRIC = Metric("survival", "up", (0.0, 1.0), 1, survival)
