"""The physics protocol, over every backend that can run here; and what is MuJoCo's alone."""

from __future__ import annotations

import dataclasses

import mujoco
import numpy as np
import pytest
import torch

from crossbody.errors import InvalidAction, UnknownName
from envs.humanoid import physics as protocol
from envs.humanoid import rotations
from envs.humanoid.backends.mujoco import compile_model
from envs.humanoid.kinematics import Kinematics
from envs.humanoid.physics import ANGULAR, LINEAR, POSITION, QUAT, PhysicsError, Properties
from envs.humanoid.randomisation import Variation
from envs.humanoid.robot import load
from envs.humanoid.task import Task
from tests.humanoid_backends import make_backend
from tests.humanoids import standing, swaying

pytestmark = pytest.mark.sim
ROBOT = load()
WEIGHT_N = 33.341142 * 9.81
YAW_90 = torch.tensor([0.5**0.5, 0, 0, 0.5**0.5])


@pytest.fixture(scope="module", params=["mujoco", "isaacgym", "mjx"])
def shared(request):
    """A physics of two environments for each backend; tests begin with a reset of both."""
    backend = make_backend(request.param, ROBOT, 2)
    yield backend
    backend.close()


@pytest.fixture
def world(shared):
    shared.reset_idx(torch.arange(2), *standing(ROBOT, 2))
    return shared


@pytest.fixture
def simulate():
    """A function that makes a MuJoCo backend and closes it after the test."""
    made = []

    def make(count: int = 2, **options):
        made.append(protocol.make("mujoco", ROBOT, count, **options))
        made[-1].reset_idx(torch.arange(count), *standing(ROBOT, count))
        return made[-1]

    yield make
    for backend in made:
        backend.close()


def random_states(seed: int = 0, height: float = 3.0):
    """Return states of two robots in the air, turned, moving and bent."""
    generator = torch.Generator().manual_seed(seed)
    root, joints = standing(ROBOT, 2, height)
    quats = torch.randn(2, 4, generator=generator)
    root[:, QUAT] = quats / torch.linalg.vector_norm(quats, dim=1, keepdim=True)
    root[:, LINEAR.start :] = torch.randn(2, 6, generator=generator)
    joints[..., 0] += 0.2 * torch.randn(joints.shape[:2], generator=generator)
    joints[..., 1] = torch.randn(joints.shape[:2], generator=generator)
    return root, joints


def trajectory(backend, steps: int = 10) -> torch.Tensor:
    """Return the joint and root states over steps with random targets."""
    generator = torch.Generator().manual_seed(1)
    backend.reset_idx(torch.arange(backend.num_envs), *standing(ROBOT, backend.num_envs))
    seen = []
    for _ in range(steps):
        noise = torch.randn(backend.num_envs, len(ROBOT.joint_names), generator=generator)
        backend.set_targets(torch.tensor(ROBOT.default_angles, dtype=torch.float32) + 0.2 * noise)
        backend.step(4)
        seen.append(torch.cat((backend.root_state, backend.dof_state.flatten(1)), 1).clone())
    return torch.stack(seen)


def test_the_state_tensors_have_the_protocol_s_shapes(world):
    joints, bodies = len(ROBOT.joint_names), len(ROBOT.body_names)
    assert world.dof_names == ROBOT.joint_names and world.body_names == ROBOT.body_names
    shapes = {name: tuple(getattr(world, name).shape) for name in ("root_state", "dof_state", "body_state")}
    assert shapes == {"root_state": (2, 13), "dof_state": (2, joints, 2), "body_state": (2, bodies, 13)}
    assert tuple(world.contact_forces.shape) == (2, bodies, 3)
    assert world.root_state.dtype == torch.float32


def test_a_reset_is_read_back_as_it_was_given(world):
    root, joints = random_states()
    world.reset_idx(torch.arange(2), root, joints)
    sign = (world.root_state[:, QUAT] * root[:, QUAT]).sum(1, keepdim=True).sign()
    torch.testing.assert_close(world.root_state[:, QUAT] * sign, root[:, QUAT], atol=1e-5, rtol=0)
    for columns in (POSITION, LINEAR, ANGULAR):
        torch.testing.assert_close(world.root_state[:, columns], root[:, columns], atol=1e-5, rtol=0)
    torch.testing.assert_close(world.dof_state, joints, atol=1e-5, rtol=0)


def test_the_root_is_the_first_body(world):
    world.reset_idx(torch.arange(2), *random_states())
    torch.testing.assert_close(world.body_state[:, 0], world.root_state, atol=1e-4, rtol=0)


def test_body_poses_are_those_of_forward_kinematics_with_quaternions_wxyz(world):
    root, joints = random_states()
    world.reset_idx(torch.arange(2), root, joints)
    positions, quats = Kinematics(ROBOT).bodies(root[:, POSITION], root[:, QUAT], joints[..., 0])
    torch.testing.assert_close(world.body_state[..., POSITION], positions, atol=2e-5, rtol=0)
    same = (world.body_state[..., QUAT] * quats).sum(-1).abs()
    torch.testing.assert_close(same, torch.ones_like(same), atol=1e-5, rtol=0)


def test_a_robot_that_is_turned_left_has_its_left_hip_behind_it(world):
    root, joints = standing(ROBOT, 2)
    root[:, QUAT] = YAW_90
    world.reset_idx(torch.arange(2), root, joints)
    hip = world.body_state[:, world.body_names.index("left_hip_roll_link")]
    assert bool((hip[:, 0] < -0.05).all()) and bool((hip[:, 1].abs() < 0.05).all())


def test_velocities_are_rates_of_change_in_the_world_frame_at_the_bodies_origins(world):
    """In 5 ms the motors change a velocity by little; the mean of before and after takes care of most of it."""
    world.reset_idx(torch.arange(2), *random_states())
    before = world.body_state.clone()
    world.step(1)
    after = world.body_state
    moved = (after[..., POSITION] - before[..., POSITION]) / world.dt
    velocity = (after[..., LINEAR] + before[..., LINEAR]) / 2
    torch.testing.assert_close(moved[:, 0], velocity[:, 0], atol=0.05, rtol=0)
    assert float((moved - velocity).norm(dim=-1).median()) < 0.1
    turn = rotations.multiply(after[:, 0, QUAT], rotations.conjugate(before[:, 0, QUAT]))
    spin = (after[:, 0, ANGULAR] + before[:, 0, ANGULAR]) / 2
    torch.testing.assert_close(rotations.to_vector(turn) / world.dt, spin, atol=0.1, rtol=0)


def test_a_target_moves_the_joint_of_its_column(world):
    root, joints = standing(ROBOT, 2, height=3.0)
    world.reset_idx(torch.arange(2), root, joints)
    targets = joints[..., 0].clone()
    column = ROBOT.joint_names.index("right_elbow_joint")
    targets[:, column] += 0.5
    world.set_targets(targets)
    world.step(40)
    moved = (world.dof_state[..., 0] - joints[..., 0]).abs()
    assert bool((moved.argmax(1) == column).all()) and float(moved[:, column].min()) > 0.2


def test_feet_carry_the_robot(world):
    forces = []
    for _ in range(30):
        world.step(4)
        forces.append(world.contact_forces.clone())
    mean = torch.stack(forces[5:]).mean(0)
    feet = [world.body_names.index(f"{side}_ankle_roll_link") for side in ("left", "right")]
    assert mean[:, feet, 2].sum(1).tolist() == pytest.approx([WEIGHT_N] * 2, rel=0.15)
    others = [body for body in range(len(world.body_names)) if body not in feet]
    assert float(mean[:, others].abs().max()) < 1e-3


def test_the_same_actions_give_the_same_trajectory(world):
    torch.testing.assert_close(trajectory(world), trajectory(world), atol=0, rtol=0)


def test_a_reset_of_one_environment_leaves_the_other_alone(world):
    world.step(4)
    other = [getattr(world, name)[1].clone() for name in ("root_state", "dof_state", "body_state")]
    root, joints = standing(ROBOT, 1, height=2.0)
    world.reset_idx(torch.tensor([0]), root, joints)
    assert float(world.root_state[0, 2]) == pytest.approx(2.0)
    for name, values in zip(("root_state", "dof_state", "body_state"), other, strict=True):
        torch.testing.assert_close(getattr(world, name)[1], values, atol=0, rtol=0)


def test_a_push_changes_the_pushed_robot_s_velocity(world):
    world.reset_idx(torch.arange(2), *standing(ROBOT, 2, height=3.0))
    world.push(torch.tensor([1]), torch.tensor([[0.0, 1.0, 0.0]]))
    world.step(1)
    sideways = world.root_state[:, LINEAR][:, 1]
    assert float(sideways[1]) == pytest.approx(1.0, abs=0.1) and float(sideways[0].abs()) < 0.1


def test_targets_that_are_not_numbers_are_named(world):
    targets = torch.zeros(2, len(ROBOT.joint_names))
    targets[1, 3] = float("nan")
    with pytest.raises(InvalidAction, match="environment 1, left_knee_joint: the target is nan; expected radians"):
        world.set_targets(targets)


def test_targets_of_another_shape_are_refused(world):
    with pytest.raises(InvalidAction, match=r"joint targets are \(2, 29\); expected \(2, 23\): environments, joints"):
        world.set_targets(torch.zeros(2, 29))


def test_a_reset_says_what_is_wrong_with_a_state(world):
    root, joints = standing(ROBOT, 1)
    with pytest.raises(PhysicsError, match=r"expected a root state \(1, 13\).*got \(1, 7\)"):
        world.reset_idx(torch.tensor([0]), root[:, :7], joints)
    with pytest.raises(PhysicsError, match="environment 1: its joint state is not finite"):
        world.reset_idx(torch.tensor([1]), root, joints * float("inf"))
    with pytest.raises(PhysicsError, match="the root's quaternion has the length 2; expected 1"):
        world.reset_idx(torch.tensor([0]), torch.where(torch.arange(13) == 3, 2.0, root), joints)
    with pytest.raises(PhysicsError, match="reset of environment 7; there are 2, counted from 0"):
        world.reset_idx(torch.tensor([7]), root, joints)


def test_a_payload_weighs_on_the_feet(world):
    if "payload_kg" in world.fixed:
        pytest.skip(f"{world.name} takes payloads before its first step only")
    nominal = Properties.nominal(1)
    world.set_properties(torch.tensor([1]), Properties(nominal.friction, torch.tensor([6.0]), nominal.motor_strength))
    forces = []
    for _ in range(25):
        world.step(4)
        forces.append(world.contact_forces[..., 2].sum(1).clone())
    world.set_properties(torch.tensor([1]), nominal)
    mean = torch.stack(forces[5:]).mean(0)
    assert float(mean[1] - mean[0]) == pytest.approx(6 * 9.81, rel=0.5)


def test_weak_motors_give_way(world):
    nominal = Properties.nominal(1)
    world.set_properties(torch.tensor([1]), Properties(nominal.friction, nominal.payload_kg, torch.tensor([0.3])))
    world.step(60)
    world.set_properties(torch.tensor([1]), nominal)
    assert float(world.root_state[1, 2]) < float(world.root_state[0, 2]) - 0.01


def test_smooth_soles_slide_further(world):
    root, joints = standing(ROBOT, 2)
    root[:, LINEAR.start] = 1.0
    world.reset_idx(torch.arange(2), root, joints)
    nominal = Properties.nominal(1)
    world.set_properties(torch.tensor([1]), Properties(torch.tensor([0.2]), nominal.payload_kg, nominal.motor_strength))
    world.step(60)
    world.set_properties(torch.tensor([1]), nominal)
    feet = [world.body_names.index(f"{side}_ankle_roll_link") for side in ("left", "right")]
    slid = world.body_state[:, feet, 0].mean(1)
    assert float(slid[1]) > float(slid[0]) + 0.005


def test_the_task_runs_on_it_and_a_seed_gives_the_same_episode(world):
    varied = dataclasses.replace(Variation.training(), payload_kg=(0.0, 0.0))
    task = Task(world, [swaying(ROBOT)], variation=varied)
    rewards = []
    for _ in range(2):
        task.reset(3)
        rewards.append(torch.stack([task.step(torch.zeros(2, len(ROBOT.joint_names)))[1] for _ in range(5)]))
    world.set_properties(torch.arange(2), Properties.nominal(2))
    torch.testing.assert_close(rewards[0], rewards[1], atol=0, rtol=0)
    assert float(rewards[0].min()) > 0


def test_mujoco_s_steps_are_mj_step_s_to_the_last_bit(simulate):
    backend = simulate(1, threads=1)
    model = compile_model(ROBOT, 0.005)
    data = mujoco.MjData(model)
    root, joints = standing(ROBOT, 1)
    data.qpos[:] = [*root[0, :7].double(), *joints[0, :, 0].double()]
    for step in range(20):
        data.ctrl[:] = joints[0, :, 0].double().numpy() + 0.01 * step
        mujoco.mj_step(model, data, nstep=4)
        backend.set_targets(torch.tensor(data.ctrl)[None])
        backend.step(4)
    np.testing.assert_array_equal(backend.dof_state[0, :, 0].numpy(), data.qpos[7:].astype(np.float32))


def test_the_number_of_threads_does_not_change_a_trajectory(simulate):
    one, three = (trajectory(simulate(5, threads=threads)) for threads in (1, 3))
    torch.testing.assert_close(one, three, atol=0, rtol=0)


@pytest.mark.filterwarnings("ignore:Nan, Inf or huge value")
def test_an_environment_that_diverged_does_not_disturb_its_neighbours(simulate):
    calm, beside = simulate(2, threads=1), simulate(2, threads=1)
    beside._qvel[0] = 1e200
    for backend in (calm, beside):
        backend.step(8)
    assert not bool(torch.isfinite(beside.dof_state[0]).all())
    torch.testing.assert_close(beside.dof_state[1], calm.dof_state[1], atol=0, rtol=0)
    beside.reset_idx(torch.tensor([0]), *standing(ROBOT, 1))
    beside.step(4)
    assert bool(torch.isfinite(beside.body_state).all())


def test_an_unknown_backend_gets_the_list():
    with pytest.raises(UnknownName, match="unknown physics backend 'mujoko'. Did you mean 'mujoco'"):
        protocol.make("mujoko", ROBOT, 1)


def test_no_environments_are_refused():
    with pytest.raises(PhysicsError, match="0 environments; expected at least one"):
        protocol.make("mujoco", ROBOT, 0)
