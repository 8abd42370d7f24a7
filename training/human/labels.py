"""What is recorded of a demonstration: EgoDex's 69 transforms in the frame of ARKit, confidences, and where things are.

ARKit's world: origin on the floor where the session began, y up, z towards the person. The camera's frame: x right, y
down, z ahead. A joint's frame is its bone's: x along it to the fingers, z out of the back of the hand.
"""

from __future__ import annotations

import numpy as np

from envs.human.hand import SIDES
from envs.human.scene import FLOOR_M
from envs.human.stage import Posture, Stage, intrinsic
from training.data.formats.egodex import BODY, JOINTS

TO_ARKIT = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, 1.0], [-1.0, 0.0, 0.0]])
"""x ahead, y left, z up -> x right, y up, z back."""
FLIP = np.diag([1.0, -1.0, -1.0])
HIP_M = np.array([-0.17, 0.0, -0.1])  # behind and below the table's edge
OUT_OF_VIEW, BODY_CONFIDENCE = 0.25, 0.5
PICTURE_PX = 256
ROWS_PX = (42.7, 213.3)  # of the picture that are not black


class Labels:
    """Gathers what is recorded, frame by frame."""

    def __init__(self, stage: Stage, fovy_deg: float, random: np.random.Generator):
        """The session began somewhere near, the person looking nearly to the table."""
        self._stage = stage
        self.intrinsic = intrinsic(fovy_deg)
        c, s = np.cos(yaw := random.normal(0, 0.08)), np.sin(yaw)
        self._world = np.eye(4)
        self._world[:3, :3] = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]) @ TO_ARKIT
        self._world[:3, 3] = [random.normal(0, 0.04), FLOOR_M, random.normal(0, 0.04)]
        self.transforms: dict[str, list[np.ndarray]] = {}
        self.confidences: dict[str, list[float]] = {name: [] for name in JOINTS}
        self.privileged: dict[str, list[np.ndarray]] = {"object": [], "container": []}

    def add(self, posture: Posture, container: np.ndarray) -> np.ndarray:
        """Record what the stage shows and return the carried thing's place in the picture (2,), px."""
        camera = np.eye(4)
        camera[:3, :3], camera[:3, 3] = posture.eye[1] @ FLIP, posture.eye[0]
        found = self._stage.poses() | self._trunk(posture)
        for name, pose in zip(("camera", *found), self._world @ np.stack([camera, *found.values()]), strict=True):
            self.transforms.setdefault(name, []).append(pose)
        seen = self.pixels(np.stack([found[name][:3, 3] for name in JOINTS]), camera)
        for name, inside in zip(JOINTS, visible(seen), strict=True):
            sure = BODY_CONFIDENCE if name in BODY else 1.0
            self.confidences[name].append(sure if inside else OUT_OF_VIEW)
        for name, place in (("object", posture.carried[0]), ("container", container)):
            self.privileged[name].append(self._world[:3, :3] @ place + self._world[:3, 3])
        return self.pixels(posture.carried[0][None], camera)[0]

    def pixels(self, points: np.ndarray, camera: np.ndarray) -> np.ndarray:
        """Return where points (n, 3) are in the picture (n, 2), px; behind the camera is NaN."""
        local = (points - camera[:3, 3]) @ camera[:3, :3]
        depth = np.where(local[:, 2:] > 0.01, local[:, 2:], np.nan)
        return (local / depth @ self.intrinsic.T)[:, :2]

    def _trunk(self, posture: Posture) -> dict[str, np.ndarray]:
        """Return shoulders, spine and neck: a line from the hip to between the shoulders, and on to the head."""
        shoulders = {side: self._stage.arms[side].shoulder for side in SIDES}
        middle = (shoulders["left"] + shoulders["right"]) / 2
        found = {}
        for side in SIDES:
            found[f"{side}Shoulder"] = _at(middle + 0.15 * (shoulders[side] - middle))
        head = posture.eye[0] + [-0.09, 0.0, -0.02]
        for number, name in enumerate(BODY):
            spine = sum(n.startswith("spine") for n in BODY)
            low, high, share = (
                (HIP_M, middle, number / spine) if number <= spine else (middle, head, (number - spine) / 4)
            )
            found[name] = _at(low + share * (high - low))
        return found


def visible(pixels: np.ndarray, margin: float = 0.0) -> np.ndarray:
    """Return which pixels (n, 2) are in the picture, so far from its edges."""
    x, y = pixels[:, 0], pixels[:, 1]
    low, high = ROWS_PX
    return (x > margin) & (x < PICTURE_PX - margin) & (y > low + margin) & (y < high - margin)


def _at(place: np.ndarray) -> np.ndarray:
    pose = np.eye(4)
    pose[:3, 3] = place
    return pose
