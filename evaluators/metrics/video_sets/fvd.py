"""Fréchet video distance: how far the set of predicted clips is from the set of real ones, through I3D."""

from __future__ import annotations

import math

from evaluators.backbones.weights import I3D_KINETICS
from evaluators.metric import Metric, Unknown
from evaluators.metrics.frechet import frechet
from evaluators.subjects.video_sets import FeatureSets


def fvd(sets: FeatureSets) -> float | Unknown:
    """Return the Fréchet distance (Unterthiner et al. 2018) of the 400 logits of I3D, clips resized to 224 x 224.

    It is biased upwards when clips are few: compare it only with values of the same number of clips, and with real
    against real.
    """
    least = min(len(sets.pred), len(sets.ref))
    if least < 2:
        return Unknown(f"a covariance needs two clips on each side, and there {'is' if least == 1 else 'are'} {least}")
    return frechet(sets.pred, sets.ref)


METRIC = Metric("fvd", "down", (0.0, math.inf), 1, fvd, backbone=I3D_KINETICS)
