"""What the trained embedding reads of a motion: HumanML3D's kind of features, of the fifteen key points,
20 times a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evaluators.backbones.motion.kinematic import turned
from evaluators.subjects.motion import MotionClip
from tasks.motion.root import heading

if TYPE_CHECKING:
    import numpy as np

FPS = 20.0
WIDTH = 91
YAW_RATE = 0
"""The only column that does not grow with the body."""

LEAST_ROWS = 4


def canonical(clip: MotionClip) -> np.ndarray:
    """Return features (L, 91) that neither the place nor the first direction of key points (T, 15, 3) changes.

    In the frame that faces with the hips: yaw rate in rad/s (1), the root's velocity forwards and to the left in m/s
    (2) and its height in m (1); the other points' places from the root's ground point in m (42); all points' velocities
    in m/s (45). Foot contacts, which HumanML3D adds, are left out as its evaluator leaves them out. Other frame rates
    are interpolated linearly; a motion of less than a quarter of a second stays in its last pose for the rest.
    """
    import numpy as np

    points = _at_20_fps(clip.positions, clip.fps)
    if len(points) < LEAST_ROWS + 1:
        points = np.concatenate([points, np.repeat(points[-1:], LEAST_ROWS + 1 - len(points), axis=0)])
    yaw = heading(points)
    velocity = turned(np.diff(points, axis=0) * FPS, -yaw[:-1])
    rate = np.angle(np.exp(1j * np.diff(yaw))) * FPS
    root = points[:-1, :1] * [1.0, 1.0, 0.0]
    places = turned(points[:-1, 1:] - root, -yaw[:-1]).reshape(len(rate), -1)
    height = points[:-1, 0, 2:]
    parts = [rate[:, None], velocity[:, 0, :2], height, places, velocity.reshape(len(rate), -1)]
    return np.concatenate(parts, axis=1).astype(np.float32)


def _at_20_fps(points: np.ndarray, fps: float) -> np.ndarray:
    import numpy as np

    if fps == FPS:
        return points
    last = (len(points) - 1) / fps
    times = np.arange(int(np.floor(last * FPS + 1e-6)) + 1) / FPS * fps
    before = np.minimum(times.astype(int), len(points) - 2)
    share = (times - before)[:, None, None]
    return points[before] * (1 - share) + points[before + 1] * share
