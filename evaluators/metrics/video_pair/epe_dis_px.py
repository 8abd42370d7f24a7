"""End-point error of the motion: how far, in pixels per frame, the prediction's flow is from the reference's."""

from __future__ import annotations

import math

from evaluators.backbones.video.flow import DIS
from evaluators.metric import Metric, Unknown
from evaluators.metrics.video_pair.motion_error import flow_errors
from evaluators.subjects.video import FlowOracle, VideoPair


def epe_px(pair: VideoPair, oracle: FlowOracle = DIS) -> float | Unknown:
    """Return the mean over pixels and consecutive frames of |flow(pred) - flow(ref)|, in pixels of this resolution.

    It doubles with the resolution and with the time between frames, and a video that hardly moves does well where most
    pixels rest.
    """
    errors = flow_errors(pair, oracle)
    return errors if isinstance(errors, Unknown) else errors.error


METRIC = Metric("epe_dis_px", "down", (0.0, math.inf), 1, epe_px, backbone=DIS)
