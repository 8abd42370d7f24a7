"""How jerky the key points move."""

from __future__ import annotations

import math

from evaluators.metric import Metric, Unknown, Weighted
from evaluators.subjects.motion import MotionClip


def jerk(clip: MotionClip) -> Weighted | Unknown:
    """Return the mean over frames and joints of the length of the third difference of position, in m/s³.

    Noise in the positions counts by the cube of the frame rate: compare at one fps, with the reference's own value.

    >>> import numpy as np
    >>> cubic = np.arange(5.0)[:, None, None] ** 3 * [[[1.0, 0.0, 0.0]]]  # its third difference is 6 everywhere
    >>> jerk(MotionClip(cubic, fps=2.0)).value
    48.0
    """
    import numpy as np

    if len(clip.positions) < 4:
        return Unknown(f"a third difference needs four frames, and there are {len(clip.positions)}")
    third = np.diff(clip.positions, n=3, axis=0)
    return Weighted(float(np.linalg.norm(third, axis=-1).mean()) * clip.fps**3, len(third))


METRIC = Metric("jerk_m_s3", "none", (0.0, math.inf), 1, jerk)
