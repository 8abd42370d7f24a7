"""What videos and motions share on the way from clips to rows: halves of the real ones, and means with intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from crossbody.seeds import generator
from evaluators.metric import Metric
from evaluators.scoring.jackknife import jackknife
from evaluators.scoring.tables import first_of
from reports.statistics import Estimate

if TYPE_CHECKING:
    import numpy as np

T = TypeVar("T")
UNKNOWN = Estimate(math.nan, math.nan, math.nan, 0)
NO_OTHER = "it takes two real clips that have a prediction"


class Measured(Protocol):
    """What a row of a clip says, whatever the clip is."""

    @property
    def value(self) -> float: ...
    @property
    def weight(self) -> float: ...
    @property
    def reason(self) -> str: ...


class Found(NamedTuple):
    """A set's value, how many clips are not in it, and what a reader must know."""

    estimate: Estimate
    missing: int
    note: str


def halves(real: Sequence[T], seed: int) -> list[tuple[T, T]]:
    """Return pairs of real clips, each clip in one at most: one stands for the prediction of the other."""
    order, half = generator(seed, "score/halves").permutation(len(real)), len(real) // 2
    return [(real[i], real[j]) for i, j in zip(order[:half], order[half : 2 * half], strict=True)]


def mean_of(rows: Sequence[Measured], metric: Metric, rng: np.random.Generator, alike: bool = False) -> Found:
    """Return the mean of the rows that have a value, by weight or with all clips ``alike``,
    with its interval over clips."""
    import numpy as np

    known = [r for r in rows if not r.reason]
    reason = first_of([r.reason for r in rows if r.reason])
    if not known:
        return Found(UNKNOWN, len(rows), reason or NO_OTHER)
    values = np.array([r.value for r in known])
    weights = np.array([1.0 if alike else r.weight for r in known])

    def mean(kept: np.ndarray) -> float:
        return float(np.average(values[kept], weights=weights[kept]))

    estimate = jackknife(mean, len(known), rng, metric.bounds, groups=len(known))
    return Found(estimate, len(rows) - len(known), noted(reason, "" if len(known) > 1 else "one clip has no interval"))


def noted(*texts: str) -> str:
    """Return the texts that say something, as one note."""
    return "; ".join(filter(None, texts))


def score_of(system: str, metric: Metric, found: Found) -> dict[str, Any]:
    """Return the fields of a row that every set has: those of ``tables.Score``."""
    value = found.estimate
    return {
        "system": system,
        "metric": metric.name,
        "direction": metric.direction,
        "value": value.value,
        "low": value.low,
        "high": value.high,
        "n": value.n,
        "missing": found.missing,
        "note": found.note,
        "version": metric.version,
    }
