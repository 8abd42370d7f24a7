"""A scripted controller that sees the simulator's state: inverse kinematics, grasps,
doors and drawers of all 97 tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agents.expert.agent import ExpertAgent


@dataclass(frozen=True)
class Options:
    """How the expert acts."""

    action_noise_rad: float = 0.0
    """Standard deviation of a smooth disturbance of the arms' targets;
    demonstrations made with it show how to recover."""


def make(options: Options) -> ExpertAgent:
    """Return the scripted expert; it lives in a worker and has to be attached to that worker's environment."""
    from agents.expert.agent import ExpertAgent

    return ExpertAgent(options)
