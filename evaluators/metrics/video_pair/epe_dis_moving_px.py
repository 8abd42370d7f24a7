"""End-point error of the motion where the reference moves by more than a pixel per frame."""

from __future__ import annotations

import math

from evaluators.backbones.video.flow import DIS
from evaluators.metric import Metric, Unknown, Weighted
from evaluators.metrics.video_pair.motion_error import MOVING_PX, flow_errors
from evaluators.subjects.video import FlowOracle, VideoPair


def epe_moving_px(pair: VideoPair, oracle: FlowOracle = DIS) -> Weighted | Unknown:
    """Return the mean of |flow(pred) - flow(ref)| over pixels with |flow(ref)| > 1;
    in a set every such pixel counts once."""
    errors = flow_errors(pair, oracle)
    if isinstance(errors, Unknown):
        return errors
    if not errors.moving:
        return Unknown(f"no pixel of the reference moves by more than {MOVING_PX:g} pixel per frame")
    return Weighted(errors.moving_error, float(errors.moving))


METRIC = Metric("epe_dis_moving_px", "down", (0.0, math.inf), 1, epe_moving_px, backbone=DIS)
