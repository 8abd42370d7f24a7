"""Krippendorff's alpha: agreement of several raters beyond chance, with missing ratings (Krippendorff 2011,
the coincidence form)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

Level = Literal["nominal", "ordinal", "interval"]


def krippendorff_alpha(units: Iterable[Sequence[float]], level: Level = "interval") -> float:
    """Return alpha of ratings grouped by unit: 1 is perfect agreement, 0 is chance, below 0 is worse than chance.

    ``units`` has the ratings that each unit got, absent ones left out; units with fewer than two say nothing and are
    skipped. NaN when nothing can be paired or when no rating differs from another, where agreement beyond chance is
    undefined.

    >>> krippendorff_alpha([[1, 1], [2, 3]])  # 1 - 3 * 2 / 22: squared differences within units, and of any two
    0.7272727272727273
    """
    pairable = [list(u) for u in units if len(u) >= 2]
    totals = Counter(value for unit in pairable for value in unit)
    n = sum(totals.values())
    distance = _distance(level, totals)
    chance = sum(a * b * distance(x, y) for x, a in totals.items() for y, b in totals.items())
    if not chance:
        return math.nan
    observed = sum(_disagreement(unit, distance) for unit in pairable)
    return 1 - (n - 1) * observed / chance


def _disagreement(unit: Sequence[float], distance: Callable[[float, float], float]) -> float:
    counts = Counter(unit)
    return sum(a * b * distance(x, y) for x, a in counts.items() for y, b in counts.items()) / (len(unit) - 1)


def _distance(level: Level, totals: Counter[float]) -> Callable[[float, float], float]:
    if level == "nominal":
        return lambda x, y: float(x != y)
    if level == "interval":
        return lambda x, y: (x - y) ** 2
    below: dict[float, float] = {}
    seen = 0
    for value in sorted(totals):
        below[value] = seen + totals[value] / 2  # middle rank
        seen += totals[value]
    return lambda x, y: (below[x] - below[y]) ** 2
