"""Intervals of what a set says: of a mean, a ratio of means or a Fréchet distance alike."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from reports.statistics import LEVEL, Estimate

if TYPE_CHECKING:
    import numpy as np

GROUPS = 20
"""Leaving out one group at a time; statistics that are quick to compute leave out one member at a time instead."""


def jackknife(
    statistic: Callable[[np.ndarray], float],
    n: int,
    rng: np.random.Generator,
    bounds: tuple[float, float] = (-math.inf, math.inf),
    groups: int = GROUPS,
) -> Estimate:
    """Return a statistic of n members with the interval of its delete-a-group jackknife (Kott 2001), kept within
    bounds.

    ``statistic`` gets the indices of the members that it may use. Of a mean, with a group for each member, the interval
    is Student's. It says how the value varies with other members, n kept: a bias that falls with n is not in it.
    A single member has no interval, nor have members too few for the statistic to be known without a group: NaN.
    """
    import numpy as np
    from scipy.stats import t

    value = statistic(np.arange(n))
    if n < 2 or math.isnan(value):
        return Estimate(value, math.nan, math.nan, n)
    parts = np.array_split(rng.permutation(n), min(groups, n))
    without = np.array([statistic(np.setdiff1d(np.arange(n), part)) for part in parts])
    if np.isnan(without).any():
        return Estimate(value, math.nan, math.nan, n)
    count = len(parts)
    error = math.sqrt((count - 1) / count * float(((without - without.mean()) ** 2).sum()))
    reach = float(t.ppf((1 + LEVEL) / 2, count - 1)) * error
    return Estimate(value, max(bounds[0], value - reach), min(bounds[1], value + reach), n)
