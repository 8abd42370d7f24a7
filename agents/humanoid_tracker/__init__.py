"""Makes a humanoid follow a reference motion: the whole-body controller that `train wbc` trains by PPO."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agents.humanoid_tracker.agent import HumanoidTracker


@dataclass(frozen=True)
class Options:
    """Which weights."""

    checkpoint: Path | None = None
    """A folder that `train wbc` wrote; `checkpoints/tiny/humanoid_tracker` when none is given."""


def make(options: Options) -> HumanoidTracker:
    """Return the controller with its weights loaded."""
    from agents.humanoid_tracker.agent import SHIPPED, HumanoidTracker

    return HumanoidTracker(options.checkpoint or SHIPPED)
