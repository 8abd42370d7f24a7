"""The one form that a motion has here, and what makes an array a motion."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crossbody.errors import CrossbodyError
from tasks.motion.keypoints import INDEX, NAMES

if TYPE_CHECKING:
    import numpy as np

LONGEST_THIGH_M = 1.0
LARGEST_ANGLE_RAD = 2 * math.pi


class MotionError(CrossbodyError):
    """A motion that cannot be used: the message names the file, and where it can the frame and the joint."""


@dataclass(frozen=True, eq=False)
class Motion:
    """A motion of T >= 2 frames in a world whose z points up, in metres and radians. Anything else raises MotionError.

    The root pose and the joint angles belong to the body that moves; where a format has positions only, the root is the
    pelvis (``tasks.motion.root``) and there are no angles.
    """

    name: str  # the file or clip, as messages call it
    keypoints: np.ndarray  # (T, 15, 3), in the order of tasks.motion.keypoints
    root_position: np.ndarray  # (T, 3)
    root_quat_wxyz: np.ndarray  # (T, 4), unit; the body's x forward, y left, z up
    fps: float
    texts: tuple[str, ...] = ()
    source: str = ""  # where it comes from
    licence: str = ""
    joint_angles: np.ndarray | None = None  # (T, J)
    joint_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_fps(self.name, self.fps)
        check_positions(self.name, self.keypoints, NAMES)
        _check_scale(self.name, self.keypoints)
        frames = len(self.keypoints)
        _check_rows(self.name, "root position", self.root_position, (frames, 3))
        _check_rows(self.name, "root quaternion", self.root_quat_wxyz, (frames, 4))
        _check_unit(self.name, self.root_quat_wxyz)
        if self.joint_angles is not None:
            _check_rows(self.name, "joint angle", self.joint_angles, (frames, len(self.joint_names)), self.joint_names)
            check_radians(self.name, self.joint_angles, self.joint_names)


def check_fps(name: str, fps: float) -> None:
    """Raise MotionError unless a frame rate is a positive number."""
    if not (math.isfinite(fps) and fps > 0):
        raise MotionError(f"{name}: the frame rate is {fps:g}; expected frames per second above 0")


def numbers(name: str, what: str, values: np.ndarray) -> np.ndarray:
    """Return values as floats; MotionError unless they are real numbers."""
    if values.dtype.kind not in "iufb":
        raise MotionError(f"{name}: {what} is of the type {values.dtype}; expected numbers")
    return values.astype(float)


def check_positions(name: str, positions: np.ndarray, joints: tuple[str, ...]) -> None:
    """Raise MotionError unless positions are (T >= 2, joints, 3) and finite;
    it names the first wrong frame and joint."""
    import numpy as np

    if positions.ndim != 3 or positions.shape[1:] != (len(joints), 3):
        raise MotionError(f"{name}: positions are {positions.shape}; expected (frames, {len(joints)}, 3)")
    if len(positions) < 2:
        raise MotionError(f"{name}: it has {_count(len(positions))}; a motion needs two")
    wrong = np.argwhere(~np.isfinite(positions))
    if len(wrong):
        frame, joint, axis = wrong[0]
        value = positions[frame, joint, axis]
        raise MotionError(f"{name}: frame {frame}, {joints[joint]}: {'xyz'[axis]} is {value}; expected metres")


def check_radians(name: str, angles: np.ndarray, joints: tuple[str, ...]) -> None:
    """Raise MotionError for an angle beyond a full turn, which is what degrees look like."""
    import numpy as np

    frame, joint = np.unravel_index(np.argmax(np.abs(angles)), angles.shape)
    largest = angles[frame, joint]
    if abs(largest) > LARGEST_ANGLE_RAD:
        raise MotionError(
            f"{name}: frame {frame}, {joints[joint]}: the angle is {largest:.4g} rad, more than a full turn. "
            "Degrees? Expected radians."
        )


def _check_scale(name: str, keypoints: np.ndarray) -> None:
    import numpy as np

    # Only what is too large: a prediction may well collapse to a point, and then it must be scored, not refused.
    thighs = keypoints[:, INDEX["left_knee"]] - keypoints[:, INDEX["left_hip"]]
    length = float(np.median(np.linalg.norm(thighs, axis=-1)))
    if length > LONGEST_THIGH_M:
        raise MotionError(
            f"{name}: the left thigh (left_hip to left_knee) is {length:.4g} m long in the median frame. "
            f"Centimetres or millimetres? Say `--metres-per-unit {'0.01' if length < 100 else '0.001'}`."
        )


def _check_rows(
    name: str, what: str, values: np.ndarray, shape: tuple[int, ...], columns: tuple[str, ...] = ()
) -> None:
    import numpy as np

    if values.shape != shape:
        raise MotionError(f"{name}: the {what} has the shape {values.shape}; expected {shape}")
    wrong = np.argwhere(~np.isfinite(values))
    if len(wrong):
        frame, column = wrong[0]
        which = columns[column] if columns else column
        raise MotionError(f"{name}: frame {frame}, {what} {which} is {values[frame, column]}; expected a number")


def _check_unit(name: str, quats: np.ndarray) -> None:
    import numpy as np

    lengths = np.linalg.norm(quats, axis=1)
    frame = int(np.argmax(np.abs(lengths - 1)))
    if abs(lengths[frame] - 1) > 1e-3:
        raise MotionError(f"{name}: frame {frame}, the root quaternion has the length {lengths[frame]:.4g}; expected 1")


def _count(frames: int) -> str:
    return f"{frames or 'no'} frame{'s' * (frames != 1)}"
