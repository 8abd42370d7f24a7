"""Arithmetic with printed numbers: each stands for every number that is rounded to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from reports.papers.numbers import digits


@dataclass(frozen=True)
class Span:
    """A number as computed from printed ones, and the range that their rounding leaves."""

    value: float
    low: float
    high: float

    def __sub__(self, other: Span) -> Span:
        return Span(self.value - other.value, self.low - other.high, self.high - other.low)

    def over(self, other: Span) -> Span:
        """Return the ratio; both are positive."""
        return Span(self.value / other.value, self.low / other.high, self.high / other.low)

    def times(self, factor: float) -> Span:
        """Return the multiple by a positive number."""
        return Span(factor * self.value, factor * self.low, factor * self.high)

    def magnitude(self) -> Span:
        """Return the absolute value of a number whose range does not hold 0."""
        return self if self.value >= 0 else Span(-self.value, -self.high, -self.low)

    def agrees(self, printed: Span) -> bool:
        """Return whether some number of the one range is one of the other; that they touch is not enough."""
        return self.low < printed.high - 1e-9 and printed.low < self.high - 1e-9


def printed(text: str | Decimal | int) -> Span:
    """Return what a printed number stands for: half a unit of its last digit to both sides."""
    value, half = float(text), 0.5 * 10.0 ** -digits(str(text))
    return Span(value, value - half, value + half)


def mean(spans: Sequence[Span], weights: Sequence[float]) -> Span:
    """Return the weighted mean."""
    share = [w / sum(weights) for w in weights]
    low, high = (sum(w * getattr(s, end) for w, s in zip(share, spans, strict=True)) for end in ("low", "high"))
    return Span(sum(w * s.value for w, s in zip(share, spans, strict=True)), low, high)


def total(spans: Sequence[Span]) -> Span:
    """Return the sum."""
    return Span(sum(s.value for s in spans), sum(s.low for s in spans), sum(s.high for s in spans))
