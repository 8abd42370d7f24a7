"""What the scripts of one episode share: the scene, the body and a running report."""

from __future__ import annotations

from typing import Any

import numpy as np

from agents.expert.body import RobotBody
from agents.expert.scene import Scene

SEEN = 0.45  # radians to the side at which a container stays in the picture even when the robot leans
GAIN = 0.8
MOST = 0.36


class Episode:
    """Scene, body and report of one episode."""

    def __init__(self, simulator: Any):
        self.scene = Scene(simulator.task, simulator.model, simulator.data)
        self.body = RobotBody(simulator.model, simulator.data)
        for arm in self.body.arms.values():
            arm.rest[0] = self._gaze()
        self.report: dict[str, Any] = {
            "stage": "start",
            "steps": 0,
            "attempts": 0,
            "lifted": False,
            "held_over_container": False,
            "finished": False,
        }

    def _gaze(self) -> float:
        """Return how far the waist turns (radians, negative to the right)
        to keep a container at the side in the picture."""
        if self.scene.kind != "container":
            return 0.0
        away = self.scene.position("container") - self.body.origin
        bearing = float(np.arctan2(away @ self.body.right, away @ self.body.ahead))
        return -float(np.sign(bearing) * np.clip(GAIN * (abs(bearing) - SEEN), 0, MOST))

    def note(self, stage: str, **facts: Any) -> None:
        """Set the stage and other entries of the report."""
        self.report |= {"stage": stage, **facts}

    def succeeded(self) -> bool:
        """Return what the package's own check says now."""
        return bool(self.scene.task._check_success())
