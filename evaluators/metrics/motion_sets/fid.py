"""How far the set of predicted motions is from the set of real ones, in an embedding."""

from __future__ import annotations

import math

from evaluators.metric import Metric, Unknown
from evaluators.metrics.frechet import frechet
from evaluators.subjects.motion_sets import MotionSets


def fid(sets: MotionSets) -> float | Unknown:
    """Return the Fréchet distance between the embeddings, with sample covariances.

    It is biased upwards when clips are few, the more the wider the embedding: compare it only at equal numbers of
    clips, and read ``fid_halves`` of real motions beside it.
    """
    least = min(len(sets.pred), len(sets.ref))
    if sets.same:
        return Unknown("of the real motions against themselves it is 0 by definition; fid_halves is what tells")
    if least < 2:
        return Unknown(f"a covariance needs two clips on each side, and there {'is' if least == 1 else 'are'} {least}")
    return frechet(sets.pred, sets.ref)


METRIC = Metric("fid", "down", (0.0, math.inf), 1, fid)
