"""Motions set down where the robot was last commanded to stand, frame by frame."""

from __future__ import annotations

import math
from collections.abc import Generator
from typing import Any

import numpy as np

from agents.humanoid_script.detection import Detection, find
from crossbody.contracts import Observation
from tasks.tracking import CONTROL_HZ

Script = Generator[np.ndarray, None, None]
"""Key points (15, 3), frame after frame."""


class Player:
    """What a script acts with. ``observation`` is the last observation; each frame that is yielded brings the next."""

    def __init__(self, skills: Any, colour: str):
        self.colour, self.observation = colour, {}
        self._skills = skills

    def watch(self, observation: Observation) -> None:
        """Take the next observation."""
        self.observation = observation

    @property
    def stands(self) -> np.ndarray:
        """Where the robot stands after the last command: x, y, yaw."""
        root = np.asarray(self.observation["reference.root"], np.float64)
        return np.array([root[0], root[1], _yaw(root[3:])])

    def look(self) -> Detection | None:
        """Return the thing of the episode's colour in the last picture, if it is there."""
        return find(self.observation["video.ego_view"], self.observation["state.camera"], self.colour)

    def off(self, detection: Detection) -> float:
        """Return by how much the robot would have to turn to face a thing, rad."""
        away = detection.bearing - self.stands[2]
        return math.atan2(math.sin(away), math.cos(away))

    def ahead(self, place: np.ndarray) -> np.ndarray:
        """Return a place (3,) as forward, left of where the robot stands, and height over the floor."""
        x, y, yaw = self.stands
        dx, dy = place[0] - x, place[1] - y
        cos, sin = math.cos(yaw), math.sin(yaw)
        return np.array([cos * dx + sin * dy, cos * dy - sin * dx, place[2]])

    def play(self, kind: str, **parameters: Any) -> Script:
        """Make a motion and yield it, begun where the last frame stands."""
        motion = self._skills.make(kind, **parameters)
        start = np.asarray(motion.root[0], np.float64)
        x, y, yaw = self.stands
        turn = yaw - _yaw(start[3:])
        cos, sin = math.cos(turn), math.sin(turn)
        about = np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])
        yield from (motion.keypoints - [start[0], start[1], 0]) @ about + [x, y, 0]

    def wait(self, seconds: float) -> Script:
        """Yield the last frame for a while."""
        for _ in range(round(seconds * CONTROL_HZ)):
            yield self.still()

    def still(self) -> np.ndarray:
        """Return the last command again."""
        return np.asarray(self.observation["reference.keypoints"])


def _yaw(quat: np.ndarray) -> float:
    w, x, y, z = quat
    return math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))
