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

    minibatches: int | None = None
    """Steps of the optimiser in each of an iteration's epochs: with sixteen times the robots take three times the size's own."""

    warm_start: Path | None = None
    """A controller's checkpoint to begin with, of the same size and robot."""

    seed: int = 0
    """Of weights, motions, starts, disturbances and exploration."""

    threads: int = 2
    """CPU threads of the physics."""

    network_threads: int = 1
    """CPU threads of the networks. More fight with the physics for the cores, unless there are many and OMP_WAIT_POLICY=passive is set."""

    solver_rounds: tuple[int, int] | None = None
    """Of mjx: most rounds of the contact solver and of its line search. 5 and 8 unless told: then robots that are thrown about are 3 mrad from
    MuJoCo's, whose own are 100 and 50, after half a second. 10 and 8 leave a thousandth of that."""

    save_every: int = 50
    """Iterations between snapshots, from which the same command goes on. All robots start anew after each."""

    log_every: int = 5
    """Iterations between points of the curves."""

    dry_run: bool = False
    """Everything once, with a handful of robots and motions: does it work here?"""

    plan: bool = False
    """Say how many parameters, samples and hours this takes, and leave."""
