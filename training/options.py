"""What the recipes can be told: read by tyro, and light to import."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Common:
    """Options of every recipe."""

    data: tuple[Path, ...] = ()
    """Folders of demonstrations, as `crossbody collect` writes them, or LeRobot, EgoDex and robosuite sets."""

    out: Path | None = None
    """Where the checkpoint, its snapshot and the curves go; by default runs/train/<recipe>-<size>."""

    size: str = "tiny"
    """tiny trains on a laptop; base is the paper's size and wants GPUs (`accelerate launch -m training.train …`)."""

    steps: int | None = None
    """Updates; the size's own number when none is given."""

    batch: int | None = None
    """Samples per update and process."""

    learning_rate: float | None = None
    """At its highest, after the warm-up."""

    episodes: tuple[float, ...] = (1.0,)
    """Share of the episodes that is used, one for all of --data or one for each; a smaller share lies inside a larger one."""

    every: int = 4
    """Chunks begin at every so many-th control step, and only those pictures' features are computed."""

    seed: int = 0
    """Of weights, order, noise and light."""

    threads: int = 2
    """CPU threads of the training step."""

    save_every: int = 1000
    """Updates between snapshots, from which the same command goes on."""

    log_every: int = 100
    """Updates between points of the curves."""

    bf16: bool = False
    """Compute in bfloat16, for GPUs and CPUs that have it (`avx512_bf16` or `amx_bf16` in lscpu)."""

    checkpointing: bool = False
    """Compute activations again on the way back instead of keeping them: slower, and fits the full size into a GPU."""

    dry_run: bool = False
    """Everything once, on a handful of rows: does it work here?"""

    plan: bool = False
    """Say how many parameters and how much memory this takes, without allocating them, and leave."""


@dataclass(frozen=True)
class TokenizerOptions(Common):
    """Train a tokenizer: `train tokenizer --data DIR`."""

    variant: str = "full"
    """full, no_cross (every branch decodes its own), villa (vision to both), vision, or action (a plain RQ-VAE of actions)."""

    human_share: float = 0.5
    """How often human chunks are drawn, against the robot's."""


@dataclass(frozen=True)
class LooksOptions(Common):
    """Train what finds object and container in a picture: `train looks --data DIR`, for `train gr00t|vla_unit --looks`."""

    frames_share: float = 2.0
    """Frames without actions, drawn so often per demonstrated chunk: everything in them lies elsewhere, whatever the arms do."""

    human_share: float = 0.5
    """How often human frames are drawn, against the robot's."""


@dataclass(frozen=True)
class GuessOptions(Common):
    """Train what guesses a chunk without pictures: `train guess --data DIR`, for `train gr00t|vla_unit --guess`."""

    human_share: float = 0.25
    """How often human chunks are drawn, against the robot's."""

    state_noise: float = 0.03
    """Standard deviation, rad or m, of noise on the state; the action stays in place, so the noise teaches to correct it."""

    unsure: float = 0.02
    """Standard deviation, m, of noise on where object and container are: looks mistake them, too."""


@dataclass(frozen=True)
class PolicyOptions(Common):
    """Train a policy without tokens: `train gr00t --data DIR`."""

    frames_share: float = 0.5
    """Frames without actions, drawn so often per demonstrated chunk: they teach where object and container are. None with --looks."""

    human_share: float = 0.25
    """How often human chunks are drawn, against the robot's."""

    state_noise: float = 0.01
    """Standard deviation, rad or m, of noise on the state; the action stays in place, so the noise teaches to correct it."""

    looks: Path | None = None
    """A folder of `train looks`, which stay as they are: the policy need not learn from actions where things are."""

    guess: Literal["none"] | Path | None = None
    """A folder of `train guess`, which stays as it is: the policy learns what it leaves over. none: the policy has no guess,
    and learns whole chunks from what it sees. By default the guess is trained along."""

    warm_start: Path | None = None
    """A checkpoint of the same configuration to begin with: robot-only fine-tuning after co-training, for one."""


@dataclass(frozen=True)
class TokenOptions(PolicyOptions):
    """Train VLA-UniT: `train vla_unit --data DIR --tokenizer DIR`."""

    tokenizer: Path | None = None
    """The folder of the tokenizer; by default runs/train/tokenizer_full-<size>."""

    wiring: Literal["released", "page"] = "released"
    """released: the action head sees the context without bridge tokens. page: it also sees the predicted codes."""

    detach: bool = True
    """Keep the flow loss out of the vision-language backbone, as released."""


@dataclass(frozen=True)
class MatcherOptions:
    """Train the motion matcher on the procedural motions: `train matcher`."""

    out: Path | None = None
    """Where the weights, their card, the snapshot and the curves go; by default runs/train/motion_matcher."""

    clips: int = 160
    """Motions of every kind; every fifth is held out."""

    steps: int = 600
    """Updates."""

    batch: int = 96
    """Motions with a caption each per update: every other one of them is a wrong answer."""

    learning_rate: float = 1e-3
    """At its highest, after the warm-up."""

    unread: float = 0.2
    """Share of a caption's words that an update does not see, so that no single wording is relied upon."""

    blurred: float = 0.4
    """Share of the words' numbers that are zero in an update: MiniLM says the same with the others."""

    seed: int = 0
    """Of weights, order, captions and sizes of bodies."""

    threads: int = 2
    """CPU threads of the training step."""

    save_every: int = 100
    """Updates between snapshots, from which the same command goes on."""

    log_every: int = 50
    """Updates between points of the curves."""

    dry_run: bool = False
    """Everything once, on a handful of motions: does it work here?"""
