"""End-point error of the motion as a share of how much the reference moves; 1 is what a still picture gets."""

from __future__ import annotations

import math

from evaluators.backbones.video.flow import DIS
from evaluators.metric import Metric, Unknown, Weighted
from evaluators.metrics.video_pair.motion_error import flow_errors
from evaluators.subjects.video import FlowOracle, VideoPair


def epe_normalised(pair: VideoPair, oracle: FlowOracle = DIS) -> Weighted | Unknown:
    """Return EPE / mean |flow(ref)|. In a set both are summed before they are divided,
    so a calm clip cannot blow it up."""
    errors = flow_errors(pair, oracle)
    if isinstance(errors, Unknown):
        return errors
    if errors.motion == 0:
        return Unknown("nothing moves in the reference")
    return Weighted(errors.error / errors.motion, errors.motion)


METRIC = Metric("epe_dis_normalised", "down", (0.0, math.inf), 1, epe_normalised, backbone=DIS)
