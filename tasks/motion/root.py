"""The root pose of key points, and the way a body faces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.motion.keypoints import INDEX

if TYPE_CHECKING:
    import numpy as np

TINY = 1e-9


def root_pose(keypoints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return position (T, 3) and quaternion wxyz (T, 4) of the pelvis of key points (T, 15, 3).

    Left is from the right hip to the left one, up is from the pelvis to the torso made square to it, forward is across
    both. Where the points do not span these directions the frame is the world's.
    """
    import numpy as np
    from scipy.spatial.transform import Rotation

    left = keypoints[:, INDEX["left_hip"]] - keypoints[:, INDEX["right_hip"]]
    left, spanned = _unit(left)
    up = keypoints[:, INDEX["torso"]] - keypoints[:, INDEX["pelvis"]]
    up, also = _unit(up - (up * left).sum(-1, keepdims=True) * left)
    axes = np.stack([np.cross(left, up), left, up], axis=-1)
    axes[~(spanned & also)] = np.eye(3)
    return keypoints[:, INDEX["pelvis"]].copy(), Rotation.from_matrix(axes).as_quat(scalar_first=True)


def heading(keypoints: np.ndarray) -> np.ndarray:
    """Return the angle (T,) in rad about z at which a body faces: 0 along x. It is square to the line of the hips."""
    import numpy as np

    left = keypoints[:, INDEX["left_hip"]] - keypoints[:, INDEX["right_hip"]]
    return np.arctan2(-left[:, 0], left[:, 1])


def _unit(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    import numpy as np

    lengths = np.linalg.norm(vectors, axis=-1)
    return vectors / np.maximum(lengths, TINY)[:, None], lengths > TINY
