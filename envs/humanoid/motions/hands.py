"""Arm joints from where a hand should be, by damped Newton steps on one pose."""

from __future__ import annotations

import mujoco
import numpy as np

from envs.humanoid.motions.plan import signed
from envs.humanoid.robot import Robot

JOINTS = ("shoulder_pitch", "shoulder_roll", "shoulder_yaw", "elbow")
START = {"shoulder_pitch": -0.6, "shoulder_roll": 0.25, "shoulder_yaw": 0.0, "elbow": 0.7}
STEPS = 40
LONGEST_STEP_RAD = 0.35
REST_WEIGHT = 0.02
"""How much an arm that can choose (four joints for three numbers) likes its starting pose."""


class Arm:
    """One arm of a robot, its trunk upright at the world's origin."""

    def __init__(self, robot: Robot, model: mujoco.MjModel, data: mujoco.MjData, side: str):
        self._model, self._data, self._side = model, data, side
        self._joints = [model.joint(f"{side}_{joint}_joint").id for joint in JOINTS]
        self._dofs = model.jnt_dofadr[self._joints]
        self._columns = model.jnt_qposadr[self._joints]
        self._shoulder = model.body(robot.carrier(f"{side}_shoulder")).id
        self._hand = model.body(robot.carrier(f"{side}_wrist")).id
        self._limits = model.jnt_range[self._joints]
        self._place({joint: 1.5 if joint == "elbow" else 0.0 for joint in JOINTS})
        self.length = float(np.linalg.norm(self._from_shoulder()))

    def to(self, goal: np.ndarray) -> dict[str, float]:
        """Return the pose, given as for a left arm, that brings the wrist to (forward, outward, up)
        m from the shoulder, or near it."""
        target = goal * [1, 1 if self._side == "left" else -1, 1]
        start = np.array([signed(self._side, joint, START[joint]) for joint in JOINTS])
        angles = start.copy()
        jacobian = np.zeros((3, self._model.nv))
        for _ in range(STEPS):
            self._set(angles)
            mujoco.mj_jacBody(self._model, self._data, jacobian, None, self._hand)
            part = jacobian[:, self._dofs]
            miss = target - self._from_shoulder()
            square = part.T @ part + REST_WEIGHT**2 * np.eye(4)
            move = np.linalg.solve(square, part.T @ miss + REST_WEIGHT**2 * (start - angles))
            angles = np.clip(angles + np.clip(move, -LONGEST_STEP_RAD, LONGEST_STEP_RAD), *self._limits.T)
        return {joint: signed(self._side, joint, float(angle)) for joint, angle in zip(JOINTS, angles, strict=True)}

    def _from_shoulder(self) -> np.ndarray:
        return self._data.xpos[self._hand] - self._data.xpos[self._shoulder]

    def _place(self, pose: dict[str, float]) -> None:
        self._set(np.array([signed(self._side, joint, pose[joint]) for joint in JOINTS]))

    def _set(self, angles: np.ndarray) -> None:
        self._data.qpos[:] = 0
        self._data.qpos[3] = 1
        self._data.qpos[self._columns] = angles
        mujoco.mj_kinematics(self._model, self._data)
        mujoco.mj_comPos(self._model, self._data)
