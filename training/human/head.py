"""A head that looks on: it follows the eyes part of the way, ahead of the hand, and never quite stands still."""

from __future__ import annotations

from typing import Any

import numpy as np

from envs.human.scene import Scene
from training.human.motion import Rhythm, Sway, Track

BOB_M, NOD_RAD = 0.004, 0.006
AHEAD_M = 0.26  # of the place that is looked at when there is nothing to do


class Head:
    """The head camera's pose at any time."""

    def __init__(self, scene: Scene, rhythm: Rhythm, times: Any, goal: np.ndarray, random: np.random.Generator):
        """``times``: when the hand sets out, holds and lets go. ``goal``: where the thing is let go (3,)."""
        self._person, self._share = scene.person, rhythm.gaze
        self._seat = np.array([*random.normal(0, 0.02, 2), scene.person.eye_m])
        self._tilt = random.normal(0, 0.025)
        self._bob = Sway.draw(random, BOB_M * random.uniform(0.4, 1.6), (0.15, 0.7))
        self._nod = Sway.draw(random, NOD_RAD * random.uniform(0.4, 1.6), (0.15, 0.8))
        self._look = Track(np.array([AHEAD_M, 0.0, 0.0]))
        self._look.to(scene.carried.place, max(times.begins - random.uniform(0.05, 0.2), 0), random.uniform(0.3, 0.5))
        self._look.to(goal, times.held + random.uniform(-0.1, 0.2), random.uniform(0.35, 0.6))
        self._look.to(
            np.array([AHEAD_M, 0.0, 0.0]), times.released + random.uniform(0.4, 0.9), random.uniform(0.4, 0.7)
        )

    def at(self, time: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the camera's place (3,) and axes (3, 3): x right, y up, looking along -z."""
        nod = self._nod.at(time)
        look = self._look.at(time) - self._seat
        aside = self._share[0] * np.arctan2(look[1], look[0] + 0.15) + nod[0]
        usual = np.arctan2(self._person.eye_m, AHEAD_M)
        down = np.arctan2(-look[2], np.hypot(look[0], look[1]))
        down = self._person.look_down + self._share[1] * (down - usual) + nod[1]
        place = self._seat + self._bob.at(time) + [0.0, 0.05 * np.sin(aside), 0.0]
        return place, axes(aside, down, self._tilt + nod[2])


def axes(aside: float, down: float, tilt: float) -> np.ndarray:
    """Return a camera's axes (3, 3) that looks ``aside`` to the left and ``down``, tilted to its right; rad."""
    ahead = np.array([np.cos(down) * np.cos(aside), np.cos(down) * np.sin(aside), -np.sin(down)])
    right = np.array([np.sin(aside), -np.cos(aside), 0.0])
    up = np.cross(right, ahead)
    c, s = np.cos(tilt), np.sin(tilt)
    return np.stack([c * right - s * up, s * right + c * up, -ahead], axis=1)
