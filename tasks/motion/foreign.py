"""What is common to motions of other formats: units, the axis that points up, which joints are the key points."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, NamedTuple

from tasks.motion.keypoints import ANKLES, INDEX, KEYPOINTS, NAMES, SMPL
from tasks.motion.motion import MotionError, check_fps, check_positions, numbers

if TYPE_CHECKING:
    import numpy as np

Up = Literal["y", "z"]
SMPL_COUNTS = (22, 24, 52)
"""Joints of HumanML3D, SMPL and SMPL-H, whose first 22 are the same."""

SAME_RATE = 1e-3
"""Frame rates that differ by less, relatively, are one: 29.97 is written in several ways."""

FURTHEST_OFF_FLOOR_M = 2.0
FASTEST_ROOT_M_S = 15.0
"""In the median frame; a sprinter's root has 12."""

UPRIGHT = 0.9
"""A body stands along an axis when this part of its height is along it, in most frames."""


class Hints(NamedTuple):
    """What the user says of files that do not say it, or say it wrongly."""

    fps: float | None = None  # of files that do not say; one that says another is refused
    up: Up | None = None
    metres_per_unit: float | None = None
    joints: tuple[str, ...] = ()  # <key point>=<joint>, where a skeleton's names are not known
    fps_option: str = "--fps"  # what the command calls it


def keypoints_of(name: str, positions: np.ndarray, up: Up, hints: Hints) -> np.ndarray:
    """Return key points (T, 15, 3), z up, in metres, of 15 key points or of 22, 24 or 52 SMPL joints.

    ``up`` is the axis of the format. A body that stands along another one raises MotionError, unless the user says
    which."""
    counts = (len(NAMES), *SMPL_COUNTS)
    if positions.ndim != 3 or positions.shape[1] not in counts or positions.shape[2] != 3:
        raise MotionError(
            f"{name}: positions are {positions.shape}; expected (frames, joints, 3) with 15 key points or "
            f"{', '.join(map(str, SMPL_COUNTS[:-1]))} or {SMPL_COUNTS[-1]} SMPL joints."
        )
    chosen = positions if positions.shape[1] == len(NAMES) else positions[:, list(SMPL)]
    chosen = numbers(name, "positions", chosen) * (hints.metres_per_unit or 1.0)
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


def frame_rate(name: str, stated: object, hints: Hints, usual: str = "") -> float:
    """Return the frame rate that the file states, one number or the same for every frame, else the user's.

    MotionError when neither says it, when it changes, or when the two differ.
    """
    import numpy as np

    if stated is None:
        if hints.fps is None:
            raise MotionError(f"{name}: it does not say its frame rate. Say `{hints.fps_option} N`{usual}.")
        return float(hints.fps)
    values = np.ravel(np.asarray(stated))
    if not len(values) or values.dtype.kind not in "iuf":
        raise MotionError(f"{name}: its frame rate is {str(stated)[:40]}; expected a number")
    rate, other = float(values[0]), float(values[np.argmax(np.abs(values - values[0]))])
    check_fps(name, rate)
    if not math.isclose(rate, other, rel_tol=SAME_RATE):
        raise MotionError(f"{name}: its frame rate changes from {rate:g} to {other:g}; resample it to one")
    if hints.fps is not None and not math.isclose(rate, hints.fps, rel_tol=SAME_RATE):
        raise MotionError(
            f"{name}: it states {rate:g} frames a second, and {hints.fps_option} says {hints.fps:g}. Leave "
            f"{hints.fps_option} away, or "
            "mend the file."
        )
    return rate


def check_place(name: str, keypoints: np.ndarray, fps: float, hints: Hints) -> None:
    """Raise MotionError for a body of the right size that is metres off the floor or runs like no body: its root has
    another unit.

    For formats whose root is apart from the skeleton. Where the user says the unit, nothing is suspected.
    """
    import numpy as np

    if hints.metres_per_unit is not None:
        return
    lowest = float(keypoints[..., 2].min(axis=1).min(axis=0))
    speed = float(np.median(np.linalg.norm(np.diff(keypoints[:, 0], axis=0), axis=-1))) * fps
    if abs(lowest) <= FURTHEST_OFF_FLOOR_M and speed <= FASTEST_ROOT_M_S:
        return
    what = (
        f"its lowest point is {lowest:.4g} m off the floor"
        if abs(lowest) > FURTHEST_OFF_FLOOR_M
        else f"its root moves at {speed:.4g} m/s"
    )
    raise MotionError(
        f"{name}: {what}. Is its root in centimetres or millimetres? Say `--metres-per-unit 0.01` or `0.001`, "
        "which scales the root only "
        "in this format; `--metres-per-unit 1` if it is so."
    )


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
