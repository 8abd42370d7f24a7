"""Bodies of other sizes, brought to the size of the robot whose motions are learned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.motion.keypoints import INDEX
from tasks.motion.motion import MotionError

if TYPE_CHECKING:
    import numpy as np

LEG_M = 0.623
"""Hip to knee to ankle of the G1, whose size the procedural motions have."""
SMALLEST, LARGEST = 0.25, 4.0
_LIMBS = tuple((f"{s}_hip", f"{s}_knee", f"{s}_ankle") for s in ("left", "right"))


def leg_m(points: np.ndarray) -> float:
    """Return the length of a leg in the median frame of key points (T, 15, 3)."""
    import numpy as np

    chains = [[points[:, INDEX[name]] for name in limb] for limb in _LIMBS]
    lengths = [np.linalg.norm(a - b, axis=-1) + np.linalg.norm(b - c, axis=-1) for a, b, c in chains]
    return float(np.median(np.mean(lengths, 0)))


def as_robot(name: str, points: np.ndarray) -> tuple[np.ndarray, float]:
    """Return key points (T, 15, 3) of a body of the robot's size, and the factor.
    MotionError for a leg that is none."""
    leg = leg_m(points)
    if not SMALLEST < LEG_M / max(leg, 1e-9) < LARGEST:
        raise MotionError(
            f"{name}: a leg is {leg:.3g} m long; expected a body's, such as 0.62 m (a G1) or 0.83 m (a person)"
        )
    return points * (LEG_M / leg), LEG_M / leg
