"""A scripted high-level agent of the vision tasks: finds the coloured thing in the head camera's picture and commands a
motion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agents.humanoid_script.agent import ScriptAgent


@dataclass(frozen=True)
class Options:
    """None."""


def make(options: Options) -> ScriptAgent:
    """Return the agent; it lives in a worker and has to be attached to that worker's environment,
    whose skills it uses."""
    from agents.humanoid_script.agent import ScriptAgent

    return ScriptAgent()
