"""Statistics of columns, in the form in which LeRobot and GR00T keep them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

QUANTILES = {"q01": 0.01, "q99": 0.99}


class Sample:
    """Pictures passing by, of which every ``every``-th is kept."""

    def __init__(self, pictures: Iterable[np.ndarray], every: int):
        self._pictures, self._every = pictures, every
        self.kept: list[np.ndarray] = []

    def __iter__(self) -> Iterator[np.ndarray]:
        for number, picture in enumerate(self._pictures):
            if number % self._every == 0:
                self.kept.append(picture)
            yield picture


def describe(values: np.ndarray) -> dict[str, list]:
    """Return mean, std, min, max, q01, q99 per column of (frames, width), and ``count``."""
    x = np.asarray(values, np.float64).reshape(len(values), -1)
    stats = {"mean": x.mean(0), "std": x.std(0), "min": x.min(0), "max": x.max(0)}
    stats |= {name: np.quantile(x, q, axis=0) for name, q in QUANTILES.items()}
    return {name: [float(v) for v in value] for name, value in stats.items()} | {"count": [len(x)]}


def describe_pictures(pictures: Sequence[np.ndarray]) -> dict[str, Any]:
    """Return min, max, mean and std per channel of pictures (height, width, 3), scaled to 0..1, in LeRobot's shape (3,
    1, 1).

    Sums are of whole numbers, so that the result does not depend on the order of summation.
    """
    pixels = np.stack(pictures).reshape(-1, 3).astype(np.int64)
    count, total, squares = len(pixels), pixels.sum(0), (pixels**2).sum(0)
    stats = {
        "min": pixels.min(0) / 255,
        "max": pixels.max(0) / 255,
        "mean": total / (count * 255),
        "std": np.sqrt(count * squares - total**2) / (count * 255),
    }
    return {name: [[[float(v)]] for v in value] for name, value in stats.items()} | {"count": [len(pictures)]}


def describe_columns(columns: Mapping[str, np.ndarray]) -> dict[str, dict[str, list]]:
    """Return the statistics of every column."""
    return {name: describe(values) for name, values in columns.items()}
