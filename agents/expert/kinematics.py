"""Inverse kinematics of one GR1 arm with the waist: damped least squares on a private copy of the scene."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np

WAIST = ("robot0_torso_waist_yaw", "robot0_torso_waist_pitch", "robot0_torso_waist_roll")
ARM = ("shoulder_pitch", "shoulder_roll", "shoulder_yaw", "elbow_pitch", "wrist_yaw", "wrist_roll", "wrist_pitch")
WAIST_RANGE = np.array([[-0.6, 0.6], [-0.2, 0.7], [-0.25, 0.25]])
"""Radians; narrower than the joints' own, because the head camera sits on the torso."""
LIMIT_MARGIN = 0.03
MOBILITY = np.array([0.08, 0.10, 0.08, 1, 1, 1, 1, 1, 1, 1])
"""How willingly each joint moves: a stiff waist keeps the picture calm, and turning it away loses most."""
UNREST = np.array([3.0, 1.0, 2.0])
"""What each radian of the waist costs when ways to do something are compared."""
ROTATION_WEIGHT = 0.25  # metres per radian: what a wrong orientation costs against a wrong position
DAMPING = 3e-5
TOLERANCE_M = 5e-4
TOLERANCE_RAD = 0.01
MAX_STEP = np.array([0.05, 0.3, 0.15])  # per iteration: metres of error, radians of error, radians of joint
REST_PULL = np.array([0.03, 0.001, 0.001, 0.02, 0.02, 0.02, 0.02, 0.02, 0.02, 0.02])
"""Share of the way back to rest, per iteration and joint, as far as the pose leaves room for it."""


@dataclass(frozen=True)
class Pose:
    """Where a point fixed to the palm is to be (3,), metres, and how the palm is turned (3, 3), both in the world.

    Rotation None: however the arm likes.
    """

    position: np.ndarray
    rotation: np.ndarray | None = None

    def moved(self, offset: Any) -> Pose:
        """The same orientation, ``offset`` metres further."""
        return Pose(self.position + np.asarray(offset, float), self.rotation)


@dataclass(frozen=True)
class Solution:
    """Joint angles (10,), waist first, and what is left of the errors."""

    q: np.ndarray
    position_error: float  # metres
    rotation_error: float  # radians
    unrest: float  # what the waist's way from its rest costs

    @property
    def cost(self) -> float:
        """Return how bad this posture is: what it misses and how far the waist leaves its rest."""
        return 20 * self.position_error + 2 * self.rotation_error + self.unrest


class Arm:
    """Ten joints, waist yaw, pitch, roll and seven of one arm, that carry one palm.

    ``data`` is a private MjData, which this class may overwrite; the simulation itself is never touched.
    """

    def __init__(self, model: mujoco.MjModel, data: mujoco.MjData, side: str):
        self.model, self.data, self.side = model, data, side
        names = [*WAIST, *(f"robot0_{side[0]}_{joint}" for joint in ARM)]
        self.joints = np.array([model.joint(name).id for name in names])
        self.qpos = model.jnt_qposadr[self.joints]
        self.palm = model.body(f"gripper0_{side}_{side[0]}_palm").id
        self.limits = model.jnt_range[self.joints].copy()
        self.limits[:3] = WAIST_RANGE
        self.limits[3:] += np.array([LIMIT_MARGIN, -LIMIT_MARGIN])
        self.rest = data.qpos[self.qpos].copy()
        self.rest[:3] = 0  # upright, looking straight ahead

    def forward(self, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the palm's position (3,) and rotation (3, 3) in the world at joint angles ``q`` (10,)."""
        self.data.qpos[self.qpos] = q
        mujoco.mj_kinematics(self.model, self.data)
        return self.data.xpos[self.palm].copy(), self.data.xmat[self.palm].reshape(3, 3).copy()

    def pose(self, q: np.ndarray, point: np.ndarray) -> Pose:
        """Return where ``point`` (palm frame) is at joint angles ``q``."""
        position, rotation = self.forward(q)
        return Pose(position + rotation @ point, rotation)

    def solve(self, target: Pose, start: np.ndarray, point: np.ndarray, iterations: int = 60) -> Solution:
        """Return joint angles that bring ``point`` (palm frame) to ``target``, searched from ``start``.

        The null space is pulled towards the arm's rest posture with an upright waist. Angles stay within ``limits``.
        """
        q = np.clip(start, self.limits[:, 0], self.limits[:, 1])
        for iteration in range(iterations + 1):
            x = self.pose(q, point)
            reach, turn = target.position - x.position, turn_between(x, target)
            errors = float(np.linalg.norm(reach)), float(np.linalg.norm(turn))
            if iteration == iterations or (errors[0] < TOLERANCE_M and errors[1] < TOLERANCE_RAD):
                break
            q = self._improve(q, x.position, (reach, turn), target.rotation is not None)
        return Solution(q, errors[0], errors[1], float(np.abs(q - self.rest)[:3] @ UNREST))

    def _improve(
        self, q: np.ndarray, at: np.ndarray, errors: tuple[np.ndarray, np.ndarray], turned: bool
    ) -> np.ndarray:
        """Return ``q`` one damped least-squares step nearer; ``at`` is where the point is now."""
        weight = ROTATION_WEIGHT if turned else 0.0
        axes, anchors = self.data.xaxis[self.joints], self.data.xanchor[self.joints]
        jacobian = np.vstack([np.cross(axes, at - anchors).T, weight * axes.T])
        wanted = np.r_[_shortened(errors[0], MAX_STEP[0]), weight * _shortened(errors[1], MAX_STEP[1])]
        mobility, kept = MOBILITY.copy(), q
        for _ in range(2):  # joints that would pass their limits are held, and the others do their part
            moved = q + np.clip(_step(jacobian * mobility, wanted, self.rest - q) * mobility, -MAX_STEP[2], MAX_STEP[2])
            kept = np.clip(moved, self.limits[:, 0], self.limits[:, 1])
            mobility[kept != moved] = 0
        return kept


def _step(jacobian: np.ndarray, wanted: np.ndarray, to_rest: np.ndarray) -> np.ndarray:
    """Return the damped least-squares step (10,), in units of mobility, with a pull to rest in the null space."""
    gram = jacobian @ jacobian.T + DAMPING * np.eye(6)
    rest = REST_PULL * to_rest / MOBILITY
    return rest + jacobian.T @ np.linalg.solve(gram, wanted - jacobian @ rest)


def turn_between(at: Pose, target: Pose) -> np.ndarray:
    """Return the rotation vector (3,), radians, that turns one pose into the other; zero where either is free."""
    if at.rotation is None or target.rotation is None:
        return np.zeros(3)
    return rotation_vector(target.rotation @ at.rotation.T)


def rotation_vector(rotation: np.ndarray) -> np.ndarray:
    """Return axis times angle (3,), radians, of a rotation matrix (3, 3)."""
    quaternion, vector = np.zeros(4), np.zeros(3)
    mujoco.mju_mat2Quat(quaternion, np.ascontiguousarray(rotation).ravel())
    mujoco.mju_quat2Vel(vector, quaternion, 1.0)
    return vector


def rotation_matrix(vector: np.ndarray) -> np.ndarray:
    """Return the rotation (3, 3) of an axis times angle (3,), radians."""
    angle = float(np.linalg.norm(vector))
    quaternion, matrix = np.zeros(4), np.zeros(9)
    mujoco.mju_axisAngle2Quat(quaternion, vector / angle if angle > 1e-12 else np.array([1.0, 0, 0]), angle)
    mujoco.mju_quat2Mat(matrix, quaternion)
    return matrix.reshape(3, 3)


def _shortened(vector: np.ndarray, longest: float) -> np.ndarray:
    length = float(np.linalg.norm(vector))
    return vector if length <= longest else vector * (longest / length)
