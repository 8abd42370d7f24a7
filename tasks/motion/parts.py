"""Key points as forty-eight numbers a frame in five body parts, and back: what motion tokens are made of, 20 frames a
second.

All numbers are in the frame that faces with the hips and stands on the ground under the pelvis. There are no rotations
(fitting a robot needs none) and no joint velocities, which HumanML3D's 263 numbers repeat.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.motion.keypoints import ANKLES, INDEX, KEYPOINTS, NAMES
from tasks.motion.root import heading

if TYPE_CHECKING:
    import numpy as np

FPS = 20.0
WIDTH = 48
PARTS = ("torso", "left_leg", "right_leg", "left_arm", "right_arm")
"""In the order in which a step's five tokens stand."""
COLUMNS = {
    "torso": slice(0, 10),
    "left_leg": slice(10, 20),
    "right_leg": slice(20, 30),
    "left_arm": slice(30, 39),
    "right_arm": slice(39, 48),
}
"""torso: yaw rate, velocity forwards and to the left, pelvis height, torso, head. A leg: hip, knee, ankle, contact.
An arm: its three points."""
JOINTS = {part: tuple(i for i, k in enumerate(KEYPOINTS) if k.part == part) for part in PARTS}

YAW_RATE, FORWARD, LEFT, HEIGHT = range(4)
CONTACTS = (19, 29)
TRACKS = {"root": ("torso", (0, 1, 2, 3)), "left_hand": ("left_arm", (6, 7, 8)), "right_hand": ("right_arm", (6, 7, 8))}
"""Track -> the part whose codes tell it, and the part's columns that are known: the root's way, a wrist's way."""
TRACKED = {"root": INDEX["pelvis"], "left_hand": INDEX["left_wrist"], "right_hand": INDEX["right_wrist"]}

_LEG_UNITS = (0.1,) * 9 + (0.5,)
UNITS = (0.5, 0.2, 0.2, 0.05, *(0.1,) * 6, *_LEG_UNITS, *_LEG_UNITS, *(0.15,) * 18)
"""What counts as one of each number, so that a loss weighs millimetres and not joints that hardly move: rad/s, m/s,
m."""

DOWN_M, STILL_M_S, BEARING = 0.025, 0.25, 0.5
"""An ankle bears when it is this near its own lowest tenth and this slow; decoded,
when its contact is above the third."""


def encode(points: np.ndarray) -> np.ndarray:
    """Return the numbers (T, 48) of key points (T, 15, 3) in metres, z up, at 20 frames a second; T >= 2."""
    import numpy as np

    yaw = heading(points)
    rate = np.angle(np.exp(1j * np.diff(yaw))) * FPS
    velocity = turned(np.diff(points[:, :1], axis=0) * FPS, -yaw[:-1])[:, 0, :2]
    local = turned(points - points[:, :1] * [1.0, 1.0, 0.0], -yaw)
    out = np.empty((len(points), WIDTH), np.float32)
    out[:-1, YAW_RATE], out[:-1, FORWARD : LEFT + 1] = rate, velocity
    out[-1, : LEFT + 1] = out[-2, : LEFT + 1]
    out[:, HEIGHT] = local[:, 0, 2]
    out[:, HEIGHT + 1 : 10] = local[:, JOINTS["torso"][1:]].reshape(len(out), -1)
    for part in PARTS[1:]:
        first = COLUMNS[part].start
        out[:, first : first + 9] = local[:, JOINTS[part]].reshape(len(out), 9)
    out[:, CONTACTS] = contacts(points)
    return out


def decode(numbers: np.ndarray, held: bool = True) -> np.ndarray:
    """Return key points (T, 15, 3) of numbers (T, 48), from the origin and facing x.

    ``held``: where a foot bears in two frames the root moves so that its ankle stays, else by the decoded velocity.
    Without it the root only integrates its velocity, as works on HumanML3D's numbers do.
    """
    import numpy as np

    numbers = np.asarray(numbers, float)
    yaw = np.concatenate([[0.0], np.cumsum(numbers[:-1, YAW_RATE]) / FPS])
    out = turned(places(numbers), yaw)
    way = np.pad(numbers[:-1, FORWARD : LEFT + 1], ((0, 0), (0, 1)))[:, None] / FPS
    step = turned(way, yaw[:-1])[:, 0]
    if held:
        bearing = numbers[:, CONTACTS] > BEARING
        both = (bearing[1:] & bearing[:-1])[..., None]
        slide = (out[:-1, ANKLES] - out[1:, ANKLES]) * [1.0, 1.0, 0.0]
        mean = (slide * both).sum(1) / np.maximum(both.sum(1), 1)
        step = np.where(both.any(1), mean, step)
    root = np.concatenate([np.zeros((1, 3)), np.cumsum(step, 0)])
    return out + root[:, None]


def places(numbers: np.ndarray) -> np.ndarray:
    """Return the key points (T, 15, 3) in the moving frame of the hips: each part's come from its own columns alone."""
    import numpy as np

    out = np.zeros((len(numbers), len(NAMES), 3))
    out[:, 0, 2] = numbers[:, HEIGHT]
    out[:, JOINTS["torso"][1:]] = numbers[:, HEIGHT + 1 : 10].reshape(-1, 2, 3)
    for part in PARTS[1:]:
        first = COLUMNS[part].start
        out[:, JOINTS[part]] = numbers[:, first : first + 9].reshape(-1, 3, 3)
    return out


def contacts(points: np.ndarray) -> np.ndarray:
    """Return whether each ankle bears (T, 2): near its own lowest tenth, and slow."""
    import numpy as np

    ankles = points[:, ANKLES]
    speed = np.linalg.norm(np.diff(ankles, axis=0), axis=-1) * FPS
    speed = np.concatenate([speed, speed[-1:]])
    low = ankles[..., 2] < np.quantile(ankles[..., 2], 0.1) + DOWN_M
    return low & (speed < STILL_M_S)


def at_origin(points: np.ndarray) -> np.ndarray:
    """Return the same motion from the origin, facing x: what ``decode`` gives."""
    return turned(points - points[0, 0] * [1.0, 1.0, 0.0], -heading(points)[:1])


def mirrored(numbers: np.ndarray) -> np.ndarray:
    """Return the numbers (…, 48) of the motion with left and right exchanged."""
    return numbers[..., _SWAP] * _SIGN


def turned(vectors: np.ndarray, yaw: np.ndarray) -> np.ndarray:
    """Return vectors (T, N, 3) turned about z by angles (T,) or (1,)."""
    import numpy as np

    cos, sin = np.cos(yaw)[:, None], np.sin(yaw)[:, None]
    x, y, z = np.moveaxis(vectors, -1, 0)
    return np.stack([cos * x - sin * y, sin * x + cos * y, z], -1)


_SWAP = (*range(10), *range(20, 30), *range(10, 20), *range(39, 48), *range(30, 39))
_XYZ = (1.0, -1.0, 1.0)
_SIGN = (-1.0, 1.0, -1.0, 1.0, *_XYZ * 2, *(*_XYZ * 3, 1.0) * 2, *_XYZ * 6)
