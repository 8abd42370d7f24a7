"""Motions as npz files, written and read without pickle."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from crossbody.runs import write_atomic
from tasks.motion.keypoints import NAMES
from tasks.motion.motion import Motion, MotionError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

FORMAT = 1
NEEDED = ("keypoint_names", "keypoints", "root_position", "root_quat_wxyz", "fps", "texts", "source", "licence")


def save(motion: Motion, file: Path) -> None:
    """Write a motion as npz; the file is complete or absent."""
    write_atomic(file, to_bytes(motion))


def to_bytes(motion: Motion) -> bytes:
    """Return a motion as npz: positions as float32, texts as arrays of strings. The same motion, the same bytes."""
    import numpy as np

    arrays = {
        "format": np.array(FORMAT),
        "keypoint_names": np.array(NAMES),
        "keypoints": motion.keypoints.astype(np.float32),
        "root_position": motion.root_position.astype(np.float32),
        "root_quat_wxyz": motion.root_quat_wxyz.astype(np.float32),
        "fps": np.array(float(motion.fps)),
        "texts": np.array(motion.texts, dtype=str),
        "source": np.array(motion.source),
        "licence": np.array(motion.licence),
    }
    if motion.joint_angles is not None:
        arrays["joint_angles"] = motion.joint_angles.astype(np.float32)
        arrays["joint_names"] = np.array(motion.joint_names)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def is_ours(arrays: Mapping[str, np.ndarray]) -> bool:
    """Whether the arrays of an npz are what ``save`` writes."""
    return "format" in arrays and "keypoint_names" in arrays


def from_arrays(name: str, arrays: Mapping[str, np.ndarray]) -> Motion:
    """Return the motion in the arrays of an npz; MotionError when something is missing, of a newer format, or wrong."""
    if int(arrays["format"]) != FORMAT:
        raise MotionError(f"{name}: motion format {int(arrays['format'])}; this version reads {FORMAT}")
    absent = [key for key in NEEDED if key not in arrays]
    if absent:
        raise MotionError(f"{name}: it has no {', '.join(absent)}; expected {', '.join(NEEDED)}")
    names = tuple(str(n) for n in arrays["keypoint_names"])
    if names != NAMES:
        raise MotionError(f"{name}: its key points are {', '.join(names)}; expected {', '.join(NAMES)}")
    angles = arrays.get("joint_angles")
    return Motion(
        name,
        arrays["keypoints"].astype(float),
        arrays["root_position"].astype(float),
        arrays["root_quat_wxyz"].astype(float),
        float(arrays["fps"]),
        tuple(str(t) for t in arrays["texts"]),
        str(arrays["source"]),
        str(arrays["licence"]),
        None if angles is None else angles.astype(float),
        tuple(str(n) for n in arrays.get("joint_names", ())),
    )
