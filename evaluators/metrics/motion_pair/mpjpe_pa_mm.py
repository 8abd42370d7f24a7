"""How far the poses are from the reference's once place, heading and size of each frame are fitted."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from evaluators.metric import Metric, Weighted
from evaluators.subjects.motion import MotionPair, mean_mm

if TYPE_CHECKING:
    import numpy as np


def mpjpe_pa(pair: MotionPair) -> Weighted:
    """Return the mean over frames and joints of |s R pred + t - ref| in mm, s, R and t by least squares for each frame.

    R is a proper rotation (Umeyama 1991): a mirrored body stays wrong. The fit minimises squares and this is a mean of
    lengths, so it may exceed ``mpjpe_root_mm``.
    """
    return mean_mm(procrustes(pair.pred, pair.ref) - pair.ref)


def procrustes(pred: np.ndarray, ref: np.ndarray) -> np.ndarray:
    """Return each frame of ``pred`` (T, J, 3) moved, turned and scaled onto ``ref``;
    a single point has no size or turn."""
    import numpy as np

    middle = ref.mean(1, keepdims=True)
    p, r = pred - pred.mean(1, keepdims=True), ref - middle
    left, sizes, right = np.linalg.svd(np.swapaxes(p, 1, 2) @ r)
    signs = np.ones_like(sizes)
    signs[:, -1] = np.where(np.linalg.det(left @ right) < 0, -1.0, 1.0)
    spread = (p**2).sum((1, 2))
    scale = np.divide((sizes * signs).sum(1), spread, out=np.zeros_like(spread), where=spread > 0)
    return scale[:, None, None] * (p @ ((left * signs[:, None]) @ right)) + middle


METRIC = Metric("mpjpe_pa_mm", "down", (0.0, math.inf), 1, mpjpe_pa)
