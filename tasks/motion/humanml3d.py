"""Joints from HumanML3D's features of 22 joints, the form in which text-to-motion models give their motions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.motion.motion import MotionError, numbers

if TYPE_CHECKING:
    import numpy as np

FPS = 20.0
JOINTS = 22
WIDTH = 12 * JOINTS - 1
"""Yaw velocity 1, root velocity in the plane 2, root height 1, places 3 x 21, rotations 6 x 21, velocities 3 x 22,
contacts 4."""


def joints(name: str, features: np.ndarray) -> np.ndarray:
    """Return joints (T, 22, 3), y up, in metres, of features (T, 263) that are not normalised.

    As ``recover_from_ric`` of text-to-motion does: velocities are summed up, so the motion begins over the origin, and
    the places of the joints are taken, not their rotations. The yaw is stored halved. Only what is used must be finite.
    """
    import numpy as np
    from scipy.spatial.transform import Rotation

    used = numbers(name, "the features", features[:, : 4 + 3 * (JOINTS - 1)])
    wrong = np.argwhere(~np.isfinite(used))
    if len(wrong):
        frame, column = wrong[0]
        raise MotionError(f"{name}: frame {frame}, feature {column} is {used[frame, column]}; expected a number")
    yaw = -2 * _summed(used[:, 0])
    turns = Rotation.from_rotvec(yaw[:, None] * [0, 1, 0])
    steps = np.zeros((len(used), 3))
    steps[1:, [0, 2]] = used[:-1, 1:3]
    root = np.cumsum(turns.apply(steps), axis=0)
    local = used[:, 4:].reshape(-1, JOINTS - 1, 3)
    placed = np.stack([turns.apply(local[:, j]) for j in range(JOINTS - 1)], axis=1) + root[:, None]
    root[:, 1] = used[:, 3]
    return np.concatenate([root[:, None], placed], axis=1)


def _summed(rates: np.ndarray) -> np.ndarray:
    import numpy as np

    return np.concatenate([[0.0], np.cumsum(rates[:-1])])
