"""MuJoCo on the CPU: one model and one state per environment, stepped by threads that hold no lock.

An environment's trajectory depends on its own state only, so the number of threads changes nothing but the speed.
"""

from __future__ import annotations

import copy
import os
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from queue import SimpleQueue

import mujoco
import numpy as np
import torch
from torch import Tensor

from envs.humanoid import rotations
from envs.humanoid.physics import (
    ANGULAR,
    DT,
    LINEAR,
    POSITION,
    QUAT,
    Properties,
    check_states,
    check_targets,
)
from envs.humanoid.robot import Robot, mjcf


class _Bench:
    """One thread's working state, and views of its arrays that cost nothing to look up.

    A few that stay in the processor's cache are faster than one per environment.
    """

    def __init__(self, model: mujoco.MjModel):
        self.data = data = mujoco.MjData(model)
        self.qpos, self.qvel, self.warm, self.ctrl = data.qpos, data.qvel, data.qacc_warmstart, data.ctrl
        self.xpos, self.xquat, self.cvel, self.force = data.xpos, data.xquat, data.cvel, data.cfrc_ext
        self.com = data.subtree_com[1]

    def load(self, qpos: np.ndarray, qvel: np.ndarray) -> None:
        self.qpos[:], self.qvel[:] = qpos, qvel


class Mujoco:
    """The default backend: ``envs.humanoid.physics`` says what each member means."""

    name = "mujoco"
    device = "cpu"
    fixed: frozenset[str] = frozenset()

    def __init__(self, robot: Robot, num_envs: int, *, dt: float = DT, threads: int | None = None):
        self.robot, self.num_envs, self.dt = robot, num_envs, dt
        self.dof_names, self.body_names = robot.joint_names, robot.body_names
        self.model = compile_model(robot, dt)
        self._scratch, self._torso = mujoco.MjData(self.model), robot.carrier("torso")
        self._models = [self.model] * num_envs  # copied for an environment when it gets properties of its own
        # Torch's threads beside the simulator's make both several times slower.
        torch.set_num_threads(1)
        mujoco.set_mju_user_warning(_warn)
        self._count = min(threads or cores(), num_envs)
        self._threads = ThreadPoolExecutor(self._count)
        self._shares = [share.tolist() for share in np.array_split(np.arange(num_envs), min(4 * self._count, num_envs))]
        self._benches: SimpleQueue[_Bench] = SimpleQueue()
        for _ in range(self._count):
            self._benches.put(_Bench(self.model))
        self._make_buffers(num_envs, len(self.dof_names), len(self.body_names))
        self._qpos[:, 2], self._qpos[:, 3] = robot.default_height, 1
        self._qpos[:, 7:] = self._ctrl[:] = robot.default_angles
        self._collect(np.arange(num_envs))

    def set_targets(self, targets: Tensor) -> None:
        check_targets(self, targets)
        self._ctrl[:] = targets.numpy()

    def step(self, substeps: int) -> None:
        list(self._threads.map(lambda share: self._advance(share, substeps), self._shares))
        self._refresh()

    def reset_idx(self, ids: Tensor, root_state: Tensor, dof_state: Tensor) -> None:
        check_states(self, ids, root_state, dof_state)
        chosen = ids.numpy()
        root, joints = root_state.double(), dof_state.double().numpy()
        self._qpos[chosen, :7], self._qpos[chosen, 7:] = root[:, :7].numpy(), joints[..., 0]
        self._qvel[chosen, :3], self._qvel[chosen, 6:] = root[:, LINEAR].numpy(), joints[..., 1]
        self._qvel[chosen, 3:6] = rotations.unrotate(root[:, QUAT], root[:, ANGULAR]).numpy()
        self._warm[chosen], self._ctrl[chosen] = 0, joints[..., 0]
        self._collect(chosen)

    def set_properties(self, ids: Tensor, properties: Properties) -> None:
        rows = zip(ids.tolist(), *(v.tolist() for v in vars(properties).values()), strict=True)
        nominal = tuple(float(value) for value in vars(Properties.nominal(1)).values())
        for env, *values in rows:
            if tuple(values) == nominal:
                self._models[env] = self.model
                continue
            if self._models[env] is self.model:
                self._models[env] = copy.copy(self.model)
            change(self._models[env], self.model, self._scratch, self._torso, values)

    def push(self, ids: Tensor, velocity: Tensor) -> None:
        self._qvel[ids.numpy(), :3] += velocity.double().numpy()

    def close(self) -> None:
        self._threads.shutdown()

    def _make_buffers(self, envs: int, joints: int, bodies: int) -> None:
        self.root_state = torch.zeros(envs, 13)
        self.dof_state = torch.zeros(envs, joints, 2)
        self.body_state = torch.zeros(envs, bodies, 13)
        self.contact_forces = torch.zeros(envs, bodies, 3)
        # What the next step starts from.
        self._qpos, self._qvel = np.zeros((envs, self.model.nq)), np.zeros((envs, self.model.nv))
        self._warm, self._ctrl = np.zeros((envs, self.model.nv)), np.zeros((envs, joints))
        # What follows from it.
        self._xpos, self._xquat = np.zeros((envs, bodies + 1, 3)), np.zeros((envs, bodies + 1, 4))
        self._cvel, self._force = np.zeros((envs, bodies + 1, 6)), np.zeros((envs, bodies + 1, 6))
        self._com = np.zeros((envs, 3))

    def _advance(self, share: list[int], substeps: int) -> None:
        with self._bench() as bench:
            for env in share:
                model, data = self._models[env], bench.data
                bench.load(self._qpos[env], self._qvel[env])
                bench.warm[:], bench.ctrl[:] = self._warm[env], self._ctrl[env]
                mujoco.mj_step(model, data, nstep=substeps)
                self._qpos[env], self._qvel[env], self._warm[env] = bench.qpos, bench.qvel, bench.warm
                # From what the last step left, before the poses below are brought up to its end.
                mujoco.mj_rnePostConstraint(model, data)
                self._force[env] = bench.force
                self._derive(env, bench)

    def _collect(self, envs: np.ndarray) -> None:
        """Bring the poses of environments up to a state that was written from outside."""
        with self._bench() as bench:
            for env in envs.tolist():
                bench.load(self._qpos[env], self._qvel[env])
                self._force[env] = 0
                self._derive(env, bench)
        self._refresh(envs)

    @contextmanager
    def _bench(self) -> Iterator[_Bench]:
        bench = self._benches.get()
        try:
            yield bench
        finally:
            self._benches.put(bench)

    def _derive(self, env: int, bench: _Bench) -> None:
        model, data = self._models[env], bench.data
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        mujoco.mj_comVel(model, data)
        self._xpos[env], self._xquat[env], self._cvel[env] = bench.xpos, bench.xquat, bench.cvel
        self._com[env] = bench.com

    def _refresh(self, rows: np.ndarray | slice = slice(None)) -> None:
        """Fill the tensors from what the threads collected."""
        position, quat = self._xpos[rows, 1:], self._xquat[rows, 1:]
        turning, moving = self._cvel[rows, 1:, :3], self._cvel[rows, 1:, 3:]
        bodies = self.body_state.numpy()
        bodies[rows, :, POSITION], bodies[rows, :, QUAT], bodies[rows, :, ANGULAR] = position, quat, turning
        # cvel is the velocity of the point of the body that is at the robot's centre of mass.
        bodies[rows, :, LINEAR] = moving + np.cross(turning, position - self._com[rows, None])
        self.root_state.numpy()[rows] = bodies[rows, 0]
        joints = self.dof_state.numpy()
        joints[rows, :, 0], joints[rows, :, 1] = self._qpos[rows, 7:], self._qvel[rows, 6:]
        self.contact_forces.numpy()[rows] = self._force[rows, 1:, 3:]


def compile_model(robot: Robot, dt: float) -> mujoco.MjModel:
    """Return the robot's model for physics: a state that diverged stays not finite instead of becoming the model's
    first."""
    model = mujoco.MjModel.from_xml_string(mjcf(robot))
    model.opt.timestep = dt
    model.opt.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_AUTORESET)
    return model


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _warn(message: str) -> None:
    """Report as Python does: MuJoCo itself would write MUJOCO_LOG.TXT into the working folder."""
    warnings.warn(message, RuntimeWarning, stacklevel=2)


def change(
    model: mujoco.MjModel,
    nominal: mujoco.MjModel,
    scratch: mujoco.MjData,
    torso: str,
    values: Sequence[float],
) -> None:
    """Give a copy of the nominal model a friction, a payload on its torso, and a motor strength;
    the scratch data is overwritten."""
    friction, payload_kg, strength = values
    model.geom_friction[(nominal.geom_condim == 3) & (nominal.geom_bodyid > 0), 0] = friction
    model.body(torso).mass = nominal.body(torso).mass + payload_kg
    mujoco.mj_setConst(model, scratch)
    for field in ("actuator_gainprm", "actuator_biasprm", "actuator_forcerange"):
        getattr(model, field)[:] = strength * getattr(nominal, field)
