"""How far the joints travelled, all together."""

from __future__ import annotations

import math

from evaluators.metric import Metric, Unknown
from evaluators.subjects.trace import Trace, joints


def joint_path_rad(trace: Trace) -> float | Unknown:
    """Return the length of the path in joint space: the sum over control steps of the Euclidean norm of the change.

    >>> import numpy as np
    >>> joint_path_rad(Trace(np.zeros(3, bool), {"state.arm": np.array([[0, 0], [3, 4], [3, 4.5]])}, 20.0, False))
    5.5
    """
    import numpy as np

    positions = joints(trace, "state")
    if isinstance(positions, Unknown):
        return positions
    return float(np.linalg.norm(np.diff(positions, axis=0), axis=1).sum())


METRIC = Metric("joint_path_rad", "none", (0.0, math.inf), 1, joint_path_rad)
