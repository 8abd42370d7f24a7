"""Rewards by hand, and why an episode ends."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from envs.humanoid import rewards, rotations, terminations
from envs.humanoid.physics import POSITION, QUAT
from envs.humanoid.rewards import Weight
from envs.humanoid.robot import load
from envs.humanoid.task import Task
from tests.humanoids import sliding, standing, swaying

ROBOT = load()
JOINTS = len(ROBOT.joint_names)


def zeros(task: Task) -> torch.Tensor:
    return torch.zeros(task.num_envs, JOINTS)


def test_a_perfect_step_earns_every_kernel_s_weight(make_task):
    task = make_task(1, [sliding(0.0)])
    task.start([0])
    now = dataclasses.replace(
        task.now,
        root=task.now.true_root,
        dof=task.now.true_dof,
        keypoints=task.now.true_keypoints,
        keypoint_velocity=task.now.true_keypoint_velocity,
        torque=torch.zeros(1, JOINTS),
    )
    total, terms = rewards.total(now, rewards.weights(), 0.02)
    kernels = sum(w.weight for w in rewards.weights().values() if w.sigma)
    assert float(total) == pytest.approx(0.02 * kernels, rel=1e-4)
    assert set(terms) == set(rewards.TERMS)


def test_the_reward_of_an_error_is_its_kernel_by_hand(make_task):
    """Key points off by (0.1, 0, 0): error 0.01 m^2, sigma 0.2: exp(-0.25) = 0.7788, times dt 0.02."""
    task = make_task(1)
    task.start([0])
    now = dataclasses.replace(task.now, keypoints=task.now.true_keypoints + torch.tensor([0.1, 0, 0]))
    total, _ = rewards.total(now, {"keypoints": Weight(1.0, 0.2)}, 0.02)
    assert float(total) == pytest.approx(0.02 * 0.7788, rel=1e-3)


def test_local_key_points_forgive_place_and_yaw(make_task):
    task = make_task(1)
    task.start([0])
    turn = rotations.about_z(torch.tensor([1.0]))
    root = task.now.true_root.clone()
    root[:, QUAT] = rotations.multiply(turn, root[:, QUAT])
    points = rotations.rotate(turn[:, None], task.now.true_keypoints) + 2.0
    root[:, POSITION] = rotations.rotate(turn, root[:, POSITION]) + 2.0
    now = dataclasses.replace(task.now, root=root, keypoints=points)
    assert float(rewards.keypoints_local(now)) < 1e-9 < float(rewards.keypoints(now))


def test_more_joints_do_not_weigh_more(make_task):
    task = make_task(1)
    task.start([0])
    off = dataclasses.replace(task.now, dof=task.now.true_dof + 0.5)
    assert float(rewards.joints(off)) == pytest.approx(0.25, rel=1e-4)


def test_slip_counts_feet_that_carry_load_only(make_task):
    task = make_task(1)
    task.start([0])
    forces = torch.tensor([[[0.0, 0, 100], [0, 0, 0]]])
    velocity = torch.tensor([[[0.3, 0.4, 9.0], [5.0, 5.0, 5.0]]])
    now = dataclasses.replace(task.now, feet_forces=forces, feet_velocity=velocity)
    assert float(rewards.slip(now)) == pytest.approx(0.25)


def test_every_weight_has_its_term():
    assert set(rewards.weights()) == set(rewards.TERMS)


def test_an_episode_ends_with_its_motion_and_that_is_no_failure(make_task):
    task = make_task(1, [swaying(seconds=0.2)], auto_reset=False)
    task.start([0])
    ends = [task.step(zeros(task))[2:4] for _ in range(10)]
    assert [bool(truncated) for _, truncated in ends] == [False] * 9 + [True]
    assert not any(bool(terminated) for terminated, _ in ends)


def test_a_robot_far_from_its_reference_is_terminated_and_pays(make_task):
    task = make_task(1, [sliding(0.0)], auto_reset=False)
    task.start([0])
    root, joints = standing(ROBOT, 1)
    root[:, 0] = 0.6
    task.physics.reset_idx(torch.tensor([0]), root, joints)
    _, reward, terminated, truncated, info = task.step(zeros(task))
    assert bool(terminated) and not bool(truncated) and bool(info["reasons"]["far"])
    assert not bool(task.fallen) and float(reward) < -0.5


def test_a_robot_on_its_back_has_fallen_and_a_turned_one_has_not(make_task):
    task = make_task(2, [sliding(0.0)], auto_reset=False)
    task.start([0, 0])
    root, joints = standing(ROBOT, 2, height=1.0)
    root[0, QUAT] = torch.tensor([0.5**0.5, 0, -(0.5**0.5), 0])
    root[1, QUAT] = torch.tensor([0.0, 0, 0, 1])
    task.physics.reset_idx(torch.arange(2), root, joints)
    task.step(zeros(task))
    assert task.fallen.tolist() == [True, False]


def test_a_limit_that_is_not_given_ends_nothing(make_task):
    task = make_task(1, [sliding(0.0)], auto_reset=False, limits={})
    task.start([0])
    root, joints = standing(ROBOT, 1)
    root[:, 0] = 5.0
    task.physics.reset_idx(torch.tensor([0]), root, joints)
    assert not bool(task.step(zeros(task))[2])


@pytest.mark.filterwarnings("ignore:Nan, Inf or huge value")
def test_an_environment_that_diverged_ends_and_begins_anew(make_task):
    task = make_task(2)
    task.reset(0)
    task.physics._qvel[0] = np.nan
    seen, reward, terminated, _, info = task.step(zeros(task))
    assert terminated.tolist() == [True, False] and info["reasons"]["diverged"].tolist() == [True, False]
    assert bool(torch.isfinite(reward).all()) and all(bool(torch.isfinite(v).all()) for v in seen.values())
    assert all(bool(torch.isfinite(v).all()) for v in info["final"].values())


def test_the_mean_distance_is_the_mean_of_distances(make_task):
    """Fourteen points at 0 and one at 0.15 m: 0.01 m."""
    task = make_task(1)
    task.start([0])
    points = task.now.true_keypoints.clone()
    points[0, 3, 2] += 0.15
    now = dataclasses.replace(task.now, keypoints=points)
    assert float(terminations.distance(now)) == pytest.approx(0.01, rel=1e-3)
