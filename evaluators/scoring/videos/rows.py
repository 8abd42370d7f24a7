"""What a set of clips says: a value with its interval for each system and metric."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evaluators.metric import Metric, Unknown, metrics_of
from evaluators.scoring.jackknife import jackknife
from evaluators.scoring.means import NO_OTHER, UNKNOWN, Found, mean_of, noted, score_of
from evaluators.scoring.tables import Score, first_of
from evaluators.scoring.videos.measuring import Measured, Options, Shape, backbone_of
from evaluators.subjects.systems import PREDICTION, REAL, STILL
from evaluators.subjects.video_sets import FeatureSets
from reports.statistics import Estimate

if TYPE_CHECKING:
    import numpy as np

Halves = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class VideoSetRow(Score):
    """One metric of one system over all clips."""

    backbone: str
    backbone_version: str
    resolution: str
    frames: str
    fps: str
    align: str
    given: int


def set_rows(
    measured: Measured,
    metrics: Mapping[str, Metric],
    absent: Mapping[str, str],
    halves: Halves,
    options: Options,
    rng: np.random.Generator,
) -> list[VideoSetRow]:
    """Return the rows of every system and metric. ``absent`` says why metrics were not measured at all.

    ``halves`` are the pairs of real clips that were measured against each other.
    """
    rows = []
    for system in (PREDICTION, STILL, REAL):
        for metric in metrics.values():
            if metric.name in absent:
                found = Found(UNKNOWN, len(halves) if system == REAL else len(measured.shapes), absent[metric.name])
            elif metric.name in metrics_of("video_sets"):
                found = _of_features(metric, measured, system, halves, rng)
            else:
                mine = [r for r in measured.rows if (r.system, r.metric) == (system, metric.name)]
                found = mean_of(mine, metric, rng)
            resolution, frames, fps = _facts(measured.shapes)
            backbone, backbone_version = backbone_of(metric)
            rows.append(
                VideoSetRow(
                    **score_of(system, metric, found),
                    backbone=backbone,
                    backbone_version=backbone_version,
                    resolution=resolution,
                    frames=frames,
                    fps=fps,
                    align=" ".join(options.align),
                    given=options.given,
                )
            )
    return rows


def _of_features(metric: Metric, measured: Measured, system: str, halves: Halves, rng: np.random.Generator) -> Found:
    import numpy as np

    real = measured.features.get(REAL, {})
    reason = first_of(list(measured.no_features.values()))
    chosen = (
        [(a, b) for a, b in halves if a in real and b in real] if system == REAL else [(n, n) for n in sorted(real)]
    )
    missing = len(halves) - len(chosen) if system == REAL else len(measured.no_features)
    if not chosen:
        return Found(UNKNOWN, missing, reason or NO_OTHER)
    source = real if system == REAL else measured.features[system]
    sets = FeatureSets(np.array([source[a] for a, _ in chosen]), np.array([real[b] for _, b in chosen]))

    def distance(kept: np.ndarray) -> float:
        value = metric.function(FeatureSets(sets.pred[kept], sets.ref[kept]))
        return value if isinstance(value, float) else math.nan

    whole = metric.function(sets)
    if isinstance(whole, Unknown):
        return Found(Estimate(math.nan, math.nan, math.nan, len(chosen)), missing, noted(whole.reason, reason))
    note = f"two halves of {len(chosen)}: it has more bias than the rows of {len(real)}" if system == REAL else ""
    estimate = jackknife(distance, len(chosen), rng, metric.bounds)
    return Found(
        estimate, missing, noted(reason, note, "two clips have no interval" if math.isnan(estimate.low) else "")
    )


def _facts(shapes: Sequence[Shape]) -> tuple[str, str, str]:
    """Return the resolutions, lengths and frame rates of the clips as text."""
    sizes = sorted({(s.width * s.height, f"{s.width}x{s.height}") for s in shapes})
    rates = {math.inf if math.isnan(s.fps) else s.fps for s in shapes}
    return (
        _span([text for _, text in sizes]),
        _span([str(n) for n in sorted({s.frames for s in shapes})]),
        _span(["unknown" if math.isinf(rate) else f"{rate:g}" for rate in sorted(rates)]),
    )


def _span(texts: Sequence[str]) -> str:
    return "" if not texts else texts[0] if len(texts) == 1 else f"{texts[0]} to {texts[-1]}"
