"""Metrics: a pure function of a subject, with what is needed to read its numbers.
Where its file lies says what it takes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

from crossbody import catalog
from crossbody.contracts import MetricRow
from crossbody.errors import UnknownName


@dataclass(frozen=True)
class Unknown:
    """Why a metric has no value for an episode."""

    reason: str


@dataclass(frozen=True)
class Weighted:
    """A value that counts by its weight in the mean of a set, as a mean over the moving pixels of a clip does."""

    value: float
    weight: float


class Outcome(NamedTuple):
    """What a row says of one subject: a value with its weight, or NaN, 0 and the reason."""

    value: float
    weight: float
    reason: str


class Backbone(Protocol):
    """What a metric looks through: weights or an algorithm. Both texts stand in every row made with it."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...


@dataclass(frozen=True)
class Metric:
    """One metric. ``version`` rises with every change that can move a number."""

    name: str  # with its unit
    direction: Literal["up", "down", "none"]  # which way is better
    bounds: tuple[float, float]
    version: int
    function: Callable[[Any], float | Weighted | Unknown]
    backbone: Backbone | None = None

    def row(self, episode: str, measured: Any) -> MetricRow:
        """Return the metric's row of an episode. Unknown is NaN with its reason;
        a value out of bounds raises ValueError."""
        found = self.outcome(episode, measured)
        return MetricRow(episode, self.name, found.value, found.reason, self.version, found.weight)

    def outcome(self, subject: str, measured: Any) -> Outcome:
        """Return the value of what it measures as a row holds it."""
        found = self.value(subject, measured)
        if isinstance(found, Unknown):
            return Outcome(math.nan, 0.0, found.reason)
        return Outcome(found.value, found.weight, "")

    def value(self, subject: str, measured: Any) -> Weighted | Unknown:
        """Return the function's value of what it measures; one out of bounds raises ValueError that names the
        subject."""
        found = self.function(measured)
        if isinstance(found, Unknown):
            return found
        weighted = found if isinstance(found, Weighted) else Weighted(float(found), 1.0)
        low, high = self.bounds
        if not low <= weighted.value <= high:
            raise ValueError(f"{self.name} of {subject} is {weighted.value}, outside [{low}, {high}]")
        return weighted


def metrics_of(subject: str) -> dict[str, Metric]:
    """Return name -> metric of those that take a subject; one that has no folder under metrics/ raises UnknownName."""
    if subject not in catalog.groups("metrics"):
        raise UnknownName("subject of metrics", subject, catalog.groups("metrics"))
    found = (catalog.load(e.target) for e in catalog.entries("metrics").values() if e.group == subject)
    return {metric.name: metric for metric in found}
