"""Options of the UniT family's recipes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from agents.unit.config import load_size
from crossbody.errors import CrossbodyError
from training.recipe import FREE, Options, filled

FREE_UNIT = FREE | {"data"}  # known by its digest, which is among the facts
DRY = {"steps": 6, "batch": 8}


@dataclass(frozen=True)
class UnitOptions(Options):
    """Options of the UniT family's recipes."""

    data: tuple[Path, ...] = ()
    """Folders of demonstrations, as `crossbody collect` writes them, or LeRobot, EgoDex and robosuite sets."""

    size: str = "tiny"
    """tiny trains on a laptop; base is the paper's size and wants GPUs (`accelerate launch -m training.train …`)."""

    steps: int | None = None
    """Updates; the size's own number when none is given."""

    batch: int | None = None
    """Samples per update and process."""

    learning_rate: float | None = None
    """At its highest, after the warm-up."""

    episodes: tuple[float, ...] = (1.0,)
    """Share of the episodes that is used, one for all of --data or one for each;
    a smaller share lies inside a larger one."""

    every: int = 4
    """Chunks begin at every so many-th control step, and only those pictures' features are computed."""

    bf16: bool = False
    """Compute in bfloat16, for GPUs and CPUs that have it (`avx512_bf16` or `amx_bf16` in lscpu)."""

    checkpointing: bool = False
    """Compute activations again on the way back instead of keeping them: slower, and fits the full size into a GPU."""


@dataclass(frozen=True)
class PolicyOptions(UnitOptions):
    """Train a policy without tokens: `train gr00t --data DIR`."""

    frames_share: float = 0.5
    """Frames without actions, drawn so often per demonstrated chunk: they teach where object and container are.
    None with --localizer."""

    human_share: float = 0.25
    """How often human chunks are drawn, against the robot's."""

    state_noise: float = 0.01
    """Standard deviation, rad or m, of noise on the state; the action stays in place,
    so the noise teaches to correct it."""

    localizer: Path | None = None
    """A folder of `train object_localizer`, which stays as it is: the policy need not learn from actions where things
    are."""

    base_policy: Literal["none"] | Path | None = None
    """A folder of `train base_policy`, which stays as it is: the policy learns the residual. none: the policy has no
    base policy, and learns whole chunks from what it sees. By default it is trained along."""

    warm_start: Path | None = None
    """A checkpoint of the same configuration to begin with: robot-only fine-tuning after co-training, for one."""


O = TypeVar("O", bound=UnitOptions)  # noqa: E741 - options


def resolved(options: O, part: str, without: str = "") -> O:
    """Return the options with the size's numbers for a part of the family. ``without``:
    what a size that lacks it does instead."""
    numbers = load_size(options.size).training.get(part)
    if numbers is None:
        raise CrossbodyError(f"size '{options.size}' has no {part}: {without}.")
    return filled(options, **numbers | (DRY if options.dry_run else {}))
