"""How far the body was from the reference at its worst."""

from __future__ import annotations

import math

from evaluators.metric import Metric
from evaluators.subjects.trace import Trace


def body_err_max(trace: Trace) -> float:
    """Return the largest over frames of the mean over key points of |pred - ref| in mm: what H2O's success rule looks
    at.

    >>> import numpy as np
    >>> body = np.zeros((2, 2, 3))
    >>> body[1, 0] = [0.3, 0.4, 0.0]
    >>> signals = {"body.keypoints": body, "reference.keypoints": np.zeros((2, 2, 3))}
    >>> body_err_max(Trace(np.zeros(2, bool), signals, control_hz=50.0, cut=False))
    250.0
    """
    import numpy as np

    error = trace.signals["body.keypoints"].astype(float) - trace.signals["reference.keypoints"]
    return float(np.linalg.norm(error, axis=-1).mean(-1).max()) * 1000


METRIC = Metric("body_err_max_mm", "down", (0.0, math.inf), 1, body_err_max)
