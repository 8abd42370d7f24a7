"""How often a text's own motion is the nearest to it of 32."""

from __future__ import annotations

from evaluators.metric import Metric, Unknown
from evaluators.subjects.motion_sets import MotionSets, r_precision


def r_precision_top1(sets: MotionSets) -> float | Unknown:
    """Return the fraction of texts with fewer than 1 other motion of a pool of 32 as near; by chance 1/32. Guo et al.
    2022."""
    return r_precision(sets, 1)


METRIC = Metric("r_precision_top1", "up", (0.0, 1.0), 1, r_precision_top1)
