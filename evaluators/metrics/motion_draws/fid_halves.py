"""The FID between half of one set and the other half of the real motions: predictions and real ones at the same n."""

from __future__ import annotations

import math

from evaluators.metric import Metric, Unknown
from evaluators.metrics.frechet import frechet
from evaluators.subjects.motion_sets import MotionSets


def fid_halves(sets: MotionSets) -> float | Unknown:
    """Return the Fréchet distance between k embeddings of ``pred`` and k of ``ref``, k half of the smaller number.

    Of real motions (``same``) the two halves share no clip: that is the FID that a perfect model gets at this k, its
    null. Where predictions are paired with references, the halves share no reference either.
    """
    half = min(len(sets.pred), len(sets.ref)) // 2
    if half < 2:
        return Unknown(f"halves need four clips on each side, and there are {len(sets.pred)} and {len(sets.ref)}")
    order = sets.rng.permutation(len(sets.ref))
    first = order[:half] if sets.paired or sets.same else sets.rng.permutation(len(sets.pred))[:half]
    return frechet(sets.pred[first], sets.ref[order[half : 2 * half]])


METRIC = Metric("fid_halves", "down", (0.0, math.inf), 1, fid_halves)
