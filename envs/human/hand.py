"""A person's hand: bones, joint limits, and where the joints must be for fingertips to be at given places.

The frame of a hand lies in the wrist: x to the fingers, z out of the back of the hand, y to the left when the palm is
down. Lengths are those of an average adult's hand of 18.6 cm (metres), multiplied by the person's size. Bodies have
EgoDex's joint names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

SIDES = ("left", "right")
FINGERS = ("Thumb", "IndexFinger", "MiddleFinger", "RingFinger", "LittleFinger")
JOINTS = ("spread", "base", "middle", "end")
"""Of every finger. base is the knuckle (of the thumb: where it leaves the wrist);
end follows middle when a finger is placed."""


@dataclass(frozen=True)
class Bones:
    """One finger of a right hand of size 1."""

    root: tuple[float, float, float]  # of its metacarpal; the thumb's is its base
    base: tuple[float, float, float]  # where it begins to move
    links: tuple[float, float, float]
    radii: tuple[float, float, float, float]  # at base, middle, end joint and tip
    limits: tuple[tuple[float, float], ...]  # rad, in the order of JOINTS
    forward: tuple[float, float, float] = (1.0, 0.0, 0.0)
    curl: tuple[float, float, float] = (0.0, 0.0, -1.0)  # whither flexion moves the tip


_LONG = ((-0.35, 0.35), (-0.35, 1.57), (0.0, 1.9), (0.0, 1.4))
BONES = {
    "Thumb": Bones(
        (0.022, 0.022, -0.008),
        (0.022, 0.022, -0.008),
        (0.045, 0.034, 0.028),
        (0.0135, 0.0125, 0.011, 0.009),
        ((-0.9, 0.9), (-0.6, 1.3), (-0.1, 1.1), (-0.2, 1.3)),
        (0.62, 0.5, -0.6),
        (0.75, -0.6, 0.2),
    ),
    "IndexFinger": Bones(
        (0.026, 0.013, 0.001), (0.092, 0.026, 0.003), (0.044, 0.026, 0.022), (0.0105, 0.009, 0.0082, 0.007), _LONG
    ),
    "MiddleFinger": Bones(
        (0.025, 0.003, 0.002), (0.094, 0.004, 0.005), (0.048, 0.030, 0.023), (0.0105, 0.0092, 0.0084, 0.0072), _LONG
    ),
    "RingFinger": Bones(
        (0.024, -0.008, 0.001), (0.088, -0.016, 0.003), (0.044, 0.028, 0.023), (0.010, 0.0086, 0.0078, 0.0068), _LONG
    ),
    "LittleFinger": Bones(
        (0.022, -0.018, -0.001), (0.080, -0.034, -0.002), (0.035, 0.021, 0.020), (0.009, 0.0076, 0.007, 0.006), _LONG
    ),
}
COUPLING = {"Thumb": 0.8, **dict.fromkeys(FINGERS[1:], 0.62)}
"""Of the end joint to the middle one: nobody bends them apart without trying."""
RELAXED = {
    "Thumb": (0.15, 0.1, 0.25),
    "IndexFinger": (0.06, 0.3, 0.45),
    "MiddleFinger": (0.0, 0.38, 0.5),
    "RingFinger": (-0.05, 0.42, 0.55),
    "LittleFinger": (-0.12, 0.42, 0.55),
}
"""spread, base and middle of a resting right hand, rad."""


class Finger:
    """One finger of one hand, its bones in the hand's frame."""

    def __init__(self, name: str, side: str, size: float, girth: float):
        bones = BONES[name]
        flip = np.array([1.0, 1.0 if side == "right" else -1.0, 1.0])
        self.name, self.prefix = name, f"{side}{name}"
        self.root, self.base = (np.array(p) * flip * size for p in (bones.root, bones.base))
        self.links = np.array(bones.links) * size
        self.radii = np.array(bones.radii) * size * girth
        forward, curl = np.array(bones.forward) * flip, np.array(bones.curl) * flip
        forward = forward / np.linalg.norm(forward)
        curl -= forward * (curl @ forward)
        up = -curl / np.linalg.norm(curl)
        self.frame = np.stack([forward, np.cross(up, forward), up], axis=1)
        low_high = np.array(bones.limits)
        if side == "left":
            low_high[0] = -low_high[0, ::-1]
        self.limits = low_high
        self.coupling = COUPLING[name]
        spread, base, middle = RELAXED[name]
        self.relaxed = np.array([spread * flip[1], base, middle, self.coupling * middle])

    def chain(self, q: np.ndarray) -> np.ndarray:
        """Return where the finger's four points are in the hand's frame (4, 3), from joints (4,)."""
        angle = np.cumsum(q[1:])
        flat = np.concatenate([[0.0], np.cumsum(self.links * np.cos(angle))])
        deep = np.concatenate([[0.0], np.cumsum(self.links * np.sin(angle))])
        local = np.stack([flat * np.cos(q[0]), flat * np.sin(q[0]), -deep], axis=1)
        return self.base + local @ self.frame.T

    def tip(self, q: np.ndarray) -> np.ndarray:
        """Return where the fingertip is in the hand's frame (3,)."""
        return self.chain(q)[3]

    def place(self, point: np.ndarray) -> np.ndarray:
        """Return the joints (4,), within their limits, that bring the tip to a point of the hand's frame,
        or as near as they can."""
        local = (np.asarray(point) - self.base) @ self.frame
        spread = np.clip(np.arctan2(local[1], max(local[0], 1e-3)), *self.limits[0])
        flat = local[0] * np.cos(spread) + local[1] * np.sin(spread)
        middle, lengths, bearings = self._table
        bend = np.interp(-np.hypot(flat, local[2]), -lengths, middle)
        base = np.arctan2(-local[2], flat) - np.interp(bend, middle, bearings)
        q = np.array([spread, base, bend, self.coupling * bend])
        return np.clip(q, self.limits[:, 0], self.limits[:, 1])

    @cached_property
    def _table(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """How far from the base the tip is, and in which direction, for every bend of the middle joint."""
        middle = np.linspace(max(self.limits[2, 0], 0.0), self.limits[2, 1], 96)
        end = np.clip(self.coupling * middle, *self.limits[3])
        a, b, c = self.links
        reach = a + b * np.exp(1j * middle) + c * np.exp(1j * (middle + end))
        return middle, np.abs(reach), np.angle(reach)


class Hand:
    """A hand of one person."""

    def __init__(self, side: str, size: float = 1.0, girth: float = 1.0):
        """``size`` multiplies lengths, ``girth`` the thickness of fingers and arm."""
        self.side, self.size, self.girth = side, size, girth
        self.sign = 1.0 if side == "right" else -1.0  # of the side of the thumb along y
        self.fingers = {name: Finger(name, side, size, girth) for name in FINGERS}

    def relaxed(self) -> dict[str, np.ndarray]:
        """Return the joints of a hand at rest: finger -> (4,)."""
        return {name: finger.relaxed for name, finger in self.fingers.items()}

    def place(self, points: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return joints that bring fingertips to points of the hand's frame; the other fingers rest."""
        return {n: f.place(points[n]) if n in points else f.relaxed for n, f in self.fingers.items()}

    def tips(self, joints: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return where the fingertips are in the hand's frame."""
        return {name: finger.tip(joints[name]) for name, finger in self.fingers.items()}
