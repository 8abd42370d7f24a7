"""How far apart the motions of a set are, in an embedding. It should be that of the real motions,
not as high as can be."""

from __future__ import annotations

import math

from evaluators.metric import Metric, Unknown
from evaluators.subjects.motion_sets import PAIRS, MotionSets, pair_distances


def diversity(sets: MotionSets, pairs: int = PAIRS) -> float | Unknown:
    """Return the mean distance between the embeddings of two draws of 200 motions without replacement; all, where
    fewer.

    Guo et al. 2022 draw 300, Humanoid-VLA 200; the expected value is the same.
    """
    if len(sets.pred) < 2:
        return Unknown(f"a distance needs two clips, and there are {len(sets.pred)}")
    return float(pair_distances(sets.pred, pairs, sets.rng).mean())


METRIC = Metric("diversity", "none", (0.0, math.inf), 1, diversity)
