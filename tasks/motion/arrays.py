"""Motions as plain arrays: HumanML3D joints in npy, joint positions or SMPL's parameters in npz, as AMASS has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.motion import humanml3d, smpl
from tasks.motion.foreign import Hints, check_place, frame_rate, keypoints_of
from tasks.motion.motion import Motion, MotionError
from tasks.motion.root import root_pose

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

POSITIONS = ("joints", "smpl_joints", "joints3d", "positions", "keypoints")
RATES = ("fps", "mocap_framerate", "mocap_frame_rate", "framerate")


def from_npy(name: str, array: np.ndarray, hints: Hints) -> Motion:
    """Return the motion of an array: SMPL joints (frames, joints, 3) with y up, key points (frames, 15, 3) with z up.

    Or of HumanML3D's features (frames, 263), which are 20 frames a second by their definition.
    """
    if array.ndim == 2 and array.shape[1] == humanml3d.WIDTH and len(array):
        found = keypoints_of(name, humanml3d.joints(name, array), "y", hints)
        return from_positions(name, found, frame_rate(name, humanml3d.FPS, hints))
    up = "z" if array.ndim == 3 and array.shape[1] == 15 else "y"
    rate = frame_rate(name, None, hints, "; HumanML3D has 20")
    return from_positions(name, keypoints_of(name, array, up, hints), rate)


def from_npz(name: str, arrays: Mapping[str, np.ndarray], hints: Hints) -> Motion:
    """Return the motion of an npz that holds joint positions, z up, under one of the usual names,
    or SMPL's parameters."""
    key = next((k for k in POSITIONS if k in arrays), None)
    if key is None and not smpl.has_parameters(arrays):
        listed = ", ".join(list(arrays)[:8])
        raise MotionError(
            f"{name}: it has {listed or 'no array'}; expected positions as one of {', '.join(POSITIONS)}, "
            "or SMPL's parameters as 'poses' and 'trans'"
        )
    rate = frame_rate(name, _stated(arrays), hints)
    if key is not None:
        return from_positions(name, keypoints_of(name, arrays[key], "z", hints), rate)
    body = smpl.joints(name, arrays, hints.metres_per_unit or 1.0)
    found = keypoints_of(name, body, "z", hints._replace(metres_per_unit=None))
    check_place(name, found, rate, hints)
    return from_positions(name, found, rate)


def from_positions(name: str, keypoints: np.ndarray, fps: float) -> Motion:
    """Return a motion of which only the key points (T, 15, 3) are known."""
    return Motion(name, keypoints, *root_pose(keypoints), fps, source=name)


def _stated(arrays: Mapping[str, np.ndarray]) -> np.ndarray | None:
    key = next((k for k in RATES if k in arrays), None)
    return None if key is None else arrays[key]
