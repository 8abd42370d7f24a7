"""What ``train wbc`` can be told: read by tyro, and light to import."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class WbcOptions:
    """Train the whole-body controller from nothing: `train wbc`."""

    size: str = "tiny"
    """tiny trains on two cores in three hours; base has the field's numbers and wants a GPU backend."""

    backend: Literal["mujoco", "isaacgym", "mjx"] = "mujoco"
    """Who does the physics."""

    device: str | None = None
    """Where Isaac Gym simulates: cuda:0 unless told, or cpu. The other backends choose for themselves."""

    robot: str | None = None
    """Which joints move; the size's own robot when none is given."""

    out: Path | None = None
    """Where the checkpoint, its snapshot and the curves go; by default runs/train/wbc-<size>."""

    kinds: tuple[str, ...] = ()
    """Only these kinds of motion; all that are not held out when none is given."""

    iterations: int | None = None
    """Rounds of collecting and learning; the size's own number when none is given."""

    environments: int | None = None
    """Robots that are simulated at once."""

    learning_rate: float | None = None
    """Adam's step size at the beginning."""

    warm_start: Path | None = None
    """A controller's checkpoint to begin with, of the same size and robot."""

    seed: int = 0
    """Of weights, motions, starts, disturbances and exploration."""

    threads: int = 2
    """CPU threads of the physics; the networks have one, because two fight with the physics for the cores."""

    save_every: int = 50
    """Iterations between snapshots, from which the same command goes on. All robots start anew after each."""

    log_every: int = 5
    """Iterations between points of the curves."""

    dry_run: bool = False
    """Everything once, with a handful of robots and motions: does it work here?"""

    plan: bool = False
    """Say how many parameters, samples and hours this takes, and leave."""
