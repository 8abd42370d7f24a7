"""Things and people of simple shapes, as MJCF elements."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Sequence

import numpy as np

from tasks.motion.keypoints import KEYPOINTS, NAMES

SKIN, TROUSERS = (0.87, 0.7, 0.58), (0.2, 0.22, 0.3)
LIMB_M, HEAD_M = 0.05, 0.09
BONES = tuple((point.parent, index) for index, point in enumerate(KEYPOINTS) if point.parent >= 0)
"""Key points that a limb of the dancing partner joins."""


def shape(kind: str, size: Sequence[float], rgb: Sequence[float], **more: str) -> ET.Element:
    """Return a geom that touches nothing unless ``more`` says so."""
    given = {
        "type": kind,
        "size": _text(size),
        "rgba": _text((*rgb, 1)),
        "contype": "0",
        "conaffinity": "0",
        "density": "300",
    }
    return ET.Element("geom", given | more)


def body(
    name: str, position: Sequence[float], shapes: Sequence[ET.Element], *, free: bool = False, moved: bool = False
) -> ET.Element:
    """Return a body that stands still, is free to move, or is ``moved`` by the scene."""
    element = ET.Element("body", {"name": name, "pos": _text(position)})
    if moved:
        element.set("mocap", "true")
    if free:
        ET.SubElement(element, "freejoint")
    element.extend(shapes)
    return element


def person(name: str, position: Sequence[float], yaw: float, shirt: Sequence[float]) -> ET.Element:
    """Return somebody of 1.7 m in a shirt, at (x, y), who looks along yaw."""

    def limb(start: Sequence[float], end: Sequence[float], radius: float, rgb: Sequence[float]) -> ET.Element:
        return shape("capsule", (radius,), rgb, fromto=_text((*start, *end)), contype="1", conaffinity="1")

    shapes = [limb((0, 0, 0.95), (0, 0, 1.35), 0.15, shirt)]
    for side in (1, -1):
        shapes.append(limb((0, 0.09 * side, 0.08), (0, 0.09 * side, 0.85), 0.07, TROUSERS))
        shapes.append(limb((0, 0.22 * side, 0.95), (0, 0.2 * side, 1.4), 0.045, shirt))
    shapes.append(shape("sphere", (0.11,), SKIN, pos="0 0 1.62"))
    shapes.append(shape("sphere", (0.03,), TROUSERS, pos="0.1 0 1.63"))
    element = body(name, (*position, 0.0), shapes)
    element.set("quat", _text((math.cos(yaw / 2), 0, 0, math.sin(yaw / 2))))
    return element


def partner(suit: Sequence[float]) -> list[ET.Element]:
    """Return somebody who dances: a limb for each bone of the key points, and a head; ``limbs`` says where they go."""
    bones = [body(bone(end), (0, 0, -1), [shape("capsule", (LIMB_M, 0.1), suit)], moved=True) for _, end in BONES]
    head = shape("sphere", (HEAD_M,), SKIN)
    return [*bones, body("object", (0, 0, -1), [head], moved=True)]


def bone(end: int) -> str:
    """Return the body of the bone that ends at a key point."""
    return f"partner_{NAMES[end]}"


def limbs(points: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray, float]]:
    """Return body -> (middle (3,), quaternion wxyz (4,), half length m) of a partner with key points (15, 3)."""
    out = {}
    for start, end in BONES:
        along = points[end] - points[start]
        length = float(np.linalg.norm(along))
        out[bone(end)] = (points[start] + along / 2, _from_z(along / max(length, 1e-9)), length / 2)
    return out


def _from_z(direction: np.ndarray) -> np.ndarray:
    """Return the shortest rotation that takes z to a unit vector: wxyz (4,)."""
    quat = np.array([1 + direction[2], -direction[1], direction[0], 0.0])
    length = np.linalg.norm(quat)
    return quat / length if length > 1e-6 else np.array([0.0, 1.0, 0.0, 0.0])


def _text(values: Sequence[float]) -> str:
    return " ".join(f"{float(v):.6g}" for v in values)
