"""MuJoCo XLA: the same model stepped by JAX, for thousands of environments on a GPU.

It needs packages that the project does not install: ``uv sync --extra mjx`` brings them, and the CUDA plug-in where
Python and JAX have one.

One compiled function advances all environments by any number of steps; compiling it takes half a minute or more, once
per process. A batched solver runs until its slowest robot has converged, so its rounds are capped. What the caps below
cost, as the mean difference of two robots' joints and roots from MuJoCo's under the same targets: nothing (below 0.001
mrad) where they follow a calm reference; where every target is thrown about by 0.1 rad at every step, 1.1 mrad and 0.06
mm after 5 control steps, 3.3 mrad and 0.38 mm after 25. With ten rounds instead of five it is 0.0001 mrad and 0.001
mrad."""

from __future__ import annotations

import copy
import functools
import importlib
import os
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

CAPS = (5, 8)
"""Rounds of the contact solver and of its line search; MuJoCo's own are 100 and 50."""

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

    def __init__(self, robot: Robot, num_envs: int, *, dt: float = DT, solver_rounds: tuple[int, int] = CAPS):
        self._jax = _import_jax()
        self.robot, self.num_envs, self.dt = robot, num_envs, dt
        self.dof_names, self.body_names = robot.joint_names, robot.body_names
        self.device = _device(self._jax)
        self._model = compile_model(robot, dt)
        self._model.opt.iterations, self._model.opt.ls_iterations = solver_rounds
        self._scratch = copy.copy(self._model), mujoco.MjData(self._model)
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
        fields = {name: self._to_jax(values) for name, values in self._fields.items()}
        qpos, qvel, warm, forces = map(torch.from_dlpack, self._advance(fields, *given, substeps))
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
        rows = list(zip(*(values.tolist() for values in vars(properties).values()), strict=True))
        fields = {name: np.empty((len(rows), *self._fields[name].shape[1:]), np.float32) for name in VARYING}
        model, data = self._scratch
        for at, row in enumerate(rows):
            change(model, self._model, data, self.robot.carrier("torso"), row)
            for name, values in fields.items():
                values[at] = getattr(model, name)
        # Written in place: an array of JAX would be compiled anew for every other number of robots.
        for name, values in fields.items():
            self._fields[name][ids] = torch.from_numpy(values).to(self.device)

    def push(self, ids: Tensor, velocity: Tensor) -> None:
        self.root_state[ids, LINEAR] += velocity

    def close(self) -> None:
        self._fields = {}

    def _repeated(self, values: np.ndarray) -> Tensor:
        one = torch.tensor(values, dtype=torch.float32, device=self.device)
        return one.repeat(self.num_envs, *[1] * one.ndim)

    def _to_jax(self, values: Tensor) -> Any:
        return self._jax.dlpack.from_dlpack(values.contiguous())


def _import_jax() -> Any:
    # Else JAX takes three quarters of the GPU's memory at once, and torch is in the same process.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    try:
        importlib.import_module("mujoco.mjx")
        return importlib.import_module("jax")
    except ImportError as error:
        raise PhysicsError(
            f"the physics backend mjx needs jax and mujoco-mjx, which are not installed here: {error}. "
            "`uv sync --extra mjx` brings them; `--backend mujoco` works now."
        ) from None


def _device(jax: Any) -> str:
    if jax.default_backend() == "cpu":
        return "cpu"
    if not torch.cuda.is_available():
        raise PhysicsError(
            f"JAX simulates on {jax.default_backend()}, but torch {torch.__version__} finds no CUDA GPU. "
            "Install torch for CUDA, "
            "or set JAX_PLATFORMS=cpu."
        )
    return "cuda:0"


def _compiled(jax: Any, model: mujoco.MjModel) -> Any:
    """Return the function (fields, qpos, qvel, warm start, targets, steps) -> (qpos, qvel, warm start, forces),
    batched."""
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
