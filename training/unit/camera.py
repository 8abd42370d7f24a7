"""Where points of space are in the head camera's picture, as policies see it."""

from __future__ import annotations

import numpy as np

INTRINSIC = np.array([[126.210, 0.0, 133.020], [0.0, 186.572, 76.058], [0.0, 0.0, 1.0]])
"""Camera (x right, y down, z ahead) to pixels of the 256 x 256 picture: 77° over 800 rows of the 1280 x 800 frame, of
which rows 310:770 and columns 110:1130 become 256 columns and, between black bands, 170.7 rows."""

DOWN_AHEAD = {"gr1": -1.0, "gr1_eef": -1.0, "human_egodex": 1.0}
"""Body -> sign of its recorded camera's second and third axis: MuJoCo's points up and back, ARKit's down and ahead."""
NEAR_M = 0.05


def pixels(camera: np.ndarray, points: np.ndarray, body: str) -> np.ndarray:
    """Return column and row (n, k, 2) of points (n, k, 3), seen by cameras (n, 9) of the same frame; behind them is
    NaN.

    A camera is its position and the first two columns of its rotation. A pixel may lie outside the picture.
    """
    right, second = camera[:, 3:6], camera[:, 6:9]
    sign = DOWN_AHEAD[body]
    axes = np.stack([right, sign * second, sign * np.cross(right, second)], 1)  # (n, 3, 3), rows are right, down, ahead
    local = np.einsum("nij,nkj->nki", axes, points - camera[:, None, :3])
    depth = np.where(local[..., 2:] > NEAR_M, local[..., 2:], np.nan)
    return (local / depth @ INTRINSIC.T)[..., :2].astype(np.float32)
