"""What a set of clips says: a value with its interval for each system and metric."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from evaluators.metric import Metric, Unknown, metrics_of
from evaluators.scoring.jackknife import jackknife
from evaluators.scoring.tables import Score, first_of
from evaluators.scoring.videos.measuring import ClipRow, Measured, Options, Shape, backbone_of
from evaluators.subjects.systems import PREDICTION, REAL, STILL
from evaluators.subjects.video_sets import FeatureSets
from reports.statistics import Estimate

if TYPE_CHECKING:
    import numpy as np

UNKNOWN = Estimate(math.nan, math.nan, math.nan, 0)
Halves = Sequence[tuple[str, str]]


class Found(NamedTuple):
    """A set's value, how many clips are not in it, and what a reader must know."""

    estimate: Estimate
    missing: int
    note: str


@dataclass(frozen=True)
class SetRow(Score):
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
) -> list[SetRow]:
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
                found = _of_rows(metric, measured.rows, system, rng)
            value = found.estimate
            rows.append(
                SetRow(
                    system,
                    metric.name,
                    metric.direction,
                    value.value,
                    value.low,
                    value.high,
                    value.n,
                    found.missing,
                    found.note,
                    metric.version,
                    *backbone_of(metric),
                    *_facts(measured.shapes),
                    " ".join(options.align),
                    options.given,
                )  # fmt: skip
            )
    return rows


def _of_rows(metric: Metric, rows: Sequence[ClipRow], system: str, rng: np.random.Generator) -> Found:
    import numpy as np

    mine = [r for r in rows if (r.system, r.metric) == (system, metric.name)]
    known = [r for r in mine if not r.reason]
    reason = first_of([r.reason for r in mine if r.reason])
    if not known:
        return Found(UNKNOWN, len(mine), reason or "it takes two real clips that have a prediction")
    values, weights = np.array([r.value for r in known]), np.array([r.weight for r in known])

    def mean(chosen: np.ndarray) -> float:
        return float(np.average(values[chosen], weights=weights[chosen]))

    estimate = jackknife(mean, len(known), rng, metric.bounds, groups=len(known))
    return Found(estimate, len(mine) - len(known), _notes(reason, "" if len(known) > 1 else "one clip has no interval"))


def _of_features(metric: Metric, measured: Measured, system: str, halves: Halves, rng: np.random.Generator) -> Found:
    import numpy as np

    real = measured.features.get(REAL, {})
    reason = first_of(list(measured.no_features.values()))
    chosen = (
        [(a, b) for a, b in halves if a in real and b in real] if system == REAL else [(n, n) for n in sorted(real)]
    )
    missing = len(halves) - len(chosen) if system == REAL else len(measured.no_features)
    if not chosen:
        return Found(UNKNOWN, missing, reason or "it takes two real clips that have a prediction")
    source = real if system == REAL else measured.features[system]
    sets = FeatureSets(np.array([source[a] for a, _ in chosen]), np.array([real[b] for _, b in chosen]))

    def distance(kept: np.ndarray) -> float:
        value = metric.function(FeatureSets(sets.pred[kept], sets.ref[kept]))
        return value if isinstance(value, float) else math.nan

    whole = metric.function(sets)
    if isinstance(whole, Unknown):
        return Found(Estimate(math.nan, math.nan, math.nan, len(chosen)), missing, _notes(whole.reason, reason))
    note = f"two halves of {len(chosen)}: it has more bias than the rows of {len(real)}" if system == REAL else ""
    estimate = jackknife(distance, len(chosen), rng, metric.bounds)
    return Found(
        estimate, missing, _notes(reason, note, "two clips have no interval" if math.isnan(estimate.low) else "")
    )


def _notes(*texts: str) -> str:
    return "; ".join(filter(None, texts))


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
