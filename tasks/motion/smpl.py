"""Joints from SMPL's pose parameters, as AMASS keeps them, on one neutral skeleton:
the body model itself is not needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.motion.motion import LARGEST_ANGLE_RAD, MotionError, numbers

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

JOINTS = (
    *("pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle", "right_ankle"),
    *("spine3", "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head", "left_shoulder"),
    *("right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist"),
)
PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19)
_MIDDLE = {3: (0, 72, -3), 6: (0, 107, 33), 9: (0, 48, -10), 12: (0, 284, -51), 15: (0, 91, 29)}
_LEFT = {
    **{1: (71, -59, -10), 4: (69, -419, 10), 7: (-9, -404, -28), 10: (48, -65, 111)},
    **{13: (93, 140, -14), 16: (114, 55, -1), 18: (256, -37, 3), 20: (225, 6, 2)},
}
_OFFSETS = {0: (0, 0, 0), **_MIDDLE, **_LEFT, **{joint + 1: (-x, y, z) for joint, (x, y, z) in _LEFT.items()}}
OFFSETS_MM = tuple(_OFFSETS[joint] for joint in range(len(JOINTS)))
"""Each joint from its parent when no joint is turned, y up, x to the body's left.

Measured: the offsets that, with the pose parameters of ASAP's clips (MIT licence), give the joint positions which the
same clips carry (they do so to 0.001 mm), made symmetric and scaled to an adult's leg of 0.83 m. ``betas`` are not
used: whoever needs the joints of one person's body runs the body model and saves them as ``joints``.
"""


def has_parameters(arrays: Mapping[str, np.ndarray]) -> bool:
    """Whether arrays hold pose parameters: ``poses``, or ``root_orient`` and ``pose_body``."""
    return "poses" in arrays or {"root_orient", "pose_body"} <= arrays.keys()


def joints(name: str, arrays: Mapping[str, np.ndarray], metres_per_unit: float = 1.0) -> np.ndarray:
    """Return joints (T, 22, 3) in metres of axis-angle parameters of SMPL, SMPL-H or SMPL-X, in the file's axes.

    The pelvis is put where ``trans`` is (the body model has it a constant few centimetres off), which alone has a unit.
    What is no rotation raises MotionError.
    """
    import numpy as np
    from scipy.spatial.transform import Rotation

    turns = _turns(name, arrays)
    place = arrays.get("trans")
    if place is None or place.shape != (len(turns), 3):
        raise MotionError(
            f"{name}: 'trans' is {None if place is None else place.shape}; expected ({len(turns)}, 3), the pelvis's way"
        )
    out = np.zeros((len(turns), len(JOINTS), 3))
    out[:, 0] = numbers(name, "'trans'", place) * metres_per_unit
    world: list[Rotation] = []
    for joint, parent in enumerate(PARENTS):
        local = Rotation.from_rotvec(turns[:, joint])
        world.append(local if parent < 0 else world[parent] * local)
        if parent >= 0:
            out[:, joint] = out[:, parent] + world[parent].apply(np.array(OFFSETS_MM[joint]) / 1e3)
    return out


def _turns(name: str, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    import numpy as np

    poses = (
        arrays["poses"] if "poses" in arrays else np.concatenate([arrays["root_orient"], arrays["pose_body"]], axis=-1)
    )
    poses, needed = numbers(name, "the pose", poses), 3 * len(JOINTS)
    if poses.ndim == 3 and poses.shape[2] == 3:
        poses = poses.reshape(len(poses), -1)
    if poses.ndim != 2 or poses.shape[1] < needed or poses.shape[1] % 3:
        raise MotionError(
            f"{name}: pose parameters are {poses.shape}; expected (frames, 3 x joints) with the body's "
            f"{len(JOINTS)} joints first: "
            f"{needed} (SMPL-X's body), 72 (SMPL), 156 (SMPL-H) or 165 (SMPL-X)"
        )
    turns = poses[:, :needed].reshape(-1, len(JOINTS), 3)
    wrong = np.argwhere(~np.isfinite(turns))
    if len(wrong):
        frame, joint, axis = wrong[0]
        raise MotionError(
            f"{name}: frame {frame}, {JOINTS[joint]}: the rotation's {'xyz'[axis]} is "
            f"{turns[frame, joint, axis]}; expected radians"
        )
    sizes = np.linalg.norm(turns, axis=-1)
    if sizes.size and sizes.max() > LARGEST_ANGLE_RAD + 1e-6:
        frame, joint = np.unravel_index(np.argmax(sizes), sizes.shape)
        raise MotionError(
            f"{name}: frame {frame}, {JOINTS[joint]}: the rotation is by {sizes[frame, joint]:.4g} rad, more "
            "than a full turn. "
            "Degrees? Expected axis-angle in radians."
        )
    return turns
