"""End-point errors between the optical flows of two videos."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from evaluators.backbones.video.flow import DIS
from evaluators.metric import Metric, Unknown
from evaluators.subjects.video import FlowOracle, VideoPair

if TYPE_CHECKING:
    import numpy as np

MOVING_PX = 1.0
"""A pixel moves when the reference's flow is longer than this."""


class FlowErrors(NamedTuple):
    """Means over the pixels and frame pairs of a clip, in pixels."""

    error: float  # |flow of the prediction - flow of the reference|
    motion: float  # |flow of the reference|
    moving_error: float  # the error where the reference moves; NaN when nothing does
    moving: int  # how many pixels that is


def through(metrics: Mapping[str, Metric], oracles: Mapping[str, FlowOracle]) -> dict[str, Metric]:
    """Return the metrics, those that look at flow once for each oracle,
    whose key takes the place of ``dis`` in the name."""
    found = {}
    for name, metric in metrics.items():
        if metric.backbone is not DIS:
            found[name] = metric
            continue
        function: Callable[..., Any] = metric.function
        for key, oracle in oracles.items():
            named = name.replace("_dis_", f"_{key}_")
            found[named] = replace(metric, name=named, function=partial(function, oracle=oracle), backbone=oracle)
    return found


def flow_errors(pair: VideoPair, oracle: FlowOracle) -> FlowErrors | Unknown:
    """Return the end-point errors of a pair through an oracle; computed once for all metrics of the pair."""
    if len(pair.ref.frames) < 2:
        return Unknown("a flow needs two frames")
    if pair.smallest_side < oracle.least_side:
        return Unknown(f"{oracle.name} needs pictures of {oracle.least_side} pixels; a side has {pair.smallest_side}")
    if oracle.name not in pair.shared:
        pair.shared[oracle.name] = compare_flows(pair.pred.flow(oracle), pair.ref.flow(oracle))
    return pair.shared[oracle.name]


def compare_flows(pred: np.ndarray, ref: np.ndarray) -> FlowErrors:
    """Return the errors between two flows (t, h, w, 2)."""
    import numpy as np

    error = motion = moving_error = 0.0
    moving = 0
    for p, r in zip(pred, ref, strict=True):
        distance, length = (np.linalg.norm(v.astype(float), axis=-1) for v in (p - r, r))
        mask = length > MOVING_PX
        error, motion = error + float(distance.mean()), motion + float(length.mean())
        moving_error, moving = moving_error + float(distance[mask].sum()), moving + int(mask.sum())
    return FlowErrors(error / len(ref), motion / len(ref), moving_error / moving if moving else np.nan, moving)
