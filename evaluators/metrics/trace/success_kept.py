"""Share of the control steps from the first success on at which the task was still solved."""

from __future__ import annotations

from evaluators.metric import Metric, Unknown
from evaluators.subjects.trace import Trace


def success_kept(trace: Trace) -> float | Unknown:
    """Return 1 when success lasted to the end, less when the object was touched and fell out again.

    >>> import numpy as np
    >>> success_kept(Trace(np.array([False, True, True, False, True]), {}, control_hz=20.0, cut=False))
    0.75
    """
    if not trace.success.any():
        return Unknown("the task was never solved")
    if trace.cut:
        return Unknown("the episode was ended at its success")
    return float(trace.success[int(trace.success.argmax()) :].mean())


METRIC = Metric("success_kept", "up", (0.0, 1.0), 1, success_kept)
