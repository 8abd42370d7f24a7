"""What the policy may know: pure functions of one moment, each a named term. All are free of the robot's place and yaw.

Goals are the reference's frames after the current one, relative to the robot in its heading frame (x forward, z up),
their positions too: a policy that has drifted sees how far.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from envs.humanoid import rotations
from envs.humanoid.physics import ANGULAR, LINEAR, POSITION, QUAT


@dataclass
class Moment:
    """n robots and their references at one control step; K goals lie ahead. Layouts as in ``envs.humanoid.physics``."""

    root: Tensor  # (n, 13)
    dof: Tensor  # (n, D, 2)
    keypoints: Tensor  # (n, 15, 3)
    keypoint_velocity: Tensor  # (n, 15, 3)
    feet_forces: Tensor  # (n, 2, 3) of contacts, left and right
    default: Tensor  # (D,) rad
    action: Tensor  # (n, D) the last one
    goal_root: Tensor  # (n, K, 13)
    goal_dof: Tensor  # (n, K, D, 2)
    goal_keypoints: Tensor  # (n, K, 15, 3)

    def __post_init__(self) -> None:
        self.yaw = rotations.heading(self.root[:, QUAT])
        self.place = self.root[:, None, POSITION]

    def turned(self, vectors: Tensor) -> Tensor:
        """Return world vectors (n, ..., 3) in the heading frame."""
        return rotations.unyaw(self.yaw.view(-1, *[1] * (vectors.ndim - 2)), vectors)


def joint_position(now: Moment) -> Tensor:
    """Return the angles from the default pose: (n, D) rad."""
    return now.dof[..., 0] - now.default


def joint_velocity(now: Moment) -> Tensor:
    """Return (n, D) rad/s."""
    return now.dof[..., 1]


def gravity(now: Moment) -> Tensor:
    """Return the unit vector of gravity in the root's frame: (n, 3)."""
    down = torch.zeros_like(now.root[:, POSITION])
    down[:, 2] = -1
    return rotations.unrotate(now.root[:, QUAT], down)


def angular_velocity(now: Moment) -> Tensor:
    """Return the root's angular velocity in its own frame: (n, 3) rad/s."""
    return rotations.unrotate(now.root[:, QUAT], now.root[:, ANGULAR])


def linear_velocity(now: Moment) -> Tensor:
    """Return the root's velocity in the heading frame: (n, 3) m/s."""
    return now.turned(now.root[:, LINEAR])


def height(now: Moment) -> Tensor:
    """Return the root's height: (n, 1) m."""
    return now.root[:, 2:3]


def last_action(now: Moment) -> Tensor:
    """Return the last action: (n, D)."""
    return now.action


def keypoints(now: Moment) -> Tensor:
    """Return the fourteen key points beside the root, from the root, in the heading frame: (n, 42) m."""
    return now.turned(now.keypoints - now.place)[:, 1:].flatten(1)


def keypoint_velocity(now: Moment) -> Tensor:
    """Return the key points' velocities in the heading frame: (n, 45) m/s."""
    return now.turned(now.keypoint_velocity).flatten(1)


def foot_forces(now: Moment) -> Tensor:
    """Return the contact forces on the feet in the heading frame, hundreds of newtons: (n, 6)."""
    return now.turned(now.feet_forces).flatten(1) / 100


def goal_place(now: Moment) -> Tensor:
    """Return where the goals' roots are from the robot's, in its heading frame: (n, 3 K) m."""
    return now.turned(now.goal_root[..., POSITION] - now.place).flatten(1)


def goal_turn(now: Moment) -> Tensor:
    """Return the goals' root orientations in the root's frame, as two columns of the rotation matrix: (n, 6 K)."""
    here = rotations.conjugate(now.root[:, None, QUAT])
    return rotations.two_columns(rotations.multiply(here, now.goal_root[..., QUAT])).flatten(1)


def goal_velocity(now: Moment) -> Tensor:
    """Return the next goal's root velocities, linear and angular, in the robot's heading frame: (n, 6)."""
    return torch.cat((now.turned(now.goal_root[:, 0, LINEAR]), now.turned(now.goal_root[:, 0, ANGULAR])), -1)


def goal_joints(now: Moment) -> Tensor:
    """Return the goals' joint angles from the default pose: (n, D K) rad."""
    return (now.goal_dof[..., 0] - now.default).flatten(1)


def goal_joint_velocity(now: Moment) -> Tensor:
    """Return the next goal's joint velocities: (n, D) rad/s."""
    return now.goal_dof[:, 0, :, 1]


def goal_keypoints(now: Moment) -> Tensor:
    """Return the way from each key point to the next goal's, in the heading frame: (n, 45) m."""
    return now.turned(now.goal_keypoints[:, 0] - now.keypoints).flatten(1)


TERMS: dict[str, Callable[[Moment], Tensor]] = {
    f.__name__: f
    for f in (
        joint_position,
        joint_velocity,
        gravity,
        angular_velocity,
        linear_velocity,
        height,
        last_action,
        keypoints,
        keypoint_velocity,
        foot_forces,
        goal_place,
        goal_turn,
        goal_velocity,
        goal_joints,
        goal_joint_velocity,
        goal_keypoints,
    )
}
ACTOR = tuple(name for name in TERMS if name not in ("keypoints", "keypoint_velocity", "foot_forces"))
CRITIC = tuple(TERMS)

NOISE = {
    "joint_position": 0.01,
    "joint_velocity": 0.5,
    "gravity": 0.02,
    "angular_velocity": 0.1,
    "linear_velocity": 0.1,
    "height": 0.01,
}
"""Standard deviations of the sensors' noise at the level 1, in the terms' units;
of the size of IsaacLab's and mjlab's."""
