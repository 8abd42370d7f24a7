"""The tracking task: which frame is compared with which, starts, seeds and new episodes."""

from __future__ import annotations

import pytest
import torch

from crossbody.errors import InvalidAction
from envs.humanoid import physics
from envs.humanoid.randomisation import Variation
from envs.humanoid.robot import load
from envs.humanoid.task import Task, TaskError
from tests.humanoids import sliding, swaying

ROBOT = load()
JOINTS = len(ROBOT.joint_names)


def zeros(task: Task) -> torch.Tensor:
    return torch.zeros(task.num_envs, JOINTS)


def test_after_a_start_the_robot_is_in_its_reference_s_frame(make_task):
    task = make_task(2)
    task.start([0, 0], frame=30)
    torch.testing.assert_close(task.keypoints, task.references.keypoints[[30, 30]], atol=1e-5, rtol=0)
    assert float(task.tracking_error.max()) < 1e-5
    torch.testing.assert_close(task.physics.dof_state, task.references.dof[[30, 30]], atol=1e-5, rtol=0)


def test_the_first_goal_is_the_frame_that_the_step_is_compared_with(make_task):
    task = make_task(1)
    seen = task.start([0], frame=10)
    goal = seen["goal_joints"][0, :JOINTS] + torch.tensor(ROBOT.default_angles, dtype=torch.float32)
    task.step(zeros(task))
    assert int(task.frame[0]) == 11
    torch.testing.assert_close(goal, task.now.true_dof[0, :, 0], atol=1e-6, rtol=0)
    torch.testing.assert_close(task.now.true_keypoints[0], task.references.keypoints[11])


def test_a_comparison_that_is_one_frame_late_would_be_seen(make_task):
    """A robot carried at 1 m/s is 20 mm from where it was a frame ago;
    against its own frame it has hardly any error yet."""
    task = make_task(1, [sliding(1.0)])
    task.start([0], frame=10)
    task.step(zeros(task))
    pelvis = task.keypoints[0, 0]
    right = float((pelvis - task.references.keypoints[11, 0]).norm())
    late = float((pelvis - task.references.keypoints[10, 0]).norm())
    assert right < 0.006 < 0.014 < late


def test_an_action_of_zero_asks_for_the_next_frame_s_angles(make_task):
    task = make_task(1)
    asked = []
    task.physics.set_targets = asked.append
    task.start([0], frame=10)
    task.step(zeros(task))
    torch.testing.assert_close(asked[0], task.references.dof[[11], :, 0])


def test_without_residual_an_action_of_zero_asks_for_the_default_pose(make_task):
    task = make_task(1, residual=False)
    asked = []
    task.physics.set_targets = asked.append
    task.start([0], frame=10)
    task.step(zeros(task) + 1)
    expected = torch.tensor(ROBOT.default_angles + ROBOT.action_scale, dtype=torch.float32)[None]
    torch.testing.assert_close(asked[0], expected)


# Starts, seeds and new episodes.


def rollout(task: Task, seed: int, steps: int = 25):
    seen = task.reset(seed)
    generator = torch.Generator().manual_seed(3)
    rows = [torch.cat(tuple(seen.values()), 1)]
    for _ in range(steps):
        seen, reward, *_ = task.step(0.5 * torch.randn(task.num_envs, JOINTS, generator=generator))
        rows.append(torch.cat((*seen.values(), reward[:, None]), 1)[:, : rows[0].shape[1]])
    return torch.stack(rows)


def test_a_seed_decides_everything(make_task):
    varied = make_task(4, [swaying(), sliding(0.3)], Variation.training(), start_noise=0.02)
    first, again, other = rollout(varied, 5), rollout(varied, 5), rollout(varied, 6)
    torch.testing.assert_close(first, again, atol=0, rtol=0)
    assert not torch.equal(first, other)


def test_starts_are_spread_over_all_frames_but_the_last(make_task):
    task = make_task(64, [swaying(seconds=0.1), swaying(seconds=0.2)])
    seen = set()
    for seed in range(10):
        task.reset(seed)
        seen |= set(zip(task.clip.tolist(), task.frame.tolist(), strict=True))
    assert seen == {(0, f) for f in range(5)} | {(1, f) for f in range(10)}


def test_clips_are_drawn_by_their_weights(make_task):
    task = make_task(64, [swaying(name="a"), swaying(seconds=1, name="b")])
    task.weigh_clips(torch.tensor([0.0, 1.0]))
    task.reset(0)
    assert set(task.clip.tolist()) == {1}
    with pytest.raises(TaskError, match=r"start weights are \(3,\); expected \(152,\)"):
        task.weights = torch.ones(3)
    with pytest.raises(TaskError, match="start weights are 0 at every frame"):
        task.weights = torch.zeros(152)


def test_a_new_episode_begins_in_the_same_step_and_the_last_observation_is_kept(make_task):
    task = make_task(2, [swaying(seconds=0.1)])
    task.start([0, 0], frame=3)
    task.start([0, 0], frame=3)
    assert "final" not in task.step(zeros(task))[-1]
    seen, _, _, truncated, info = task.step(zeros(task))
    assert truncated.all() and int(task.steps.max()) == 0
    error = seen["goal_keypoints"].abs().max()
    assert float(error) < 0.2 and not torch.equal(info["final"]["joint_position"], seen["joint_position"])
    assert not torch.count_nonzero(seen["last_action"])


def test_the_action_of_the_last_step_is_seen(make_task):
    task = make_task(1)
    task.start([0])
    action = torch.linspace(-1, 1, JOINTS)[None]
    torch.testing.assert_close(task.step(action)[0]["last_action"], action)


def test_actions_are_checked(make_task):
    task = make_task(1)
    with pytest.raises(TaskError, match="step before reset"):
        task.step(zeros(task))
    task.reset(0)
    with pytest.raises(InvalidAction, match=r"actions are \(1, 29\); expected \(1, 23\)"):
        task.step(torch.zeros(1, 29))
    bad = zeros(task)
    bad[0, 12] = float("inf")
    with pytest.raises(InvalidAction, match="environment 0, waist_yaw_joint: the action is inf"):
        task.step(bad)


def test_a_start_says_which_clips_and_frames_there_are(make_task):
    task = make_task(2)
    with pytest.raises(TaskError, match="a clip between 0 and 0 for each of 2 environments"):
        task.start([0, 1])
    with pytest.raises(TaskError, match="start at frame 100; the shortest clip has the frames 0 to 100"):
        task.start([0, 0], frame=100)


def test_a_physics_step_that_does_not_divide_a_control_step_is_refused():
    with pytest.raises(
        TaskError, match="the physics' step is 0.003 s; expected one that divides a control step of 0.02 s"
    ):
        Task(physics.make("mujoco", ROBOT, 1, dt=0.003, threads=1), [swaying()])
