"""Seconds until the first control step at which the task is solved."""

from __future__ import annotations

import math

from evaluators.metric import Metric, Unknown
from evaluators.subjects.trace import Trace


def time_to_success_s(trace: Trace) -> float | Unknown:
    """Return the time of the first success bit; the clock starts with the first control step.

    >>> import numpy as np
    >>> time_to_success_s(Trace(np.array([False, False, True, False]), {}, control_hz=20.0, cut=False))
    0.15
    """
    if not trace.success.any():
        return Unknown("the task was never solved")
    if not trace.control_hz:
        return Unknown("the run does not say its control rate")
    return (int(trace.success.argmax()) + 1) / trace.control_hz


METRIC = Metric("time_to_success_s", "down", (0.0, math.inf), 1, time_to_success_s)
