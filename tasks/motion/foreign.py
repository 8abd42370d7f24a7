"""What is common to motions of other formats: units, the axis that points up, which joints are the key points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from tasks.motion.keypoints import ANKLES, INDEX, KEYPOINTS, NAMES, SMPL
from tasks.motion.motion import MotionError, check_positions

if TYPE_CHECKING:
    import numpy as np

Up = Literal["y", "z"]
SMPL_COUNTS = (22, 24, 52)
"""Joints of HumanML3D, SMPL and SMPL-H, whose first 22 are the same."""

UPRIGHT = 0.9
"""A body stands along an axis when this part of its height is along it, in most frames."""


class Hints(NamedTuple):
    """What the user says of files that do not say it, or say it wrongly."""

    fps: float | None = None  # of files that do not say
    up: Up | None = None
    metres_per_unit: float | None = None


def keypoints_of(name: str, positions: np.ndarray, up: Up, hints: Hints) -> np.ndarray:
    """Return key points (T, 15, 3), z up, in metres, of 15 key points or of 22, 24 or 52 SMPL joints.

    ``up`` is the axis of the format. A body that stands along another one raises MotionError, unless the user says which.
    """
    counts = (len(NAMES), *SMPL_COUNTS)
    if positions.ndim != 3 or positions.shape[1] not in counts or positions.shape[2] != 3:
        raise MotionError(
            f"{name}: positions are {positions.shape}; expected (frames, joints, 3) with 15 key points or "
            f"{', '.join(map(str, SMPL_COUNTS[:-1]))} or {SMPL_COUNTS[-1]} SMPL joints."
        )
    chosen = positions if positions.shape[1] == len(NAMES) else positions[:, list(SMPL)]
    chosen = chosen.astype(float) * (hints.metres_per_unit or 1.0)
    check_positions(name, chosen, NAMES)
    chosen = z_up(chosen, hints.up or up)
    if hints.up is None:
        _check_stands(name, chosen, up)
    return chosen


def named_keypoints(name: str, positions: np.ndarray, joints: tuple[str, ...]) -> np.ndarray:
    """Return the key points (T, 15, 3) of the AMP humanoid's bodies (T, B, 3), found by their names."""
    absent = [point.amp for point in KEYPOINTS if point.amp not in joints]
    if absent:
        raise MotionError(f"{name}: it has no {', '.join(absent)}; it has {', '.join(joints)}")
    return positions[:, [joints.index(point.amp) for point in KEYPOINTS]]


def frame_rate(name: str, stated: float | None, hints: Hints, usual: str = "") -> float:
    """Return the frame rate that the file states, else the user; MotionError when neither does."""
    rate = hints.fps if stated is None else stated
    if rate is None:
        raise MotionError(f"{name}: it does not say its frame rate. Say `--fps N`{usual}.")
    return float(rate)


def z_up(vectors: np.ndarray, up: Up) -> np.ndarray:
    """Return vectors (…, 3) turned about x so that the axis ``up`` becomes z; handedness stays."""
    import numpy as np

    return vectors if up == "z" else np.stack([vectors[..., 0], -vectors[..., 2], vectors[..., 1]], axis=-1)


def _check_stands(name: str, keypoints: np.ndarray, up: Up) -> None:
    import numpy as np

    spine = keypoints[:, INDEX["head"]] - keypoints[:, list(ANKLES)].mean(1)
    spine = spine / np.maximum(np.linalg.norm(spine, axis=-1, keepdims=True), 1e-9)
    along = np.median(spine, axis=0)
    if abs(along[2]) >= UPRIGHT or np.abs(along).max() < UPRIGHT:
        if along[2] > -UPRIGHT:
            return
        raise MotionError(
            f"{name}: the head is below the ankles in most frames, with {up} up. If that is so, say `--up {up}`."
        )
    # Along our y is along the file's z when y was up, and the other way round.
    other = {"y": "z", "z": "y"}[up] if np.abs(along).argmax() == 1 else "x"
    raise MotionError(
        f"{name}: the body stands along {other} in most frames, and in this format {up} is up. "
        f"Say `--up {other if other != 'x' else up}`"
        + (f", or `--up {up}` if it lies." if other != "x" else " if it lies; x is never up here.")
    )
