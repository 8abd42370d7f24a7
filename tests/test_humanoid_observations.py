"""What a policy sees does not depend on where the robot is, and shows how far it has drifted."""

from __future__ import annotations

import pytest
import torch

from envs.humanoid import observations, rotations
from envs.humanoid.observations import Moment
from envs.humanoid.physics import LINEAR, POSITION, QUAT
from envs.humanoid.robot import load
from envs.humanoid.task import Task
from tests.humanoids import sliding, standing

ROBOT = load()
JOINTS = len(ROBOT.joint_names)


def zeros(task: Task) -> torch.Tensor:
    return torch.zeros(task.num_envs, JOINTS)


def a_moment(seed: int = 0, count: int = 2, goals: int = 3) -> Moment:
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=generator)

    def states(*lead):
        state = normal(*lead, 13)
        state[..., QUAT] /= torch.linalg.vector_norm(state[..., QUAT], dim=-1, keepdim=True)
        return state

    return Moment(
        root=states(count),
        dof=normal(count, JOINTS, 2),
        keypoints=normal(count, 15, 3),
        keypoint_velocity=normal(count, 15, 3),
        feet_forces=normal(count, 2, 3),
        default=normal(JOINTS),
        action=normal(count, JOINTS),
        goal_root=states(count, goals),
        goal_dof=normal(count, goals, JOINTS, 2),
        goal_keypoints=normal(count, goals, 15, 3),
    )


def moved(now: Moment, yaw: float, shift: tuple[float, float, float]) -> Moment:
    """Return the same moment elsewhere: the world turned about the vertical and shifted."""
    turn, place = rotations.about_z(torch.tensor(yaw)), torch.tensor(shift)

    def state(values):
        quat = rotations.multiply(turn.expand_as(values[..., QUAT]), values[..., QUAT])
        vectors = [rotations.rotate(turn, values[..., part]) for part in (LINEAR, slice(10, 13))]
        return torch.cat((rotations.rotate(turn, values[..., POSITION]) + place, quat, *vectors), -1)

    return Moment(
        root=state(now.root),
        dof=now.dof,
        keypoints=rotations.rotate(turn, now.keypoints) + place,
        keypoint_velocity=rotations.rotate(turn, now.keypoint_velocity),
        feet_forces=rotations.rotate(turn, now.feet_forces),
        default=now.default,
        action=now.action,
        goal_root=state(now.goal_root),
        goal_dof=now.goal_dof,
        goal_keypoints=rotations.rotate(turn, now.goal_keypoints) + place,
    )


@pytest.mark.parametrize("name", observations.TERMS)
def test_no_observation_knows_where_the_robot_is_or_faces(name):
    now, term = a_moment(), observations.TERMS[name]
    torch.testing.assert_close(term(moved(now, 2.1, (3.0, -5.0, 0.0))), term(now), atol=1e-4, rtol=1e-4)


def test_a_place_that_depends_on_the_world_would_be_found():
    now = a_moment()
    assert not torch.allclose(moved(now, 2.1, (3.0, -5.0, 0.0)).root[:, POSITION], now.root[:, POSITION])


def test_goals_are_in_front_when_they_are_ahead_whatever_the_yaw(make_task):
    """0.5 m/s for 1, 3 and 8 frames of 20 ms: 0.01, 0.03 and 0.08 m along the robot's x axis."""
    task = make_task(2, [sliding(0.5, 0.0), sliding(0.5, 2.0)])
    seen = task.start([0, 1])
    expected = torch.tensor([0.01, 0, 0, 0.03, 0, 0, 0.08, 0, 0]).expand(2, 9)
    torch.testing.assert_close(seen["goal_place"], expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(seen["goal_velocity"][:, :3], torch.tensor([[0.5, 0, 0]] * 2), atol=1e-4, rtol=0)


def test_a_robot_that_drifted_sees_how_far(make_task):
    """The reference stays; the robot is put 0.3 m behind it and 0.1 m to its left."""
    task = make_task(1, [sliding(0.0)])
    task.start([0])
    root, joints = standing(ROBOT, 1)
    root[:, :2] = torch.tensor([-0.3, 0.1])
    task.physics.reset_idx(torch.tensor([0]), root, joints)
    seen = task._observe(torch.tensor([0]))
    torch.testing.assert_close(seen["goal_place"][0, :3], torch.tensor([0.3, -0.1, 0.0]), atol=1e-5, rtol=0)
    torch.testing.assert_close(
        seen["goal_keypoints"].view(15, 3), torch.tensor([0.3, -0.1, 0.0]).expand(15, 3), atol=1e-4, rtol=0
    )


def test_gravity_points_down_in_the_root_s_frame(make_task):
    task = make_task(1)
    torch.testing.assert_close(task.start([0])["gravity"], torch.tensor([[0.0, 0.0, -1.0]]))
    root, joints = standing(ROBOT, 1, height=2.0)
    root[:, QUAT] = torch.tensor([0.5**0.5, 0, 0.5**0.5, 0])  # pitched by 90 degrees: the robot's x axis points down
    task.physics.reset_idx(torch.tensor([0]), root, joints)
    torch.testing.assert_close(
        task._observe(torch.tensor([0]))["gravity"], torch.tensor([[1.0, 0, 0]]), atol=1e-6, rtol=0
    )


def test_the_actor_sees_a_part_of_what_the_critic_sees():
    assert set(observations.ACTOR) < set(observations.CRITIC) == set(observations.TERMS)
