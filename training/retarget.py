"""``crossbody retarget``: a person's motion on a robot, with figures, a motion file and a video."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from crossbody.errors import CrossbodyError

if TYPE_CHECKING:
    from envs.humanoid.retarget.fit import Retargeted
    from envs.humanoid.robot import Robot
    from tasks.motion.motion import Motion

VIDEO_FPS = 25


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Fit a robot's joints to a motion's fifteen key points by Adam over forward kinematics."""

    file: Annotated[Path, tyro.conf.Positional]
    """The motion: key points or SMPL joints (npy, npz), SMPL parameters (AMASS npz), BVH, an archive of clips,
    a robot's CSV or npz."""
    out: Path
    """The motion file to write, .npz; a folder where the file holds several clips."""
    clip: str = ""
    """Of an archive, only clips whose name has this in it."""
    robot: str = "g1_23"
    """A configuration of a robot: g1_23, g1_24, g1_29, h1_19 (`crossbody list robots`)."""
    fps: float = 50.0
    """Frames a second of what is written; the controllers here run at 50."""
    iterations: int = 300
    """Of Adam; fewer are quicker and farther off."""
    video: bool = True
    """Also write an mp4 of the robot beside what it follows."""
    source_fps: float | None = None
    """Frames a second of a file that does not say."""
    up: Literal["y", "z"] | None = None
    """The axis that points up in the file, where it is not its format's."""
    metres_per_unit: float | None = None
    """Of the file, where it is neither in metres nor recognised. Of SMPL's parameters and robots' files only the root
    has a unit."""
    joints: tuple[str, ...] = ()
    """Which joint is which, where a skeleton's names are not known: `<key point>=<joint>`,
    such as left_ankle=Foot_L_Bone."""


@dataclass(frozen=True)
class Report:
    """Figures of a retargeted motion."""

    mean_mm: float  # of key points to their targets
    p95_mm: float
    worst: str  # the key point that is farthest on average
    worst_mm: float
    figures: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """Return the figures as sentences."""
        return [
            f"key points: {self.mean_mm:.1f} mm from their targets on average, {self.p95_mm:.1f} mm at the "
            "95th percentile; "
            f"farthest {self.worst.replace('_', ' ')} with {self.worst_mm:.1f} mm",
            *self.figures,
        ]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit code is 1 when a clip of several could not be read."""
    arguments = tyro.cli(Arguments, args=argv, prog="crossbody retarget")
    if arguments.video:
        from crossbody import gl

        gl.prepare()
    from envs.humanoid import robot as robots

    robot, (motions, failures) = robots.load(arguments.robot), read(arguments)
    several = len(motions) + failures > 1
    for name, motion in motions.items():
        out = arguments.out / f"{name.replace('/', '_')}.npz" if several else arguments.out
        print(f"{name}: {len(motion.keypoints)} frames at {motion.fps:g} a second")
        done = fit(motion, robot, arguments)
        for line in write(done, robot, out, arguments.video):
            print(f"  {line}")
    return 1 if failures else 0


def read(arguments: Arguments) -> tuple[dict[str, Motion], int]:
    """Return the chosen motions of the file by name, and how many cannot be used (each is said);
    none left raises CrossbodyError."""
    from envs.humanoid.motions.robot_files import read as read_any
    from tasks.motion.foreign import Hints
    from tasks.motion.motion import MotionError

    hints = Hints(arguments.source_fps, arguments.up, arguments.metres_per_unit, arguments.joints, "--source-fps")
    found = {name: m for name, m in read_any(arguments.file, hints).items() if arguments.clip in name}
    wrong = [m for m in found.values() if isinstance(m, MotionError)]
    if len(wrong) == len(found):
        raise wrong[0] if wrong else CrossbodyError(f"{arguments.file} has no clip with '{arguments.clip}' in its name")
    for error in wrong:
        print(f"left out: {error}", file=sys.stderr)
    if len(found) == 1 and arguments.out.suffix != ".npz":
        raise CrossbodyError(f"--out {arguments.out}: expected a name that ends in .npz")
    if len(found) > 1 and arguments.out.suffix:
        raise CrossbodyError(
            f"--out {arguments.out}: {arguments.file} has {len(found)} clips; expected a folder, or `--clip`"
        )
    return {name: m for name, m in found.items() if not isinstance(m, MotionError)}, len(wrong)


def fit(motion: Motion, robot: Robot, arguments: Arguments) -> Retargeted:
    """Return the fitted motion, and show how far Adam is."""
    import torch

    from crossbody.steps import Steps
    from envs.humanoid.retarget.fit import Options, retarget

    torch.set_num_threads(1)  # the frames are too few for two threads to pay
    with Steps(motion.name[-40:], arguments.iterations) as steps:
        return retarget(motion, robot, arguments.fps, Options(iterations=arguments.iterations), steps.advance)


def write(done: Retargeted, robot: Robot, out: Path, video: bool) -> list[str]:
    """Write the motion file, and the video beside it; return what there is to say."""
    from tasks.motion.store import save

    save(done.motion, out)
    said = [*report(done, robot).lines(), f"{out}"]
    if video:
        from envs.humanoid.motions.pictures import film
        from training.data.video import write_video

        film_file = out.with_suffix(".mp4")
        write_video(film_file, film(done.motion, robot, done.targets.points, VIDEO_FPS), VIDEO_FPS)
        said.append(f"{film_file}")
    return said


def report(done: Retargeted, robot: Robot) -> Report:
    """Return the figures of a fitted motion."""
    import numpy as np

    from envs.humanoid.motions.posing import PosingModel
    from envs.humanoid.motions.quality import measure
    from tasks.motion.keypoints import NAMES

    errors = done.errors_mm()
    each = errors.mean(axis=0)
    worst = int(np.argmax(each))
    figures = measure(done.motion, PosingModel(robot)).lines()
    return Report(float(errors.mean()), float(np.quantile(errors, 0.95)), NAMES[worst], float(each[worst]), figures)
