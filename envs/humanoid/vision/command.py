"""What a high-level agent may command: one reference frame for each control step, which a body could follow from the last one."""

from __future__ import annotations

import numpy as np

from crossbody.errors import InvalidAction
from envs.humanoid.reference import FPS, FURTHEST_BEYOND_LIMIT
from envs.humanoid.robot import Robot

HIGHEST_M = 2.0
FASTEST_M_S = 4.0
FASTEST_TURN_RAD_S = 10.0
UNIT_WITHIN = 1e-2


def check(root: np.ndarray, joints: np.ndarray, last: tuple[np.ndarray, np.ndarray], robot: Robot, step: int) -> None:
    """Raise InvalidAction unless a frame (7,), (D,) is in its units and follows the ``last`` one at speeds that bodies have."""
    fault = _of_root(root, last[0]) or _of_joints(joints, last[1], robot)
    if fault:
        raise InvalidAction(f"command of control step {step}: {fault}")


def _of_root(root: np.ndarray, last: np.ndarray) -> str:
    length = float(np.linalg.norm(root[3:]))
    if abs(length - 1) > UNIT_WITHIN:
        return f"the root's quaternion (wxyz) has the length {length:.4g}; expected 1"
    if not 0 < root[2] < HIGHEST_M:
        return f"the root is {root[2]:.4g} m high; expected metres between 0 and {HIGHEST_M:g}"
    speed = float(np.linalg.norm(root[:3] - last[:3])) * FPS
    if speed > FASTEST_M_S:
        return f"the root moves {speed:.3g} m/s from the last frame; expected at most {FASTEST_M_S:g}"
    cosine = min(abs(float(root[3:] @ last[3:]) / length), 1.0)
    turning = 2 * float(np.arccos(cosine)) * FPS
    if turning > FASTEST_TURN_RAD_S:
        return f"the root turns {turning:.3g} rad/s from the last frame; expected at most {FASTEST_TURN_RAD_S:g}"
    return ""


def _of_joints(joints: np.ndarray, last: np.ndarray, robot: Robot) -> str:
    beyond = np.maximum(robot.limits[:, 0] - joints, joints - robot.limits[:, 1])
    joint = int(np.argmax(beyond))
    if beyond[joint] > FURTHEST_BEYOND_LIMIT:
        low, high = robot.limits[joint]
        return (
            f"{robot.joint_names[joint]} is {joints[joint]:.4g} rad; {robot.name} reaches from {low:.4g} to {high:.4g}"
        )
    speed = np.abs(joints - last) * FPS / robot.speed
    joint = int(np.argmax(speed))
    if speed[joint] > 1:
        given, most = speed[joint] * robot.speed[joint], robot.speed[joint]
        return f"{robot.joint_names[joint]} moves {given:.3g} rad/s from the last frame; its motor reaches {most:.3g}"
    return ""
