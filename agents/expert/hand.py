"""Shapes of the Fourier hand and how the palm can be turned. Values: pinky, ring, middle, index, thumb pitch,
thumb yaw."""

from __future__ import annotations

import numpy as np

OPEN = np.array([0.35, 0.35, 0.35, 0.35, 0.0, 1.74])
"""A claw 12 cm wide with the thumb opposite to the fingers."""
CLOSED = np.array([1.5, 1.5, 1.5, 1.5, 1.0, 1.74])
RELEASED = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 1.74])
FIST = np.array([1.57, 1.57, 1.57, 1.57, 1.2, 0.3])

CLOSING_STEPS = 15  # the finger servos have a time constant of half a second
OPENING_STEPS = 10

JOINTS = (
    ("pinky_proximal", 0),
    ("pinky_intermediate", 0),
    ("ring_proximal", 1),
    ("ring_intermediate", 1),
    ("middle_proximal", 2),
    ("middle_intermediate", 2),
    ("index_proximal", 3),
    ("index_intermediate", 3),
    ("thumb_proximal_pitch", 4),
    ("thumb_distal", 4),
    ("thumb_proximal_yaw", 5),
)
"""Joint name and the hand value that drives it."""


def grasp_point(side: str) -> np.ndarray:
    """Return the point (3,), metres in the palm's frame, between the fingertips and the thumb of the closing hand."""
    return np.array([0.010, 0.100 if side == "right" else -0.100, -0.100])


def wrap_point(side: str) -> np.ndarray:
    """Return the middle (3,), metres in the palm's frame, of a bottle that the whole hand closes around."""
    return np.array([0.010, 0.062 if side == "right" else -0.062, -0.075])


def fist_center(side: str) -> np.ndarray:
    """Return the middle (3,), metres in the palm's frame, of a fist, which is a ball of about 5 cm."""
    return np.array([0.0, 0.025 if side == "right" else -0.025, -0.085])


def inward(side: str) -> float:
    """Return +1 where turning anticlockwise, seen from above, turns the hand towards the body's middle."""
    return 1.0 if side == "right" else -1.0


def palm_rotation(side: str, yaw: float, tilt: float, roll: float = 0.0) -> np.ndarray:
    """Return the palm's rotation (3, 3) in the world.

    The fingers point along ``yaw`` (from the world's x axis) and ``tilt`` below the horizon. At roll 0 the palm looks
    down and back; at roll pi / 2 it looks to the body's middle, thumb side up. Radians.
    """
    ahead, up = np.array([np.cos(yaw), np.sin(yaw), 0.0]), np.array([0.0, 0.0, 1.0])
    fingers = np.cos(tilt) * ahead - np.sin(tilt) * up
    normal = -np.cos(tilt) * up - np.sin(tilt) * ahead
    normal = np.cos(roll) * normal + np.sin(roll) * inward(side) * np.cross(fingers, normal)
    z = -fingers
    y = normal if side == "right" else -normal
    return np.stack([np.cross(y, z), y, z], axis=1)


def palm_normal(side: str, rotation: np.ndarray) -> np.ndarray:
    """Return the direction (3,) in which the palm looks."""
    return rotation[:, 1] if side == "right" else -rotation[:, 1]
