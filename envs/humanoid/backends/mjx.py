"""MuJoCo XLA: the same model stepped by JAX, for thousands of environments on a GPU.

It needs two packages that the project does not install: ``mujoco-mjx==3.3.1`` and ``jax`` (0.6.2 is tested; ``jax[cuda12]`` for a GPU).

One compiled function advances all environments by any number of steps; compiling it takes a minute or more, once per process.
"""

from __future__ import annotations

import copy
import functools
import importlib
from typing import Any

import mujoco
import numpy as np
import torch
from torch import Tensor

from envs.humanoid import rotations
from envs.humanoid.backends.mujoco import change, compile_model
from envs.humanoid.kinematics import Kinematics
from envs.humanoid.physics import (
    ANGULAR,
    DT,
    LINEAR,
    QUAT,
    PhysicsError,
    Properties,
    check_states,
    check_targets,
)
from envs.humanoid.robot import Robot

# What friction, payload and motor strength change in a model; mj_setConst derives the masses and inverse weights.
VARYING = (
    "geom_friction",
    "body_mass",
    "body_subtreemass",
    "body_invweight0",
    "dof_invweight0",
    "actuator_gainprm",
    "actuator_biasprm",
    "actuator_forcerange",
)


class Mjx:
    """``envs.humanoid.physics`` says what each member means; tensors are where JAX's default device is."""

    name = "mjx"
    fixed: frozenset[str] = frozenset()

    def __init__(self, robot: Robot, num_envs: int, *, dt: float = DT):
        self._jax = _import_jax()
        self.robot, self.num_envs, self.dt = robot, num_envs, dt
        self.dof_names, self.body_names = robot.joint_names, robot.body_names
        self.device = "cpu" if self._jax.default_backend() == "cpu" else "cuda:0"
        self._model = compile_model(robot, dt)
        self._kinematics = Kinematics(robot, self.device)
        self._advance = _compiled(self._jax, self._model)
        self._fields = {name: self._repeated(getattr(self._model, name)) for name in VARYING}
        joints, bodies = len(self.dof_names), len(self.body_names)

        def zeros(*shape: int) -> Tensor:
            return torch.zeros(num_envs, *shape, device=self.device)

        self.root_state, self.dof_state = zeros(13), zeros(joints, 2)
        self.body_state, self.contact_forces = zeros(bodies, 13), zeros(bodies, 3)
        self._targets, self._warm = zeros(joints), zeros(self._model.nv)
        self.root_state[:, 2], self.root_state[:, QUAT.start] = robot.default_height, 1
        self.dof_state[..., 0] = self._targets[:] = torch.tensor(robot.default_angles, device=self.device)
        self.body_state.copy_(self._kinematics.states(self.root_state, self.dof_state))

    def set_targets(self, targets: Tensor) -> None:
        check_targets(self, targets)
        self._targets.copy_(targets)

    def step(self, substeps: int) -> None:
        spin = rotations.unrotate(self.root_state[:, QUAT], self.root_state[:, ANGULAR])
        qpos = torch.cat((self.root_state[:, :7], self.dof_state[..., 0]), 1)
        qvel = torch.cat((self.root_state[:, LINEAR], spin, self.dof_state[..., 1]), 1)
        given = [self._to_jax(values) for values in (qpos, qvel, self._warm, self._targets)]
        qpos, qvel, warm, forces = map(self._to_torch, self._advance(self._fields, *given, substeps))
        self._warm.copy_(warm)
        self.root_state[:, :7] = qpos[:, :7]
        self.root_state[:, LINEAR] = qvel[:, :3]
        self.root_state[:, ANGULAR] = rotations.rotate(qpos[:, QUAT], qvel[:, 3:6])
        self.dof_state[..., 0], self.dof_state[..., 1] = qpos[:, 7:], qvel[:, 6:]
        self.body_state.copy_(self._kinematics.states(self.root_state, self.dof_state))
        self.contact_forces.copy_(forces)

    def reset_idx(self, ids: Tensor, root_state: Tensor, dof_state: Tensor) -> None:
        check_states(self, ids, root_state, dof_state)
        root, joints = root_state.float(), dof_state.float()
        self.root_state[ids], self.dof_state[ids] = root, joints
        self.body_state[ids] = self._kinematics.states(root, joints)
        self._targets[ids] = joints[..., 0]
        self._warm[ids], self.contact_forces[ids] = 0, 0

    def set_properties(self, ids: Tensor, properties: Properties) -> None:
        rows = zip(*(values.tolist() for values in vars(properties).values()), strict=True)
        models = [_changed(self._model, *row) for row in rows]
        chosen = self._jax.numpy.asarray(ids.cpu().numpy())
        for name in VARYING:
            values = np.stack([getattr(model, name) for model in models]).astype(np.float32)
            self._fields[name] = self._fields[name].at[chosen].set(values)

    def push(self, ids: Tensor, velocity: Tensor) -> None:
        self.root_state[ids, LINEAR] += velocity

    def close(self) -> None:
        self._fields = {}

    def _repeated(self, values: np.ndarray) -> Any:
        one = self._jax.numpy.asarray(values, self._jax.numpy.float32)
        return self._jax.numpy.repeat(one[None], self.num_envs, 0)

    def _to_jax(self, values: Tensor) -> Any:
        return self._jax.dlpack.from_dlpack(values.contiguous())

    def _to_torch(self, values: Any) -> Tensor:
        return torch.from_dlpack(values)


def _import_jax() -> Any:
    try:
        importlib.import_module("mujoco.mjx")
        return importlib.import_module("jax")
    except ImportError as error:
        raise PhysicsError(
            f"the physics backend mjx needs jax and mujoco-mjx, which are not installed here: {error}. "
            "`uv sync --extra mjx` brings them; `--backend mujoco` works now."
        ) from None


def _compiled(jax: Any, model: mujoco.MjModel) -> Any:
    """Return the function (fields, qpos, qvel, warm start, targets, steps) -> (qpos, qvel, warm start, forces), batched."""
    mjx = importlib.import_module("mujoco.mjx")
    nominal, still = mjx.put_model(model), mjx.make_data(model)

    def advance(fields, qpos, qvel, warm, targets, steps):
        own = nominal.tree_replace(fields)
        data = still.replace(qpos=qpos, qvel=qvel, qacc_warmstart=warm, ctrl=targets)
        data = jax.lax.fori_loop(0, steps, lambda _, data: mjx.step(own, data), data)
        data = mjx.rne_postconstraint(own, data)
        return data.qpos, data.qvel, data.qacc_warmstart, data.cfrc_ext[1:, 3:]

    batched = jax.jit(jax.vmap(advance, in_axes=(0, 0, 0, 0, 0, None)))
    return functools.partial(_in_float32, batched, jax)


def _in_float32(function: Any, jax: Any, *arguments: Any) -> Any:
    # An untyped Python number would be another type than an array's and compile a second time.
    return function(*arguments[:-1], jax.numpy.int32(arguments[-1]))


def _changed(nominal: mujoco.MjModel, *properties: float) -> mujoco.MjModel:
    model = copy.copy(nominal)
    change(model, nominal, mujoco.MjData(nominal), *properties)
    return model
