"""How far apart the motions of one text are, in an embedding."""

from __future__ import annotations

import math

from evaluators.metric import Metric, Unknown
from evaluators.subjects.motion_sets import PAIRS_PER_TEXT, MotionSets, pair_distances


def multimodality(sets: MotionSets, pairs: int = PAIRS_PER_TEXT) -> float | Unknown:
    """Return the mean over texts with several motions of the mean distance of 10 pairs of their embeddings.

    Guo et al. 2022: 100 texts of 30 motions. With fewer motions for a text there are fewer pairs.
    """
    import numpy as np

    rows: dict[str, list[int]] = {}
    for row, label in enumerate(sets.labels):
        if label:
            rows.setdefault(label, []).append(row)
    several = [sets.pred[r] for r in rows.values() if len(r) > 1]
    if not several:
        return Unknown("no text has two motions")
    return float(np.mean([pair_distances(features, pairs, sets.rng).mean() for features in several]))


METRIC = Metric("multimodality", "none", (0.0, math.inf), 1, multimodality)
