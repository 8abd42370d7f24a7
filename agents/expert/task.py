"""What the scripts of one episode share: the scene, the body and a running report."""

from __future__ import annotations

from typing import Any

from agents.expert.body import Body
from agents.expert.scene import Scene


class Episode:
    """Scene, body and report of one episode."""

    def __init__(self, simulator: Any):
        self.scene = Scene(simulator.task, simulator.model, simulator.data)
        self.body = Body(simulator.model, simulator.data)
        self.report: dict[str, Any] = {
            "stage": "start",
            "steps": 0,
            "attempts": 0,
            "lifted": False,
            "held_over_container": False,
            "finished": False,
        }

    def note(self, stage: str, **facts: Any) -> None:
        """Set the stage and other entries of the report."""
        self.report |= {"stage": stage, **facts}

    def succeeded(self) -> bool:
        """Return what the package's own check says now."""
        return bool(self.scene.task._check_success())
