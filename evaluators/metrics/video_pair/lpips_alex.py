"""LPIPS v0.1 through AlexNet: how differently a trained network sees the frames."""

from __future__ import annotations

import math

from evaluators.backbones.weights import LPIPS_ALEX
from evaluators.metric import Metric, Unknown
from evaluators.metrics.video_pair.perception import lpips
from evaluators.subjects.video import VideoPair


def lpips_alex(pair: VideoPair) -> float | Unknown:
    """Return the mean over frames of LPIPS (Zhang et al. 2018), linear heads v0.1, trunk AlexNet;
    0 for equal frames."""
    return lpips(pair, "alex")


METRIC = Metric("lpips_alex", "down", (0.0, math.inf), 1, lpips_alex, backbone=LPIPS_ALEX)
