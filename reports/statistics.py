"""Intervals and tests for success rates. Rates are fractions; nothing here rounds or draws from a global generator.

A suite is a fixed list of tasks, so a mean over tasks varies only because each task was tried on finitely many scenes.
Its variance comes from a stratified bootstrap (``n - 1`` draws of ``n``, Rao and Wu 1988, so that small strata are not
too narrow). Percentiles of such replicates cover far too seldom near 0 and 1 (52 % instead of 95 % for a rate of 0.99
on 73 tasks of one episode), and have no width at all when every episode ends alike. So the variance only sets the
effective number of episodes, and the interval is Wilson's at that number (Franco et al. 2019, Journal of Survey
Statistics and Methodology 7:334). Measured coverage: ``tests/test_statistics.py``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from statistics import NormalDist
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np

LEVEL = 0.95
POWER = 0.8
RESAMPLES = 10_000

SMALL_TASK = 5
"""Below this many episodes a task is no stratum of its own: the tasks of its group are pooled, which can only widen."""

MOST_GAIN = 2.0
"""Stratification never counts for more than this multiple of the episodes: tasks that always end alike prove little."""


@dataclass(frozen=True)
class Cell:
    """The outcomes of one task: ``successes`` of ``n``, in a group, with a weight in the mean (any positive scale)."""

    successes: float
    n: int
    group: str = ""
    weight: float = 1.0


class Weighted(Protocol):
    """Anything with a number of episodes and a weight in a mean."""

    @property
    def n(self) -> int: ...
    @property
    def weight(self) -> float: ...


@dataclass(frozen=True)
class Estimate:
    """A value with its interval and the number of episodes behind it."""

    value: float
    low: float
    high: float
    n: int


def wilson(k: float, n: float, level: float = LEVEL) -> tuple[float, float]:
    """Return Wilson's interval of a rate from ``k`` successes of ``n``; (0, 1) when there is none.

    Neither number need be whole: a published rate times its n is not, and neither is an effective n.
    """
    if n <= 0:
        return 0.0, 1.0
    # Closed form: importing statsmodels takes seconds, and the progress bar of every run shows this interval.
    z2 = NormalDist().inv_cdf((1 + level) / 2) ** 2
    middle = (k + z2 / 2) / (n + z2)
    reach = math.sqrt(z2 * (max(0.0, k * (n - k)) / n + z2 / 4)) / (n + z2)
    return 0.0 if k <= 0 else middle - reach, 1.0 if k >= n else middle + reach


def rate(k: float, n: int, level: float = LEVEL) -> Estimate:
    """Return a success rate with Wilson's interval; NaN with (0, 1) when there is no episode."""
    return Estimate(k / n if n else math.nan, *wilson(k, n, level), n)


def mean_over_tasks(cells: Sequence[Cell], rng: np.random.Generator, level: float = LEVEL) -> Estimate:
    """Return the weighted mean of the tasks' rates with its interval; every cell needs an episode."""
    return _wilson_at_effective_n(cells, _bootstrap_variance(_strata(cells), rng), level)


def mean_over_groups(cells: Sequence[Cell], rng: np.random.Generator, level: float = LEVEL) -> Estimate:
    """Return the unweighted mean of the groups' means (each over its tasks) with its interval."""
    return mean_over_tasks(equal_groups(cells), rng, level)


def equal_groups(cells: Sequence[Cell]) -> list[Cell]:
    """Return the cells with weights such that every group counts the same, whatever its number of tasks."""
    total = {group: sum(c.weight for c in members) for group, members in _by_group(cells)}
    return [replace(c, weight=c.weight / total[c.group]) for c in cells]


def mean_over_units(
    values: Sequence[float], rng: np.random.Generator, level: float = LEVEL, weights: Sequence[float] | None = None
) -> Estimate:
    """Return the mean of one score per unit (a pair of clips, a motion) with a percentile bootstrap interval over
    units.

    Each replicate draws ``n - 1`` of ``n``, as above. One unit has no interval (NaN), none has no mean either. With
    ``weights`` (frames of a clip) units count by them; whole units are drawn all the same.
    """
    import numpy as np

    n = len(values)
    if n < 2:
        return Estimate(float(values[0]) if n else math.nan, math.nan, math.nan, n)
    scores = np.asarray(values, dtype=float)
    counts = np.ones(n) if weights is None else np.asarray(weights, dtype=float)
    block = max(1, 1_000_000 // n)  # replicates at a time, so that many units fit in memory
    sizes = [min(block, RESAMPLES - done) for done in range(0, RESAMPLES, block)]
    drawn = (rng.integers(0, n, (size, n - 1)) for size in sizes)
    means = np.concatenate([(scores * counts)[rows].sum(1) / counts[rows].sum(1) for rows in drawn])
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(float(np.average(scores, weights=counts)), float(low), float(high), n)


def published_mean(cells: Sequence[Cell], level: float = LEVEL) -> Estimate:
    """Return the weighted mean of published rates with Wilson's interval at the effective n of its parts.

    A published part is itself a mean over tasks that are not shown, hence the binomial variance, which is the most it
    can be."""
    total = sum(c.weight for c in cells)
    rates = [c.successes / c.n for c in cells]
    variance = sum((c.weight / total) ** 2 * p * (1 - p) / c.n for c, p in zip(cells, rates, strict=True))
    return _wilson_at_effective_n(cells, variance, level)


def difference(a: Estimate, b: Estimate) -> Estimate:
    """Return ``a - b`` of two independent rates with Newcombe's hybrid score interval (Newcombe 1998, method 10)."""
    low = math.hypot(a.value - a.low, b.high - b.value)
    high = math.hypot(a.high - a.value, b.value - b.low)
    gap = a.value - b.value
    return Estimate(gap, gap - low, gap + high, min(a.n, b.n))


def detectable_difference(n: int, base: float = 0.5, power: float = POWER, level: float = LEVEL) -> float:
    """Return the smallest rise over ``base`` that two independent runs of ``n`` episodes each show with ``power``.

    Normal approximation on the arcsine scale (Cohen 1988, chapter 6). NaN when even a rise to 1 would not show.
    """
    from statsmodels.stats.power import NormalIndPower

    if n < 1:
        return math.nan
    effect = NormalIndPower().solve_power(nobs1=n, alpha=1 - level, power=power)
    angle = math.asin(math.sqrt(base)) + float(effect) / 2
    return math.sin(angle) ** 2 - base if angle <= math.pi / 2 else math.nan


def effective_size(cells: Iterable[Weighted]) -> float:
    """Return Kish's effective number of episodes: all of them when weights go with numbers, fewer otherwise."""
    cells = list(cells)
    return sum(c.weight for c in cells) ** 2 / sum(c.weight**2 / c.n for c in cells)


def _wilson_at_effective_n(cells: Sequence[Cell], variance: float, level: float) -> Estimate:
    value, size = _mean(cells), effective_size(cells)
    spread = value * (1 - value)
    if spread > 1e-12:  # otherwise every episode ended alike, and Kish's number is all there is
        most = MOST_GAIN * size
        size = min(spread / variance, most) if variance > 0 else most
    return Estimate(value, *wilson(value * size, size, level), sum(c.n for c in cells))


def _mean(cells: Iterable[Cell]) -> float:
    cells = list(cells)
    return sum(c.weight * c.successes / c.n for c in cells) / sum(c.weight for c in cells)


def _strata(cells: Sequence[Cell]) -> list[Cell]:
    strata: list[Cell] = []
    for group, members in _by_group(cells):
        if min(c.n for c in members) >= SMALL_TASK:
            strata += members
        else:
            size = max(1, round(effective_size(members)))
            strata.append(Cell(_mean(members) * size, size, group, sum(c.weight for c in members)))
    return strata


def _bootstrap_variance(strata: Sequence[Cell], rng: np.random.Generator) -> float:
    import numpy as np

    draws = np.array([max(1, s.n - 1) for s in strata])
    rates = np.clip([s.successes / s.n for s in strata], 0.0, 1.0)
    weights = np.array([s.weight for s in strata])
    replicates = rng.binomial(draws, rates, size=(RESAMPLES, len(strata))) / draws @ (weights / weights.sum())
    return float(replicates.var())


def _by_group(cells: Sequence[Cell]) -> list[tuple[str, list[Cell]]]:
    ordered = sorted(cells, key=lambda c: c.group)
    return [(group, list(members)) for group, members in groupby(ordered, key=lambda c: c.group)]
