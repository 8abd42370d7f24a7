"""An embedding without weights: the mean pose, and how fast and how unsteadily every key point moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evaluators.metric import Unknown
from evaluators.subjects.motion import MotionClip
from evaluators.subjects.motion_sets import NO_TEXTS
from tasks.motion.root import heading

if TYPE_CHECKING:
    import numpy as np

ACCELERATION_M_S2 = 10.0
"""Accelerations are divided by this, so that they are of the size of speeds in m/s and of positions in m."""


@dataclass(frozen=True)
class Kinematic:
    """91 features: poses (after Müller et al. 2005) and energies (after Onuma et al. 2008), in fixed units."""

    name: str = "kinematic"
    version: str = "1"

    def motions(self, system: str, names: Sequence[str], clips: Sequence[MotionClip]) -> np.ndarray:
        """Return features (n, 91)."""
        import numpy as np

        return np.stack([features(clip) for clip in clips])

    def texts(self, names: Sequence[str], texts: Sequence[str]) -> Unknown:
        """Return ``NO_TEXTS``: it knows none."""
        return NO_TEXTS


def features(clip: MotionClip) -> np.ndarray:
    """Return, of key points (T >= 2, 15, 3): 91 numbers that neither the place nor the direction of the motion changes.

    The root's mean height; the other points' mean places in the heading frame at the root (42); the root's mean
    velocity forwards and to the left and its mean yaw rate; log(1 + rms) of every point's horizontal speed, vertical
    speed, and acceleration over 10 m/s² (45). Lengths in m, times in s.
    """
    import numpy as np

    points, fps = clip.positions, clip.fps
    yaw = heading(points)
    local = turned(points[:, 1:] - points[:, :1], -yaw)
    velocity = np.diff(points, axis=0) * fps
    acceleration = np.diff(velocity, axis=0) * fps / ACCELERATION_M_S2 if len(points) > 2 else np.zeros((1, 15, 3))
    course = turned(velocity[:, :1], -yaw[:-1])[:, 0, :2].mean(0)
    turn = np.angle(np.exp(1j * np.diff(yaw))).mean() * fps
    energies = [velocity[..., :2], velocity[..., 2:], acceleration]
    rms = [np.log1p(np.sqrt((e**2).sum(-1).mean(0))) for e in energies]
    return np.concatenate([[points[:, 0, 2].mean()], local.mean(0).ravel(), course, [turn], *rms])


def turned(vectors: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Return vectors (T, J, 3) turned about z by the angles (T,) in rad."""
    import numpy as np

    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    x, y, z = np.moveaxis(vectors, -1, 0)
    return np.stack([cos * x - sin * y, sin * x + cos * y, z], axis=-1)
