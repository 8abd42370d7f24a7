"""The fifteen key points that people and humanoids have in common, in their fixed order.

They are the fifteen bodies of the AMP humanoid, as a subset of SMPL's first 22 joints: five parts of three.
"""

from __future__ import annotations

from typing import NamedTuple


class KeyPoint(NamedTuple):
    """One key point, and what it is called elsewhere."""

    name: str
    smpl: int  # index among SMPL's joints
    amp: str  # body of the AMP humanoid whose origin it is
    part: str
    parent: int  # index of the key point that carries it; -1 for the root


KEYPOINTS = (
    KeyPoint("pelvis", 0, "pelvis", "torso", -1),
    KeyPoint("left_hip", 1, "left_thigh", "left_leg", 0),
    KeyPoint("right_hip", 2, "right_thigh", "right_leg", 0),
    KeyPoint("left_knee", 4, "left_shin", "left_leg", 1),
    KeyPoint("right_knee", 5, "right_shin", "right_leg", 2),
    KeyPoint("left_ankle", 7, "left_foot", "left_leg", 3),
    KeyPoint("right_ankle", 8, "right_foot", "right_leg", 4),
    KeyPoint("torso", 9, "torso", "torso", 0),
    KeyPoint("head", 15, "head", "torso", 7),
    KeyPoint("left_shoulder", 16, "left_upper_arm", "left_arm", 7),
    KeyPoint("right_shoulder", 17, "right_upper_arm", "right_arm", 7),
    KeyPoint("left_elbow", 18, "left_lower_arm", "left_arm", 9),
    KeyPoint("right_elbow", 19, "right_lower_arm", "right_arm", 10),
    KeyPoint("left_wrist", 20, "left_hand", "left_arm", 11),
    KeyPoint("right_wrist", 21, "right_hand", "right_arm", 12),
)

NAMES = tuple(point.name for point in KEYPOINTS)
SMPL = tuple(point.smpl for point in KEYPOINTS)
INDEX = {name: index for index, name in enumerate(NAMES)}
ANKLES = (INDEX["left_ankle"], INDEX["right_ankle"])
