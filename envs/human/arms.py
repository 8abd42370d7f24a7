"""Where a person's elbows are when the hands are somewhere, and how far the wrists have to bend for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from envs.human.flesh import FOREARM_M, UPPER_ARM_M

WRIST_LIMITS_RAD = (1.4, 0.7)
"""Largest flexion or extension, and largest sideways bend; both a little past the mean of adults."""
LEAN_M = 0.22
"""As far as the trunk leans to help an arm."""
STRETCH = 0.96  # of the arm's length that is used before the trunk helps


@dataclass(frozen=True)
class Arm:
    """One arm as it reaches: positions in metres, rotations (3, 3) with x along the bone, all in the scene's frame."""

    shoulder: np.ndarray
    elbow: np.ndarray
    upper: np.ndarray
    fore: np.ndarray
    lean_m: float
    wrist: tuple[float, float]  # flexion (positive towards the palm) and sideways bend, rad

    @property
    def possible(self) -> bool:
        """Whether a person could do this."""
        return self.lean_m <= LEAN_M and all(abs(a) <= b for a, b in zip(self.wrist, WRIST_LIMITS_RAD, strict=True))


def reach(shoulder: np.ndarray, hand: np.ndarray, turn: np.ndarray, size: float) -> Arm:
    """Return the arm from a shoulder (3,) to a hand at (3,) with rotation (3, 3)."""
    upper, fore = UPPER_ARM_M * size, FOREARM_M * size
    away = hand - shoulder
    distance = np.linalg.norm(away)
    lean = max(distance - STRETCH * (upper + fore), 0.0)
    shoulder = shoulder + away / distance * lean
    distance = distance - lean
    along = away / np.linalg.norm(away)
    share = (upper**2 - fore**2 + distance**2) / (2 * distance)
    radius = np.sqrt(max(upper**2 - share**2, 0.0))
    outward = np.sign(shoulder[1]) or 1.0
    # The elbow hangs down and outward, unless the wrist would have to bend much: then it follows the hand.
    wanted = 0.75 * (hand - fore * turn[:, 0]) + 0.25 * (shoulder + [0.05, 0.12 * outward, -0.3]) - shoulder
    side = wanted - along * (along @ wanted)
    elbow = shoulder + share * along + radius * side / max(np.linalg.norm(side), 1e-9)
    bone = _bone(hand - elbow, turn[:, 2])
    axis = bone.T @ turn[:, 0]
    wrist = float(np.arctan2(-axis[2], axis[0])), float(np.arctan2(axis[1], np.hypot(axis[0], axis[2])))
    return Arm(shoulder, elbow, _bone(elbow - shoulder, np.array([0.0, 0.0, 1.0])), bone, float(lean), wrist)


def _bone(along: np.ndarray, up: np.ndarray) -> np.ndarray:
    x = along / np.linalg.norm(along)
    y = np.cross(up, x)
    norm = np.linalg.norm(y)
    y = y / norm if norm > 1e-6 else np.cross([0.0, 1.0, 0.0], x)
    return np.stack([x, y, np.cross(x, y)], axis=1)
