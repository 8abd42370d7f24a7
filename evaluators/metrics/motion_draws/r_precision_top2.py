"""How often a text's own motion is among the two of 32 that are nearest to it."""

from __future__ import annotations

from evaluators.metric import Metric, Unknown
from evaluators.subjects.motion_sets import MotionSets, r_precision


def r_precision_top2(sets: MotionSets) -> float | Unknown:
    """Return the fraction of texts with fewer than 2 other motions of a pool of 32 as near; by chance 2/32. Guo et al.
    2022."""
    return r_precision(sets, 2)


METRIC = Metric("r_precision_top2", "up", (0.0, 1.0), 1, r_precision_top2)
