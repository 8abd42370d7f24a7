"""One control step of the GR1 with robosuite's torque law and no Python between the physics substeps.

robosuite computes the torques of the waist and the arms in Python at each of the 25 substeps. Here the same law

    ctrl = clip(M (kp (q_target - q) - kd qd) + bias)

(M the part's block of the joint-space inertia, bias the Coriolis and gravity forces) runs inside one compiled loop
around MuJoCo's own ``mj_step1`` and ``mj_step2``. Hands are position servos: their targets are written once.
"""

from __future__ import annotations

import contextlib
import ctypes
import pathlib
from typing import Any

import mujoco
import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

HAND_COPY = np.array([0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5])
"""Which of the six hand values drives each of the hand's eleven actuators (each finger value drives both its
joints)."""


class Stepper:
    """Steps one robosuite task. ``joints`` are the torque-driven parts' targets, in the order of robosuite's action."""

    def __init__(self, task: Any):
        robot = task.robots[0]
        controllers = robot.composite_controller
        self.model, self.data = task.sim.model._model, task.sim.data._data
        self._robot, self._fresh = robot, True
        self.substeps = int(task.control_timestep / task.model_timestep)
        self.split = dict(controllers._action_split_indexes)
        actuators = {k: np.asarray(v) for k, v in robot._ref_actuators_indexes_dict.items()}
        self.hands = [(*self.split[n], actuators[n]) for n in controllers.part_controllers if n in controllers.grippers]
        parts = [(n, c) for n, c in controllers.part_controllers.items() if n not in controllers.grippers]
        self._parts = [c for _, c in parts]
        self._hand_parts = [(controllers.part_controllers[n], actuators[n]) for n in controllers.grippers]
        _check_law(parts)
        self.target_index = np.concatenate([np.arange(*self.split[n]) for n, _ in parts])
        self.part_start = np.cumsum([0, *(len(c.qpos_index) for _, c in parts)]).astype(np.int64)
        self.qpos_index = np.concatenate([c.qpos_index for _, c in parts]).astype(np.int64)
        self.dof_index = np.concatenate([c.qvel_index for _, c in parts]).astype(np.int64)
        self.actuator = np.concatenate([actuators[n] for n, _ in parts]).astype(np.int64)
        self.kp = np.concatenate([c.kp for _, c in parts]).astype(float)
        self.kd = np.concatenate([c.kd for _, c in parts]).astype(float)
        self.gear = self.model.actuator_gear[self.actuator, 0].copy()
        self.low, self.high = (np.ascontiguousarray(x) for x in self.model.actuator_ctrlrange.T)

    def step(self, action: np.ndarray) -> None:
        """Advance by one control step under absolute joint targets (29,) in robosuite's order, radians."""
        substeps = self.substeps
        if self._fresh:
            self._stock_substep(action, policy_step=True)
            substeps -= 1
        for start, end, actuator in self.hands:
            self._write_hand(actuator, action[start:end][HAND_COPY])
        self._advance(substeps, action[self.target_index].astype(float))

    def settle(self, action: np.ndarray, substeps: int) -> None:
        """Advance under the goals that robosuite's controllers have, as it does with a new scene;
        ``action`` is not used by them."""
        self._stock_substep(action, policy_step=False)
        for part, actuator in self._hand_parts:
            self._write_hand(actuator, part.goal_qvel)
        self._advance(substeps - 1, np.concatenate([np.asarray(c.goal_qpos, dtype=float) for c in self._parts]))

    def _stock_substep(self, action: np.ndarray, policy_step: bool) -> None:
        """Take one substep the package's way: after a reset its controllers still act on what they measured before
        it."""
        mujoco.mj_step1(self.model, self.data)
        self._robot.control(action, policy_step=policy_step)
        mujoco.mj_step2(self.model, self.data)
        self._fresh = False

    def _write_hand(self, actuator: np.ndarray, value: np.ndarray) -> None:
        gear = self.model.actuator_gear[actuator, 0]
        self.data.ctrl[actuator] = np.clip(value / gear, self.low[actuator], self.high[actuator])

    def _advance(self, substeps: int, target: np.ndarray) -> None:
        data, model = self.data, self.model
        _advance(
            substeps,
            (_STEP1, _STEP2, _GEMV, model._address, data._address),
            (data.qpos, data.qvel, data.qM, data.qfrc_bias, data.ctrl),
            (model.dof_Madr, model.dof_parentid),
            (self.part_start, self.qpos_index, self.dof_index, self.actuator),
            (target, self.kp, self.kd, self.gear, self.low, self.high),
        )


def _check_law(parts: list) -> None:
    """Raise if a part is not driven by the law above: another robosuite release may change it."""
    for name, c in parts:
        fits = (
            c.name == "JOINT_POSITION"
            and c.input_type == "absolute"
            and c.interpolator is None
            and c.use_torque_compensation
        )
        if not fits:
            raise RuntimeError(
                f"robosuite drives '{name}' by {c.name} ({c.input_type}), not by compensated absolute joint positions"
            )


def _address(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0


def _mujoco_steps() -> tuple[int, int]:
    """Return the addresses of MuJoCo's mj_step1 and mj_step2."""
    folder = pathlib.Path(mujoco.__file__).parent
    library = ctypes.CDLL(str(next(iter(sorted(folder.glob("libmujoco*"))))))
    return _address(library.mj_step1), _address(library.mj_step2)


def _numpy_gemv() -> int:
    """Return the address of the matrix-vector product that ``np.dot`` uses, or 0 where numpy has another BLAS.

    Sums in another order differ in the last bit, and contacts amplify that; the same routine makes the same trajectory.
    """
    folder = pathlib.Path(np.__file__).parent.parent / "numpy.libs"
    for file in folder.glob("libscipy_openblas64_*"):
        with contextlib.suppress(OSError, AttributeError):
            return _address(ctypes.CDLL(str(file)).scipy_cblas_dgemv64_)
    return 0


_STEP1, _STEP2 = _mujoco_steps()
_GEMV = _numpy_gemv()
_COLUMN_MAJOR, _NOT_TRANSPOSED = 102, 111


@intrinsic
def _call(typingctx, function, model, data):
    """Call ``void function(void* model, void* data)`` by address: addresses as arguments keep the loop cacheable."""

    def codegen(context, builder, signature, args):
        pointer = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [pointer, pointer])
        target = builder.inttoptr(args[0], kind.as_pointer())
        builder.call(target, [builder.inttoptr(a, pointer) for a in args[1:]])
        return context.get_dummy_value()

    return types.none(types.int64, types.int64, types.int64), codegen


@intrinsic
def _call_gemv(typingctx, function, n, matrix, vector, result):
    """Call CBLAS dgemv: result = matrix @ vector, (n, n) column-major and (n,); the arrays by address."""

    def codegen(context, builder, signature, args):
        whole, enum, real, pointer = ir.IntType(64), ir.IntType(32), ir.DoubleType(), ir.IntType(8).as_pointer()
        shape = [enum, enum, whole, whole, real, pointer, whole, pointer, whole, real, pointer, whole]
        kind = ir.FunctionType(ir.VoidType(), shape)
        target = builder.inttoptr(args[0], kind.as_pointer())
        n, (m, v, r) = args[1], (builder.inttoptr(a, pointer) for a in args[2:])
        one = whole(1)
        builder.call(
            target,
            [enum(_COLUMN_MAJOR), enum(_NOT_TRANSPOSED), n, n, real(1.0), m, n, v, one, real(0.0), r, one],
        )
        return context.get_dummy_value()

    return types.none(*[types.int64] * 5), codegen


@numba.njit(cache=True)
def _advance(substeps, addresses, state, tree, index, law):
    step1, step2, gemv, model, data = addresses
    qpos, qvel, packed, bias, ctrl = state
    part_start, qpos_index, dof_index, actuator = index
    target, kp, kd, gear, low, high = law
    for _ in range(substeps):
        _call(step1, model, data)  # pyright: ignore[reportCallIssue]  an intrinsic has no typing context to pass
        for p in range(len(part_start) - 1):
            first, n = part_start[p], part_start[p + 1] - part_start[p]
            dofs = dof_index[first : first + n]
            inertia = _block(packed, tree, dofs, len(qvel))
            wanted = np.empty(n)
            for i in range(n):
                k = first + i
                wanted[i] = (target[k] - qpos[qpos_index[k]]) * kp[k] - qvel[dofs[i]] * kd[k]
            torque = np.zeros(n)
            if gemv != 0:
                _call_gemv(gemv, n, inertia.ctypes.data, wanted.ctypes.data, torque.ctypes.data)  # pyright: ignore[reportCallIssue]
            else:
                for i in range(n):
                    for j in range(n):
                        torque[i] += inertia[j, i] * wanted[j]
            for i in range(n):
                a = actuator[first + i]
                value = (torque[i] + bias[dofs[i]]) / gear[first + i]
                ctrl[a] = min(max(value, low[a]), high[a])
        _call(step2, model, data)  # pyright: ignore[reportCallIssue]  an intrinsic has no typing context to pass


@numba.njit(cache=True)
def _block(packed, tree, dofs, nv):
    """Return the dense (n, n) block of the packed joint-space inertia that belongs to some dofs; it is symmetric."""
    row_start, parent = tree
    n = len(dofs)
    slot = np.full(nv, -1)
    for i in range(n):
        slot[dofs[i]] = i
    block = np.zeros((n, n))
    for i in range(n):
        address, j = row_start[dofs[i]], dofs[i]
        while j >= 0:  # a row holds the dof and its ancestors, nearest first
            if slot[j] >= 0:
                block[i, slot[j]] = block[slot[j], i] = packed[address]
            address += 1
            j = parent[j]
    return block
