"""Reward terms: pure functions of what the robot did and what it should have done, weighted by ``rewards.toml``.

Each returns one number per environment: a mean squared error, which a kernel turns into a reward, or a cost.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from envs.humanoid import rotations
from envs.humanoid.physics import ANGULAR, LINEAR, POSITION, QUAT

TOUCH_N = 5.0
SOFT_LIMIT = 0.95


@dataclass
class Tracking:
    """n robots beside the frame they should be at: the same frame for both. Layouts as in ``envs.humanoid.physics``."""

    root: Tensor  # (n, 13)
    dof: Tensor  # (n, D, 2)
    keypoints: Tensor  # (n, 15, 3)
    keypoint_velocity: Tensor  # (n, 15, 3)
    feet_velocity: Tensor  # (n, 2, 3)
    feet_forces: Tensor  # (n, 2, 3)
    true_root: Tensor  # (n, 13) the reference's
    true_dof: Tensor  # (n, D, 2)
    true_keypoints: Tensor  # (n, 15, 3)
    true_keypoint_velocity: Tensor  # (n, 15, 3)
    action: Tensor  # (n, D)
    previous_action: Tensor  # (n, D)
    torque: Tensor  # (n, D) as a fraction of each motor's limit
    limits: Tensor  # (D, 2) rad
    failed: Tensor  # (n,) bool: the episode ends now, not for time


@dataclass(frozen=True)
class Weight:
    """How a term counts: with a sigma it is an error in a kernel, without one a cost."""

    weight: float
    sigma: float | None = None


def keypoints(now: Tracking) -> Tensor:
    """Return the mean squared distance of the key points in the world: m^2."""
    return (now.keypoints - now.true_keypoints).square().sum(-1).mean(-1)


def keypoints_local(now: Tracking) -> Tensor:
    """Return the mean squared distance of the key points, each body seen from its own root and heading: m^2."""
    return (_local(now.root, now.keypoints) - _local(now.true_root, now.true_keypoints)).square().sum(-1).mean(-1)


def root_turn(now: Tracking) -> Tensor:
    """Return the squared angle between the roots: rad^2."""
    between = rotations.multiply(rotations.conjugate(now.true_root[:, QUAT]), now.root[:, QUAT])
    return rotations.to_vector(between).square().sum(-1)


def root_velocity(now: Tracking) -> Tensor:
    """Return the squared error of the root's velocity: m^2/s^2."""
    return (now.root[:, LINEAR] - now.true_root[:, LINEAR]).square().sum(-1)


def root_spin(now: Tracking) -> Tensor:
    """Return the squared error of the root's angular velocity: rad^2/s^2."""
    return (now.root[:, ANGULAR] - now.true_root[:, ANGULAR]).square().sum(-1)


def joints(now: Tracking) -> Tensor:
    """Return the mean squared error of the joint angles: rad^2."""
    return (now.dof[..., 0] - now.true_dof[..., 0]).square().mean(-1)


def joint_speed(now: Tracking) -> Tensor:
    """Return the mean squared error of the joint velocities: rad^2/s^2. A mean,
    so that more joints do not weigh more."""
    return (now.dof[..., 1] - now.true_dof[..., 1]).square().mean(-1)


def keypoint_velocity(now: Tracking) -> Tensor:
    """Return the mean squared error of the key points' velocities: m^2/s^2."""
    return (now.keypoint_velocity - now.true_keypoint_velocity).square().sum(-1).mean(-1)


def action_rate(now: Tracking) -> Tensor:
    """Return the mean squared change of the action."""
    return (now.action - now.previous_action).square().mean(-1)


def torque(now: Tracking) -> Tensor:
    """Return the mean squared fraction of the motors' limits in use."""
    return now.torque.square().mean(-1)


def beyond_limits(now: Tracking) -> Tensor:
    """Return the sum of the radians by which joints leave the inner part of their range."""
    middle, half = now.limits.mean(-1), (now.limits[:, 1] - now.limits[:, 0]) / 2
    return ((now.dof[..., 0] - middle).abs() - SOFT_LIMIT * half).clamp(min=0).sum(-1)


def slip(now: Tracking) -> Tensor:
    """Return the sum of the squared horizontal speeds of feet that carry load: m^2/s^2."""
    loaded = torch.linalg.vector_norm(now.feet_forces, dim=-1) > TOUCH_N
    return (now.feet_velocity[..., :2].square().sum(-1) * loaded).sum(-1)


def failure(now: Tracking) -> Tensor:
    """Return 1 where the episode ends for another reason than time."""
    return now.failed.float()


def _local(root: Tensor, points: Tensor) -> Tensor:
    yaw = rotations.heading(root[:, QUAT])[:, None]
    return rotations.unyaw(yaw, points - root[:, None, POSITION])


TERMS: dict[str, Callable[[Tracking], Tensor]] = {
    "keypoints": keypoints,
    "keypoints_near": keypoints,
    "keypoints_local": keypoints_local,
    "root_turn": root_turn,
    "root_velocity": root_velocity,
    "root_spin": root_spin,
    "joints": joints,
    "joint_speed": joint_speed,
    "keypoint_velocity": keypoint_velocity,
    "action_rate": action_rate,
    "torque": torque,
    "beyond_limits": beyond_limits,
    "slip": slip,
    "failure": failure,
}


@cache
def weights() -> Mapping[str, Weight]:
    """Return the weights of ``rewards.toml``."""
    data = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())
    return {name: Weight(**row) for name, row in data.items()}


def total(now: Tracking, chosen: Mapping[str, Weight], dt: float) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the reward of a step of ``dt`` seconds (n,) and its weighted terms by name."""
    terms = {name: _weighted(TERMS[name](now), weight) * dt for name, weight in chosen.items() if weight.weight}
    return torch.stack(tuple(terms.values())).sum(0), terms


def _weighted(value: Tensor, weight: Weight) -> Tensor:
    if weight.sigma is None:
        return weight.weight * value
    return weight.weight * torch.exp(-value / weight.sigma**2)
