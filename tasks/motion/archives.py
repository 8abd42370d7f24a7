"""Archives of many clips in one npz, ``<clip>/<field>``: ASAP's G1 clips, the AMP humanoid's bodies,
joint positions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from tasks.motion.arrays import from_npz
from tasks.motion.foreign import Hints, frame_rate, keypoints_of, named_keypoints, z_up
from tasks.motion.motion import Motion, MotionError, numbers

if TYPE_CHECKING:
    import numpy as np

_LEG = ("hip_pitch", "hip_roll", "hip_yaw", "knee", "ankle_pitch", "ankle_roll")
_ARM = ("shoulder_pitch", "shoulder_roll", "shoulder_yaw", "elbow")
ASAP_JOINTS = (
    *(f"{side}_{joint}" for side in ("left", "right") for joint in _LEG),
    *(f"waist_{axis}" for axis in ("yaw", "roll", "pitch")),
    *(f"{side}_{joint}" for side in ("left", "right") for joint in _ARM),
)
"""The 23 joints of ASAP's G1, in the order of its ``dof`` (humanoidverse, g1_29dof_anneal_23dof)."""


class Fields(Mapping[str, "np.ndarray"]):
    """The fields of one clip of an archive, each read when it is asked for."""

    def __init__(self, arrays: Mapping[str, np.ndarray], clip: str, names: list[str]):
        self._arrays, self._clip, self._names = arrays, clip, names

    def __getitem__(self, key: str) -> np.ndarray:
        if key not in self._names:
            raise KeyError(key)
        return self._arrays[f"{self._clip}/{key}" if self._clip else key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def clips(arrays: Mapping[str, np.ndarray]) -> dict[str, Fields]:
    """Return clip -> its fields."""
    found: dict[str, list[str]] = {}
    for key in arrays:
        clip, _, field = key.rpartition("/")
        found.setdefault(clip, []).append(field)
    return {clip: Fields(arrays, clip, names) for clip, names in found.items()}


def from_clip(name: str, fields: Mapping[str, np.ndarray], hints: Hints) -> Motion:
    """Return the motion of one clip of an archive; fields of neither kind are read as those of a file with one
    motion."""
    if {"smpl_joints", "dof", "root_rot", "root_trans_offset"} <= fields.keys():
        return _asap(name, fields, hints)
    if {"rotation", "root_translation", "node_names", "parent_indices", "local_translation"} <= fields.keys():
        return _amp(name, fields, hints)
    return from_npz(name, fields, hints)


def _asap(name: str, fields: Mapping[str, np.ndarray], hints: Hints) -> Motion:
    """The key points are the person's, the root pose and the joint angles the robot's that was fitted to them."""
    import numpy as np

    rate = frame_rate(name, fields.get("fps"), hints)
    return Motion(
        name,
        keypoints_of(name, fields["smpl_joints"], "z", hints),
        numbers(name, "root_trans_offset", fields["root_trans_offset"]),
        np.roll(numbers(name, "root_rot", fields["root_rot"]), 1, axis=-1),  # xyzw to wxyz
        rate,
        source=name,
        joint_angles=numbers(name, "dof", fields["dof"]),
        joint_names=ASAP_JOINTS,
    )


def _amp(name: str, fields: Mapping[str, np.ndarray], hints: Hints) -> Motion:
    import numpy as np

    rate = frame_rate(name, fields.get("fps"), hints)
    bodies = tuple(str(n) for n in fields["node_names"])
    positions = body_positions(name, fields)
    keypoints = z_up(named_keypoints(name, positions, bodies), hints.up or "z") * (hints.metres_per_unit or 1.0)
    quats = np.roll(numbers(name, "rotation", fields["rotation"])[:, 0], 1, axis=-1)
    return Motion(name, keypoints, keypoints[:, 0].copy(), quats, rate, source=name)


def body_positions(name: str, fields: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the world positions (T, B, 3) of a tree of bodies with local rotations xyzw (T, B, 4)
    and fixed offsets."""
    import numpy as np
    from scipy.spatial.transform import Rotation

    local, offsets = (numbers(name, field, fields[field]) for field in ("rotation", "local_translation"))
    parents = fields["parent_indices"]
    bodies = len(parents)
    if local.shape[1:] != (bodies, 4) or offsets.shape != (bodies, 3):
        raise MotionError(
            f"{name}: rotations are {local.shape} and offsets {offsets.shape}; expected (frames, {bodies}, 4) "
            f"and ({bodies}, 3)"
        )
    wrong = np.argwhere(~(np.linalg.norm(local, axis=-1) > 0.5))
    if len(wrong):
        frame, body = wrong[0]
        raise MotionError(f"{name}: frame {frame}, {fields['node_names'][body]}: the rotation is {local[frame, body]}")
    positions = np.zeros((len(local), bodies, 3))
    turns: list[Rotation] = []
    for body, parent in enumerate(parents):
        turn = Rotation.from_quat(local[:, body])
        turns.append(turn if parent < 0 else turns[parent] * turn)
        from_parent = fields["root_translation"] if parent < 0 else turns[parent].apply(offsets[body])
        positions[:, body] = from_parent if parent < 0 else positions[:, parent] + from_parent
    return positions
