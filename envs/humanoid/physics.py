"""The physics protocol: what a simulator must do so that the tracking task can run on it.

Conventions, the same for every backend: metres, radians, seconds, newtons; z up; quaternions wxyz; linear and angular
velocities in the world frame, the linear one at the body's origin. Joints and bodies are in the order of
``robot.joint_names`` and ``robot.body_names``. Tensors are float32 on ``device`` and are overwritten by the next call:
clone what must be kept."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from crossbody.errors import CrossbodyError, InvalidAction, UnknownName
from envs.humanoid.robot import Robot

DT = 0.005
BACKENDS = {
    "mujoco": "envs.humanoid.backends.mujoco:Mujoco",
    "isaacgym": "envs.humanoid.backends.isaacgym.parent:IsaacGym",
    "mjx": "envs.humanoid.backends.mjx:Mjx",
}

# The columns of root_state and body_state.
POSITION, QUAT, LINEAR, ANGULAR = slice(0, 3), slice(3, 7), slice(7, 10), slice(10, 13)


class PhysicsError(CrossbodyError):
    """A simulator that cannot be had here, or was asked for what it cannot do."""


@dataclass(frozen=True)
class Properties:
    """What may differ between environments, one number for each of n of them."""

    friction: Tensor  # (n,) sliding coefficient between soles and floor; the model's own is 0.8
    payload_kg: Tensor  # (n,) added at the centre of mass of the body that carries the torso's key point
    motor_strength: Tensor  # (n,) factor on every motor's torque: gains and limit

    @staticmethod
    def nominal(count: int, device: str = "cpu") -> Properties:
        """Return the model's own values."""
        ones = torch.ones(count, device=device)
        return Properties(0.8 * ones, 0 * ones, ones.clone())


class Physics(Protocol):
    """N copies of a robot on a plane."""

    name: str
    num_envs: int
    device: str
    dt: float  # s, one physics step
    robot: Robot
    dof_names: tuple[str, ...]
    body_names: tuple[str, ...]
    root_state: Tensor  # (N, 13) position, quaternion, linear velocity, angular velocity
    dof_state: Tensor  # (N, D, 2) angle, angular velocity
    body_state: Tensor  # (N, B, 13) as root_state
    contact_forces: Tensor  # (N, B, 3) net force of all contacts on a body in the last physics step, world frame
    fixed: frozenset[
        str
    ]  # fields of Properties that only the first call of set_properties, before any step, may change

    def set_targets(self, targets: Tensor) -> None:
        """Give the PD controllers (N, D) radians; they hold until the next call."""
        ...

    def step(self, substeps: int) -> None:
        """Advance by ``substeps * dt`` and refresh the state tensors."""
        ...

    def reset_idx(self, ids: Tensor, root_state: Tensor, dof_state: Tensor) -> None:
        """Put environments (n,) into states (n, 13) and (n, D, 2), with the angles as targets,
        and refresh the tensors."""
        ...

    def set_properties(self, ids: Tensor, properties: Properties) -> None:
        """Change environments (n,), from the next step on."""
        ...

    def push(self, ids: Tensor, velocity: Tensor) -> None:
        """Add a linear velocity (n, 3) to the roots, as a blow does; the tensors show it after the next step."""
        ...

    def close(self) -> None:
        """Give back threads and processes."""
        ...


def make(name: str, robot: Robot, num_envs: int, *, dt: float = DT, **options) -> Physics:
    """Return a backend; UnknownName for a name that there is not, PhysicsError where it cannot run here."""
    if name not in BACKENDS:
        raise UnknownName("physics backend", name, BACKENDS)
    if num_envs < 1:
        raise PhysicsError(f"{num_envs} environments; expected at least one")
    module, _, attribute = BACKENDS[name].partition(":")
    return getattr(importlib.import_module(module), attribute)(robot, num_envs, dt=dt, **options)


def check_targets(physics: Physics, targets: Tensor) -> None:
    """Raise InvalidAction unless targets are (N, D) finite numbers; it names the first wrong environment and joint."""
    expected = (physics.num_envs, len(physics.dof_names))
    if tuple(targets.shape) != expected:
        raise InvalidAction(f"joint targets are {tuple(targets.shape)}; expected {expected}: environments, joints")
    if not bool(torch.isfinite(targets).all()):
        env, joint = torch.nonzero(~torch.isfinite(targets))[0].tolist()
        value = float(targets[env, joint])
        raise InvalidAction(f"environment {env}, {physics.dof_names[joint]}: the target is {value}; expected radians")


def check_states(physics: Physics, ids: Tensor, root_state: Tensor, dof_state: Tensor) -> None:
    """Raise PhysicsError unless states fit the environments, are finite,
    and the roots' quaternions have the length 1."""
    count, joints = len(ids), len(physics.dof_names)
    if tuple(root_state.shape) != (count, 13) or tuple(dof_state.shape) != (count, joints, 2):
        raise PhysicsError(
            f"reset of {count} environments: expected a root state ({count}, 13) and a joint state ({count}, "
            f"{joints}, 2); "
            f"got {tuple(root_state.shape)} and {tuple(dof_state.shape)}"
        )
    if not count:
        return
    if int(ids.min()) < 0 or int(ids.max()) >= physics.num_envs:
        raise PhysicsError(f"reset of environment {int(ids.max())}; there are {physics.num_envs}, counted from 0")
    for what, values in (("root", root_state), ("joint", dof_state)):
        if not bool(torch.isfinite(values).all()):
            row = int(torch.nonzero(~torch.isfinite(values))[0][0])
            raise PhysicsError(f"reset of environment {int(ids[row])}: its {what} state is not finite")
    lengths = torch.linalg.vector_norm(root_state[:, QUAT], dim=1)
    row = int((lengths - 1).abs().argmax())
    if abs(float(lengths[row]) - 1) > 1e-3:
        raise PhysicsError(
            f"reset of environment {int(ids[row])}: the root's quaternion has the length "
            f"{float(lengths[row]):.4g}; expected 1"
        )
