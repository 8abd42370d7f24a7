"""The expert's inverse kinematics, paths and grasps, in one scene that is never stepped."""

from __future__ import annotations

import numpy as np
import pytest

from agents.expert import hand
from agents.expert.body import RobotBody
from agents.expert.kinematics import LIMIT_MARGIN, Pose, rotation_matrix, rotation_vector
from agents.expert.motion import Via, joint_line, plan, together, wait
from agents.expert.scene import Box
from tasks.gr1 import ACTION

pytestmark = pytest.mark.sim


@pytest.fixture(scope="module")
def simulator(pack):
    from envs.robocasa.env import RoboCasaGR1

    env = RoboCasaGR1()
    env.reset(seed=1, options={"observe": []})  # at seed 0 the right hand begins on the object
    yield env.simulator
    env.close()


@pytest.fixture
def body(simulator):
    return RobotBody(simulator.model, simulator.data)


def reachable(arm, rng) -> np.ndarray:
    """Return joint angles near the arm's rest, well inside its limits."""
    low, high = arm.limits.T
    q = np.clip(arm.rest + rng.uniform(-0.5, 0.5, 10), low + 0.1, high - 0.1)
    q[:3] = rng.uniform(-0.1, 0.1, 3)
    return q


@pytest.mark.parametrize("side", ["left", "right"])
def test_every_sampled_reachable_pose_is_reached_within_a_millimetre(body, side):
    rng, arm, point = np.random.default_rng(5), body.arms[side], hand.grasp_point(side)
    for _ in range(40):
        target = arm.pose(reachable(arm, rng), point)
        found = arm.solve(target, arm.rest, point, 200)
        there = arm.pose(found.q, point)
        assert np.linalg.norm(there.position - target.position) < 1e-3
        assert np.linalg.norm(rotation_vector(there.rotation @ target.rotation.T)) < 0.02
        assert found.position_error == pytest.approx(np.linalg.norm(there.position - target.position), abs=1e-9)


def test_joint_limits_hold_even_for_a_target_out_of_reach(body, simulator):
    arm = body.arms["right"]
    far = Pose(body.origin + np.array([3.0, 3.0, 3.0]), np.eye(3))
    found = arm.solve(far, arm.rest, hand.grasp_point("right"))
    assert found.position_error > 1.0
    joints = simulator.model.jnt_range[arm.joints]
    assert (found.q >= joints[:, 0]).all() and (found.q <= joints[:, 1]).all()
    assert (found.q[3:] >= joints[3:, 0] + LIMIT_MARGIN - 1e-12).all()


def test_a_free_rotation_leaves_only_the_position_to_be_met(body):
    arm, point = body.arms["left"], hand.fist_center("left")
    target = Pose(arm.pose(arm.rest, point).position + [0.1, 0.15, -0.05])
    assert arm.solve(target, arm.rest, point).position_error < 1e-3


def test_the_simulation_is_not_touched_by_thinking_about_it(body, simulator):
    before = simulator.data.qpos.copy(), simulator.data.xpos.copy()
    arm = body.arms["right"]
    plan(arm, body.joints("right"), [Via(arm.pose(arm.rest, np.zeros(3)).moved([0, 0, 0.1]))], np.zeros(3))
    body.penetration("right", arm.rest, hand.OPEN)
    assert np.array_equal(before[0], simulator.data.qpos) and np.array_equal(before[1], simulator.data.xpos)


def test_a_path_ends_where_it_should_and_never_jumps(body):
    arm, point = body.arms["right"], hand.grasp_point("right")
    start = body.joints("right")
    here = arm.pose(start, point)
    goal = Pose(here.position + [0.1, 0.1, -0.05], rotation_matrix(np.array([0, 0, 0.4])) @ here.rotation)
    path = plan(arm, start, [Via(here.moved([0, 0, 0.1])), Via(goal)], point)
    steps = np.diff(np.vstack([start, path.q]), axis=0)
    assert np.linalg.norm(arm.pose(path.q[-1], point).position - goal.position) < 1e-3
    assert np.abs(steps).max() <= 0.1 + 1e-9
    assert np.abs(np.diff(steps, axis=0)).max() < 0.04  # radians per step²: corners and starts are rounded


def test_a_joint_line_starts_and_ends_at_rest():
    path = joint_line(np.zeros(3), np.array([0.5, -1.0, 0.0]))
    assert np.allclose(path[-1], [0.5, -1.0, 0.0])
    speeds = np.abs(np.diff(np.vstack([np.zeros(3), path]), axis=0)).max(axis=1)
    assert speeds[0] < 0.1 * speeds.max() and speeds[-1] < 0.1 * speeds.max()


def test_scripts_side_by_side_take_as_long_as_the_longest():
    assert sum(1 for _ in together(wait(3), wait(7), wait(0))) == 7


def test_a_hand_inside_the_table_is_seen_and_a_hand_in_the_air_is_not(body):
    arm, point = body.arms["right"], hand.grasp_point("right")
    here = arm.pose(arm.rest, point)
    down = arm.solve(Pose(np.array([*here.position[:2], 0.88]), here.rotation), arm.rest, point, 200)
    assert body.penetration("right", arm.rest, hand.OPEN) == 0
    assert body.penetration("right", down.q, hand.OPEN) > 0.01


def test_feet_that_stand_in_a_cupboard_are_not_the_arm_s_business(make_env):
    env = make_env("PnPCupToDrawerClose")
    env.reset(seed=0, options={"observe": []})
    body = RobotBody(env.simulator.model, env.simulator.data)
    assert (env.simulator.data.contact.dist < -5e-3).any()
    assert body.penetration("right", body.arms["right"].rest, hand.OPEN) == 0


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_palm_looks_down_when_flat_and_inward_when_rolled(side):
    flat = hand.palm_normal(side, hand.palm_rotation(side, np.pi / 2, 0.0))
    rolled = hand.palm_normal(side, hand.palm_rotation(side, np.pi / 2, 0.0, np.pi / 2))
    assert np.allclose(flat, [0, 0, -1])
    assert np.allclose(rolled, [-1, 0, 0] if side == "right" else [1, 0, 0])  # the robot looks along y


def test_a_box_knows_its_long_side_and_its_height():
    quarter = rotation_matrix(np.array([0, 0, np.pi / 2]))
    box = Box(np.array([0, 0, 1.0]), quarter, np.array([0.08, 0.03, 0.02]))
    direction, excess = box.long_axis()
    assert abs(direction @ [0, 1]) == pytest.approx(1.0)
    assert excess == pytest.approx(0.05)
    assert box.top == pytest.approx(1.02) and box.bottom == pytest.approx(0.98)


def test_the_first_action_holds_the_arms_where_they_are(body, simulator):
    action = body.action()
    assert {c.name: c.shape for c in ACTION} == {name: value.shape for name, value in action.items()}
    joints = simulator.joint_positions()
    for part in ("left_arm", "right_arm", "waist"):
        assert np.allclose(action[f"action.{part}"], joints[part], atol=1e-6)
