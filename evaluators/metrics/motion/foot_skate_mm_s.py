"""How fast the feet slide while they are on the ground."""

from __future__ import annotations

import math

from evaluators.metric import Metric, Unknown, Weighted
from evaluators.subjects.motion import MM, MotionClip
from tasks.motion.keypoints import ANKLES, NAMES

CONTACT_M = 0.025
GROUND_QUANTILE = 0.05


def foot_skate(clip: MotionClip) -> Weighted | Unknown:
    """Return the mean over frames and ankles of horizontal speed x max(0, 2 - 2^(h/H)) in mm/s (Zhang et al. 2018, H =
    2.5 cm).

    h is the ankle's height over the ground, taken as the 5 % quantile of both ankles' heights in the clip, since key
    points say neither where the floor is nor how high an ankle is over a sole. Standing still and flying are both 0.
    """
    import numpy as np

    if clip.positions.shape[1] != len(NAMES):
        return Unknown(f"it needs the {len(NAMES)} key points, and there are {clip.positions.shape[1]}")
    if len(clip.positions) < 2:
        return Unknown("a speed needs two frames")
    ankles = clip.positions[:, list(ANKLES)]
    height = ankles[..., 2] - np.quantile(ankles[..., 2], GROUND_QUANTILE)
    contact = np.clip(2 - 2 ** np.clip(height / CONTACT_M, 0, 2), 0, 1)
    speed = np.linalg.norm(np.diff(ankles[..., :2], axis=0), axis=-1) * clip.fps * MM
    return Weighted(float((speed * np.minimum(contact[1:], contact[:-1])).mean()), len(speed))


METRIC = Metric("foot_skate_mm_s", "down", (0.0, math.inf), 1, foot_skate)
