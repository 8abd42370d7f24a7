"""How far motions are from their texts, in an embedding of both."""

from __future__ import annotations

import math

from evaluators.metric import Metric, Unknown
from evaluators.subjects.motion_sets import MotionSets


def mm_dist(sets: MotionSets) -> float | Unknown:
    """Return the mean distance between the embeddings of a text and of its motion (multimodal distance, Guo et al.
    2022)."""
    import numpy as np

    if sets.text is None:
        return sets.no_text
    return float(np.linalg.norm(sets.text - sets.pred, axis=1).mean())


METRIC = Metric("mm_dist", "down", (0.0, math.inf), 1, mm_dist)
