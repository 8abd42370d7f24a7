"""The GR1's joint ranges, read from robosuite's robot files: what an absolute joint target may be."""

from __future__ import annotations

import functools
import importlib.util
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np

_ARM = ("shoulder_pitch", "shoulder_roll", "shoulder_yaw", "elbow_pitch", "wrist_yaw", "wrist_roll", "wrist_pitch")
_HAND = (
    "pinky_proximal",
    "ring_proximal",
    "middle_proximal",
    "index_proximal",
    "thumb_proximal_pitch",
    "thumb_proximal_yaw",
)
JOINTS = {
    "left_arm": [f"l_{j}" for j in _ARM],
    "right_arm": [f"r_{j}" for j in _ARM],
    "left_hand": [f"L_{j}_joint" for j in _HAND],
    "right_hand": [f"R_{j}_joint" for j in _HAND],
    "waist": ["torso_waist_yaw", "torso_waist_pitch", "torso_waist_roll"],
}
"""Body part -> joint names in robosuite's files, in the order of the channels."""

_FILES = {"left_hand": "grippers/fourier_left_hand.xml", "right_hand": "grippers/fourier_right_hand.xml"}


@functools.cache
def joint_ranges() -> dict[str, np.ndarray]:
    """Return body part -> (joints, 2) lower and upper limits, radians."""
    ranges = {}
    for part, joints in JOINTS.items():
        tree = ET.parse(_assets() / _FILES.get(part, "robots/gr1/robot.xml"))
        found = {j.get("name"): j.get("range", "") for j in tree.iter("joint")}
        ranges[part] = np.array([[float(v) for v in found[name].split()] for name in joints])
    return ranges


def _assets() -> Path:
    spec = importlib.util.find_spec("robosuite")  # found, not imported: importing it starts numba
    assert spec is not None and spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "models" / "assets"
