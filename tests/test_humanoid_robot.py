"""The robot's data against its model, and forward kinematics against MuJoCo's."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest
import torch

from crossbody.errors import UnknownName
from envs.humanoid import robot as robots
from envs.humanoid.kinematics import Kinematics
from envs.humanoid.robot import RobotError
from tasks.motion.keypoints import NAMES

CONFIGURATIONS = robots.names()
PACKAGED_MASS_KG = {"g1": 33.341142, "h1": 51.437}  # of mjlab's G1 and the Menagerie's H1, with meshes


def compiled(robot, **options) -> mujoco.MjModel:
    return mujoco.MjModel.from_xml_string(robots.mjcf(robot, **options))


def random_poses(robot, count: int = 16):
    rng = np.random.default_rng(0)
    quats = rng.normal(size=(count, 4))
    lower, upper = robot.limits.T
    return (
        rng.uniform(-2, 2, (count, 3)),
        quats / np.linalg.norm(quats, axis=1, keepdims=True),
        rng.uniform(lower, upper, (count, len(lower))),
    )


def poses_by_mujoco(model, roots, quats, angles):
    data, positions, turns = mujoco.MjData(model), [], []
    for root, quat, row in zip(roots, quats, angles, strict=True):
        data.qpos[:] = [*root, *quat, *row]
        mujoco.mj_kinematics(model, data)
        positions.append(data.xpos[1:].copy())
        turns.append(data.xquat[1:].copy())
    return np.array(positions), np.array(turns)


@pytest.mark.parametrize(("name", "joints"), [("g1_23", 23), ("g1_24", 24), ("g1_29", 29)])
def test_a_configuration_has_as_many_joints_as_its_name_says(name, joints):
    assert len(robots.load(name).joint_names) == joints


def test_the_default_configuration_has_23_joints():
    assert robots.load().name == "g1_23"


@pytest.mark.parametrize("skin", [False, True])
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_the_model_has_the_joints_and_bodies_of_the_description_in_its_order(name, skin):
    robot = robots.load(name)
    model = compiled(robot, skin=skin)
    assert tuple(model.joint(i).name for i in range(1, model.njnt)) == robot.joint_names
    assert tuple(model.actuator(i).name for i in range(model.nu)) == robot.joint_names
    assert tuple(model.body(i).name for i in range(1, model.nbody)) == robot.body_names


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_the_model_weighs_what_the_package_s_model_weighs(name):
    assert compiled(robots.load(name)).body_mass.sum() == pytest.approx(
        PACKAGED_MASS_KG[robots.family_of(name)], abs=1e-6
    )


def test_the_skin_touches_nothing_and_weighs_nothing():
    robot = robots.load("g1_29")
    bare, dressed = compiled(robot), compiled(robot, skin=True)
    skin = dressed.geom_group == 2
    assert skin.sum() == dressed.ngeom - bare.ngeom > 30
    assert not dressed.geom_contype[skin].any() and not dressed.geom_conaffinity[skin].any()
    np.testing.assert_array_equal(bare.body_inertia, dressed.body_inertia)


@pytest.mark.parametrize("gains", ["beyondmimic", "asap"])
def test_the_actuators_hold_the_gains_and_efforts(gains):
    robot = robots.load("g1_29", gains)
    model = compiled(robot)
    np.testing.assert_allclose(model.actuator_gainprm[:, 0], robot.stiffness)
    np.testing.assert_allclose(model.actuator_biasprm[:, 1:3], np.stack((-robot.stiffness, -robot.damping), 1))
    np.testing.assert_allclose(model.actuator_forcerange, np.stack((-robot.effort, robot.effort), 1))
    np.testing.assert_allclose(model.jnt_range[1:], robot.limits)


def test_the_beyondmimic_gains_follow_from_the_rotors_inertia():
    """stiffness = armature (2 pi 10 Hz)^2, damping = 2 * 2 * armature * 2 pi 10 Hz;
    a linkage's joint has two motors."""
    robot = robots.load("g1_29")
    armature = np.array([hinge.armature for hinge in robot.hinges])
    omega = 20 * np.pi
    np.testing.assert_allclose(robot.stiffness, armature * omega**2, rtol=1e-5)
    np.testing.assert_allclose(robot.damping, 4 * armature * omega, rtol=1e-5)
    np.testing.assert_allclose(robot.action_scale, 0.25 * robot.effort / robot.stiffness)


def test_the_default_pose_is_inside_the_limits_and_stands_on_the_floor():
    robot = robots.load()
    assert (robot.limits[:, 0] < robot.default_angles).all() and (robot.default_angles < robot.limits[:, 1]).all()
    model = compiled(robot)
    data = mujoco.MjData(model)
    data.qpos[:] = [0, 0, robot.default_height, 1, 0, 0, 0, *robot.default_angles]
    mujoco.mj_kinematics(model, data)
    soles = data.geom_xpos[model.geom_condim == 3][1:, 2]
    assert abs(soles.min() - 0.01) < 0.02


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_forward_kinematics_agree_with_mujoco_to_a_micrometre(name):
    robot = robots.load(name)
    poses = random_poses(robot)
    positions, quats = poses_by_mujoco(compiled(robot), *poses)
    for dtype, tolerance in ((torch.float32, 1e-6 * 2), (torch.float64, 1e-9)):
        p, q = Kinematics(robot, dtype=dtype).bodies(*(torch.tensor(x, dtype=dtype) for x in poses))
        np.testing.assert_allclose(p.numpy(), positions, atol=tolerance)
        same_turn = np.abs((q.numpy() * quats).sum(-1))
        np.testing.assert_allclose(same_turn, 1, atol=tolerance)


def test_a_key_point_is_its_body_s_origin_or_a_point_fixed_to_it():
    robot = robots.load()
    poses = random_poses(robot, 4)
    model = compiled(robot)
    data = mujoco.MjData(model)
    points = Kinematics(robot, dtype=torch.float64).keypoints(*(torch.tensor(x) for x in poses)).numpy()
    for frame, (root, quat, row) in enumerate(zip(*poses, strict=True)):
        data.qpos[:] = [*root, *quat, *row]
        mujoco.mj_kinematics(model, data)
        torso = data.body("torso_link")
        head = torso.xpos + torso.xmat.reshape(3, 3) @ [0, 0, 0.42]
        np.testing.assert_allclose(points[frame, NAMES.index("head")], head, atol=1e-9)
        np.testing.assert_allclose(
            points[frame, NAMES.index("left_wrist")], data.body("left_wrist_yaw_link").xpos, atol=1e-9
        )


def test_left_key_points_are_on_the_robot_s_left_which_is_plus_y():
    robot = robots.load()
    points = Kinematics(robot).keypoints(
        torch.zeros(1, 3), torch.tensor([[1.0, 0, 0, 0]]), torch.tensor(robot.default_angles[None], dtype=torch.float32)
    )[0]
    for index, name in enumerate(NAMES):
        assert not name.startswith("left") or points[index, 1] > 0.03
        assert not name.startswith("right") or points[index, 1] < -0.03


def test_kinematics_have_gradients_for_retargeting():
    robot = robots.load()
    angles = torch.zeros(3, 23, requires_grad=True)
    quat = torch.tensor([1.0, 0, 0, 0]).expand(3, 4)
    Kinematics(robot).keypoints(torch.zeros(3, 3), quat, angles).square().sum().backward()
    assert angles.grad is not None and angles.grad.isfinite().all() and angles.grad.abs().sum() > 0


def test_joints_are_matched_by_name_not_by_position():
    robot = robots.load()
    columns = tuple(reversed(robots.load("g1_29").joint_names))
    values = np.arange(29.0)[None]
    angles = robot.angles(values, columns)
    assert [columns[int(value)] for value in angles[0]] == list(robot.joint_names)


def test_a_joint_without_a_column_is_at_zero():
    robot = robots.load()
    angles = robot.angles(np.array([[0.5]]), ("left_knee_joint",))
    assert angles[0, robot.joint_names.index("left_knee_joint")] == 0.5 and np.count_nonzero(angles) == 1


def test_a_foreign_joint_is_named():
    with pytest.raises(RobotError, match="clip: g1_23 has no tail_joint; its joints are left_hip_pitch_joint"):
        robots.load().angles(np.zeros((2, 1)), ("tail_joint",), "clip")


def test_unknown_names_get_the_nearest():
    with pytest.raises(UnknownName, match="unknown robot 'g1_23dof'.*Did you mean 'g1_23'"):
        robots.load("g1_23dof")
    with pytest.raises(UnknownName, match="unknown set of gains 'stiff'"):
        robots.load(gains="stiff")


def test_kinematics_say_which_shapes_they_expect():
    with pytest.raises(RobotError, match=r"angles \(..., 23\); got \(2, 3\), \(2, 4\) and \(2, 29\)"):
        Kinematics(robots.load()).bodies(torch.zeros(2, 3), torch.zeros(2, 4), torch.zeros(2, 29))


def test_body_velocities_are_mujoco_s_at_the_bodies_origins():
    robot = robots.load()
    roots, quats, angles = random_poses(robot, 4)
    rng = np.random.default_rng(1)
    linear, spin, rates = rng.normal(size=(4, 3)), rng.normal(size=(4, 3)), rng.normal(size=angles.shape)
    model = compiled(robot)
    data, expected = mujoco.MjData(model), np.zeros((4, model.nbody - 1, 6))
    for row in range(4):
        data.qpos[:] = [*roots[row], *quats[row], *angles[row]]
        mujoco.mju_rotVecQuat(data.qvel[3:6], spin[row], quats[row] * (1, -1, -1, -1))
        data.qvel[:3], data.qvel[6:] = linear[row], rates[row]
        mujoco.mj_forward(model, data)
        for body in range(1, model.nbody):
            velocity = np.zeros(6)
            mujoco.mj_objectVelocity(model, data, mujoco.mjtObj.mjOBJ_XBODY, body, velocity, 0)
            expected[row, body - 1] = [*velocity[3:], *velocity[:3]]
    root = torch.tensor(np.concatenate((roots, quats, linear, spin), 1))
    states = Kinematics(robot, dtype=torch.float64).states(root, torch.tensor(np.stack((angles, rates), -1)))
    np.testing.assert_allclose(states[..., 7:].numpy(), expected, atol=1e-9)
