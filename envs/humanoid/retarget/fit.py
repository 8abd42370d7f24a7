"""All frames at once: Adam moves the root and the joints until the key points are where they should be.

It begins where Gauss-Newton steps have brought each frame. From the default pose it ends in bent knees 30 to 50 mm from
where they should be: near a straight leg the distance of a key point says little about the knee.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from envs.humanoid import rotations
from envs.humanoid.kinematics import Kinematics
from envs.humanoid.retarget.online import Online
from envs.humanoid.retarget.targets import Targets, fitted
from envs.humanoid.robot import Robot
from tasks.motion.keypoints import ANKLES
from tasks.motion.motion import Motion


@dataclass(frozen=True)
class Options:
    """How a motion is fitted."""

    iterations: int = 300  # of Adam; errors fall little after that
    rate: float = 0.01  # Adam's first step, rad and m; it falls as a cosine
    softness_m: float = 0.005  # distances count like the paper's sum of lengths above this, squared below
    smoothness: float = 3e-5  # of joint accelerations, (rad/s²)² in units of 100
    feet: float = 4.0  # ankles that stand, over other points
    still: float = 2.0  # soles that stand do not move
    flat: float = 0.5  # soles that stand are level
    floor: float = 20.0  # soles are not under the floor
    loose: float = 2e-3  # joints that key points say little about


DEFAULTS = Options()


@dataclass(frozen=True)
class Retargeted:
    """A robot's motion and what it was made to follow."""

    motion: Motion
    targets: Targets

    def errors_mm(self) -> np.ndarray:
        """Return the distance (T, 15) of every key point to its target, before any foot was held still."""
        return 1e3 * np.linalg.norm(self.motion.keypoints - self.targets.points, axis=-1)


def retarget(
    motion: Motion, robot: Robot, fps: float, options: Options = DEFAULTS, advance: Callable[[], None] = lambda: None
) -> Retargeted:
    """Return a robot's motion that follows a motion's key points at ``fps``; ``advance`` is called after every
    iteration.

    The same input gives the same output: nothing is drawn at random. Joints stay within their limits.
    """
    kinematics = Kinematics(robot, dtype=torch.float64)
    targets = fitted(motion, robot, rest(kinematics), fps)
    start = Online(robot)
    start.reset(_posed(targets, 0), robot.default_angles)
    root, quat, angles = _adam(kinematics, targets, start.track(targets), options, advance)
    with torch.no_grad():
        points = kinematics.keypoints(root, quat, angles).numpy()
    made = Motion(
        motion.name,
        points,
        root.numpy(),
        quat.numpy(),
        fps,
        motion.texts,
        f"{motion.source or motion.name}, retargeted to {robot.name}",
        motion.licence,
        angles.numpy(),
        robot.joint_names,
    )
    return Retargeted(made, targets)


def rest(kinematics: Kinematics) -> np.ndarray:
    """Return the key points (15, 3) of a robot with all joints at 0 and its root at the origin."""
    still = torch.zeros(1, len(kinematics.robot.joint_names), dtype=torch.float64)
    upright = torch.tensor([[1.0, 0, 0, 0]], dtype=torch.float64)
    return kinematics.keypoints(torch.zeros(1, 3, dtype=torch.float64), upright, still)[0].numpy()


def _posed(targets: Targets, frame: int) -> np.ndarray:
    return np.concatenate([targets.points[frame, 0], targets.root_quat_wxyz[frame]])


def _adam(kinematics: Kinematics, targets: Targets, start: np.ndarray, options: Options, advance: Callable[[], None]):
    robot = kinematics.robot
    low, high = (torch.as_tensor(side) for side in robot.limits.T)
    root, quat, angles = (torch.tensor(part, requires_grad=True) for part in np.split(start, (3, 7), axis=1))
    loss = _Loss(kinematics, targets, options)
    adam = torch.optim.Adam([angles, root, quat], lr=options.rate)
    slower = torch.optim.lr_scheduler.CosineAnnealingLR(adam, options.iterations, options.rate * 2e-4)
    for _ in range(options.iterations):
        adam.zero_grad()
        loss(root, quat / quat.norm(dim=-1, keepdim=True), angles).backward()
        adam.step()
        slower.step()
        with torch.no_grad():
            angles.clamp_(low, high)
        advance()
    return root.detach(), (quat / quat.norm(dim=-1, keepdim=True)).detach(), angles.detach()


class _Loss:
    def __init__(self, kinematics: Kinematics, targets: Targets, options: Options):
        robot = kinematics.robot
        self._kinematics, self._options, self._fps = kinematics, options, targets.fps
        points, stands = targets.points.copy(), targets.stands
        points[:, list(ANKLES)] = targets.feet
        self._points = torch.as_tensor(points)
        weights = np.ones(points.shape[:2])
        weights[:, list(ANKLES)] += (options.feet - 1) * stands
        self._weights, self._stands = torch.as_tensor(weights), torch.as_tensor(stands.astype(float))
        self._feet = [robot.body_names.index(robot.carrier(f"{side}_ankle")) for side in ("left", "right")]
        self._corners = torch.tensor(robot.sole_corners, dtype=torch.float64)
        self._loose = torch.tensor(robot.loose, dtype=torch.float64)
        self._sole_m = robot.sole_m

    def __call__(self, root: Tensor, quat: Tensor, angles: Tensor) -> Tensor:
        options = self._options
        places, turns = self._kinematics.bodies(root, quat, angles)
        apart = ((self._kinematics.points(places, turns) - self._points) ** 2).sum(-1)
        follow = (self._weights * (torch.sqrt(apart + options.softness_m**2) - options.softness_m)).mean()
        soles = rotations.rotate(turns[:, self._feet, None], self._corners)
        level = ((soles[..., 2] + self._sole_m) ** 2).mean(-1)
        under = torch.relu(-(places[:, self._feet, None] + soles)[..., 2])
        moved = (places[:, self._feet, None] + soles).diff(dim=0).pow(2).sum(-1).mean(-1)
        both = self._stands[1:] * self._stands[:-1]
        smooth = self._jerk(angles) + 10 * self._jerk(root) + self._jerk(quat)
        return (
            follow
            + options.smoothness * smooth
            + options.still * (both * torch.sqrt(moved + 1e-8)).mean()
            + options.flat * (self._stands * torch.sqrt(level + 1e-8)).mean()
            + options.floor * (under**2).mean()
            + options.loose * (self._loose * angles**2).mean()
        )

    def _jerk(self, values: Tensor) -> Tensor:
        second = (values[2:] - 2 * values[1:-1] + values[:-2]) * self._fps**2
        return (second**2).mean() / 100
