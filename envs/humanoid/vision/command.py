"""What a high-level agent may command: one set of key points for each control step,
which a body could reach from the last one."""

from __future__ import annotations

import numpy as np

from crossbody.errors import InvalidAction
from envs.humanoid.reference import FPS
from tasks.motion.keypoints import INDEX, KEYPOINTS, NAMES

HIGHEST_M = 3.0
LOWEST_M = -0.5
FASTEST_M_S = 15.0
FASTEST_PELVIS_M_S = 4.0
FASTEST_TURN_RAD_S = 10.0
STRETCH_M = 0.05
"""By how much a limb may differ from its length in the first command: predicted points are not exact."""
LONGEST_THIGH_M = 1.0
START_WITHIN_M, START_WITHIN_RAD = 0.15, 0.6
LIMBS = tuple(
    (f"{side}_{base}", f"{side}_{tip}")
    for side in ("left", "right")
    for base, tip in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))
)
BASES, TIPS = ([INDEX[limb[end]] for limb in LIMBS] for end in (0, 1))


def check(points: np.ndarray, last: np.ndarray, first: np.ndarray, step: int) -> None:
    """Raise InvalidAction unless key points (15, 3) are metres over the floor, follow the ``last`` ones at speeds that
    bodies have, and have the limbs of the ``first`` ones; it names the first key point or limb that is wrong."""
    expected = (len(KEYPOINTS), 3)
    if points.shape != expected:
        raise InvalidAction(f"command of control step {step}: key points are {points.shape}; expected {expected}")
    fault = _of_places(points) or _of_limbs(points, first) or _of_speeds(points, last)
    if fault:
        raise InvalidAction(f"command of control step {step}: {fault}")


def check_start(root: np.ndarray, stands: np.ndarray, step: int) -> None:
    """Raise InvalidAction unless the first command, retargeted to a root pose (7,),
    begins where the robot ``stands`` (7,)."""
    away = float(np.linalg.norm(root[:2] - stands[:2]))
    turned = 2 * float(np.arccos(min(abs(root[3:] @ stands[3:]), 1.0)))
    if away > START_WITHIN_M or turned > START_WITHIN_RAD:
        raise InvalidAction(
            f"command of control step {step}: the first command has the pelvis {away:.2g} m and {turned:.2g} "
            "rad from the robot's; "
            f"expected {START_WITHIN_M:g} m and {START_WITHIN_RAD:g} rad at most. Places are in the frame of "
            "the robot's start"
        )


def _of_places(points: np.ndarray) -> str:
    wrong = np.argwhere(~np.isfinite(points))
    if len(wrong):
        point, axis = wrong[0]
        return f"{NAMES[point]}: {'xyz'[axis]} is {points[point, axis]}; expected metres"
    height = points[:, 2]
    beyond = np.maximum(height - HIGHEST_M, LOWEST_M - height)
    point = int(np.argmax(beyond))
    if beyond[point] > 0:
        return f"{NAMES[point]} is {height[point]:.4g} m high; expected metres between {LOWEST_M:g} and {HIGHEST_M:g}"
    return ""


def _of_limbs(points: np.ndarray, first: np.ndarray) -> str:
    now, before = _lengths(points), _lengths(first)
    thigh = max(now[0], now[len(LIMBS) // 2])
    if thigh > LONGEST_THIGH_M:
        return f"a thigh is {thigh:.3g} m long; expected metres, at most {LONGEST_THIGH_M:g}"
    limb = int(np.argmax(np.abs(now - before)))
    if abs(now[limb] - before[limb]) > STRETCH_M:
        base, tip = LIMBS[limb]
        return (
            f"{base} to {tip} is {now[limb]:.3g} m long and was {before[limb]:.3g} in the first command; "
            f"expected a body whose limbs keep their lengths within {STRETCH_M:g} m"
        )
    return ""


def _of_speeds(points: np.ndarray, last: np.ndarray) -> str:
    speeds = np.linalg.norm(points - last, axis=-1) * FPS
    if speeds[0] > FASTEST_PELVIS_M_S:
        return f"the pelvis moves {speeds[0]:.3g} m/s from the last command; expected at most {FASTEST_PELVIS_M_S:g}"
    turning = _angle(_hips(points), _hips(last)) * FPS
    if turning > FASTEST_TURN_RAD_S:
        return f"the hips turn {turning:.3g} rad/s from the last command; expected at most {FASTEST_TURN_RAD_S:g}"
    point = int(np.argmax(speeds))
    if speeds[point] > FASTEST_M_S:
        return f"{NAMES[point]} moves {speeds[point]:.3g} m/s from the last command; expected at most {FASTEST_M_S:g}"
    return ""


def _lengths(points: np.ndarray) -> np.ndarray:
    return np.linalg.norm(points[TIPS] - points[BASES], axis=-1)


def _hips(points: np.ndarray) -> np.ndarray:
    return points[INDEX["left_hip"]] - points[INDEX["right_hip"]]


def _angle(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.arctan2(np.linalg.norm(np.cross(a, b)), a @ b))
