"""Two agents on the same scenes: difference, exact test, and what the number of pairs could have shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

from reports.statistics import LEVEL, POWER, RESAMPLES, SMALL_TASK, Estimate, effective_size

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class PairCell:
    """Pairs of one task: how many only the first agent won, how many only the second, of how many."""

    only_first: float
    only_second: float
    n: int
    group: str = ""
    weight: float = 1.0


def paired_difference(cells: Sequence[PairCell], rng: np.random.Generator, level: float = LEVEL) -> Estimate:
    """Return the mean over tasks of (second - first) with a paired bootstrap interval.

    Pairs are resampled within tasks, or within groups where a task has few (see ``statistics.SMALL_TASK``). The
    interval is never narrower than Agresti and Min's (2005, Statistics in Medicine 24:729), because without a
    discordant pair every replicate is zero, which would claim certainty.
    """
    import numpy as np

    total = sum(c.weight for c in cells)
    value = sum(c.weight * (c.only_second - c.only_first) / c.n for c in cells) / total
    tails = 100 * np.array([(1 - level) / 2, (1 + level) / 2])
    low, high = np.percentile(_replicates(_strata(cells), rng), tails)
    floor_low, floor_high = _agresti_min(cells, value, level)
    return Estimate(
        value, max(-1.0, min(float(low), floor_low)), min(1.0, max(float(high), floor_high)), sum(c.n for c in cells)
    )


def mcnemar_exact(only_first: int, only_second: int) -> float:
    """Return the two-sided exact p-value that the two agents are equally good; 1 without a discordant pair."""
    from scipy.stats import binomtest

    discordant = only_first + only_second
    return float(binomtest(only_first, discordant).pvalue) if discordant else 1.0


def detectable_paired_difference(
    pairs: int, discordant_rate: float, power: float = POWER, level: float = LEVEL
) -> float:
    """Return the smallest difference that McNemar's exact test on this many pairs shows with this power.

    ``discordant_rate`` is the share of pairs in which exactly one agent wins; where it is smaller than the difference
    it is raised to it. NaN when even a difference of 1 would not show (fewer than 6 pairs at 95 %).
    """

    def shown(gap: float) -> float:
        return mcnemar_power(pairs, max(discordant_rate, gap), gap, level)

    if pairs < 1 or shown(1.0) < power:
        return math.nan
    low, high = 0.0, 1.0
    while high - low > 1e-4:
        middle = (low + high) / 2
        low, high = (low, middle) if shown(middle) >= power else (middle, high)
    return high


def mcnemar_power(pairs: int, discordant_rate: float, gap: float, level: float = LEVEL) -> float:
    """Return the probability that the exact test rejects, when ``gap`` of the pairs' ``discordant_rate`` is
    one-sided."""
    import numpy as np
    from scipy.stats import binom

    counts = np.arange(pairs + 1)
    chance = binom.pmf(counts, pairs, discordant_rate)
    # The largest number of losses at which the two-sided exact test still rejects; -1: never with so few pairs.
    most_losses = binom.ppf((1 - level) / 2, counts, 0.5)
    most_losses = np.where(binom.cdf(most_losses, counts, 0.5) > (1 - level) / 2, most_losses - 1, most_losses)
    wins = 0.5 + gap / (2 * discordant_rate) if discordant_rate else 0.5
    tail = binom.cdf(most_losses, counts, 1 - wins) + binom.cdf(most_losses, counts, wins)
    return float(chance @ np.minimum(tail, 1.0))


def _replicates(strata: Sequence[PairCell], rng: np.random.Generator) -> np.ndarray:
    import numpy as np

    total = sum(s.weight for s in strata)
    out = np.zeros(RESAMPLES)
    for s in strata:
        draws = max(1, s.n - 1)
        first, second = s.only_first / s.n, s.only_second / s.n
        counts = rng.multinomial(draws, [first, second, max(0.0, 1 - first - second)], size=RESAMPLES)
        out += s.weight / total * (counts[:, 1] - counts[:, 0]) / draws
    return out


def _agresti_min(cells: Sequence[PairCell], value: float, level: float) -> tuple[float, float]:
    from scipy.stats import norm

    total = sum(c.weight for c in cells)
    size = effective_size(cells)
    discordant = size * sum(c.weight * (c.only_first + c.only_second) / c.n for c in cells) / total
    gap = value * size / (size + 2)
    deviation = math.sqrt(max(0.0, discordant + 1 - (value * size) ** 2 / (size + 2))) / (size + 2)
    reach = float(norm.ppf((1 + level) / 2)) * deviation
    return gap - reach, gap + reach


def _strata(cells: Sequence[PairCell]) -> list[PairCell]:
    strata: list[PairCell] = []
    for group, grouped in groupby(sorted(cells, key=lambda c: c.group), key=lambda c: c.group):
        members = list(grouped)
        if min(c.n for c in members) >= SMALL_TASK:
            strata += members
        else:
            strata.append(_pool(group, members))
    return strata


def _pool(group: str, members: Sequence[PairCell]) -> PairCell:
    size = max(1, round(effective_size(members)))
    weight = sum(c.weight for c in members)
    first, second = (
        sum(c.weight * getattr(c, side) / c.n for c in members) / weight for side in ("only_first", "only_second")
    )
    return replace(members[0], only_first=first * size, only_second=second * size, n=size, group=group, weight=weight)
