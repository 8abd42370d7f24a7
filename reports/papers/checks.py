"""The checks that a claim is made of: each computes from the tables' numbers and says what it found.

A check is a function of the same name as in the claims' files; its arguments are the fields there. Numbers are given as
``TABLE/ROW/COLUMN`` or as printed in the sentence.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import NormalDist

from crossbody.errors import CrossbodyError
from reports.papers import spans, tables
from reports.papers.numbers import Number, find, published_numbers
from reports.papers.spans import Span
from reports.papers.tables import Table

HOLDS, WEAK, FAILS, UNKNOWN = "holds", "weak", "does not hold", "cannot be checked"
VERDICTS = (HOLDS, WEAK, UNKNOWN, FAILS)
"""From best to worst: a claim is as good as the worst of its checks. Weak: as printed,
and within what chance explains."""

Value = str | Decimal | int


@dataclass(frozen=True)
class Finding:
    """What one check found, and the computation."""

    verdict: str
    computation: str


def difference(a: str, b: str, printed: Value) -> Finding:
    """a − b is the printed number."""
    x, y = _span(a), _span(b)
    return _compared(x - y, printed, f"{_text(a)} − {_text(b)}")


def ratio(a: str, b: Value, printed: Value) -> Finding:
    """a / b is the printed number."""
    return _compared(_span(a).over(_span(b)), printed, f"{_text(a)} / {_text(b)}")


def change(old: str, new: str, printed: Value) -> Finding:
    """The change from old to new, in percent of old and without its sign, is the printed number."""
    x = (_span(new) - _span(old)).magnitude().over(_span(old)).times(100)
    return _compared(x, printed, f"|{_text(new)} − {_text(old)}| / {_text(old)}, in percent")


def mean(of: Sequence[str], printed: Value, weights: Sequence[int] = ()) -> Finding:
    """The (weighted) mean is the printed number."""
    found = spans.mean([_span(v) for v in of], weights or [1] * len(of))
    terms = [f"{w} × {_text(v)}" for w, v in zip(weights, of, strict=True)] if weights else [_text(v) for v in of]
    return _compared(found, printed, f"({' + '.join(terms)}) / {sum(weights) or len(of)}")


def total(of: Sequence[str], printed: Value) -> Finding:
    """The sum is the printed number."""
    return _compared(spans.total([_span(v) for v in of]), printed, " + ".join(_text(v) for v in of))


def equal(a: str, printed: Value) -> Finding:
    """Two places print the same number, one perhaps rounded."""
    found, said = _span(a), _span(printed)
    verdict = HOLDS if found.agrees(said) or found.value == said.value else FAILS
    return Finding(verdict, f"{a} is {_text(a)}, said to be {_text(printed)}")


def best(table: str, column: str, winner: str) -> Finding:
    """The winner's number is the best of its column; weak when its printed interval meets that of the second."""
    numbers = _column(table, column)
    won = next(n for n in numbers if n.row == winner)
    sign = 1 if won.better == "higher" else -1
    second = max((n for n in numbers if n.row != winner), key=lambda n: sign * n.value)
    text = f"{_table(table).quantity(column).title}: {won.text} ({winner}), next {second.text} ({second.row})"
    if sign * second.value > sign * won.value:
        return Finding(FAILS, text)
    if not math.isnan(won.low) and won.low < second.high and second.low < won.high:
        return Finding(WEAK, f"{text}; the intervals overlap")
    return Finding(HOLDS, text)


def below(table: str, column: str, bound: int) -> Finding:
    """Every number of the column is below the bound."""
    worst = max(_column(table, column), key=lambda n: n.value)
    return Finding(HOLDS if worst.value < bound else FAILS, f"the largest is {worst.text} ({worst.row})")


def improves(table: str, old: str, new: str, columns: Sequence[str]) -> Finding:
    """Every column is better in the new row."""
    gains = {c: _gain(table, old, new, c) for c in columns}
    return Finding(HOLDS if min(gains.values()) > 0 else FAILS, f"all better: {_listed(table, gains)}")


def largest(
    table: str, old: str, new: str, columns: Sequence[str], claimed: Sequence[str], relative: bool = False
) -> Finding:
    """The gains of the claimed columns, in percent of the old numbers if relative, are larger than all others."""
    gains = {c: _gain(table, old, new, c) / (_base(table, old, c) if relative else 1) for c in columns}
    least = min(gains[c] for c in claimed)
    verdict = HOLDS if all(gains[c] < least - 1e-9 for c in columns if c not in claimed) else FAILS
    shown = _listed(table, {c: 100 * g for c, g in gains.items()}, " %") if relative else _listed(table, gains)
    names = " and ".join(_table(table).quantity(c).title for c in claimed)
    return Finding(verdict, f"largest {'relative ' if relative else ''}gain in {names}: {shown}")


def exceeds(a: str, b: str, or_not_separated: bool = False) -> Finding:
    """Rate a is above rate b; weak when a two-proportion test does not tell them apart.

    ``or_not_separated``: it may also lie below, as long as it is not told apart ("approaches").
    """
    x, y = _number(a), _number(b)
    pooled = (x.value * x.n + y.value * y.n) / (x.n + y.n) / 100
    z = (x.value - y.value) / 100 / math.sqrt(pooled * (1 - pooled) * (1 / x.n + 1 / y.n))
    p = 2 * (1 - NormalDist().cdf(abs(z)))
    text = (
        f"{x.text} − {y.text} = {_signed(x.value - y.value, 1)} points, z = {_signed(z, 2)}, {_chance(p)} (n {x.n} "
        f"and {y.n})"
    )
    if p >= 0.05 and (z > 0 or or_not_separated):
        return Finding(WEAK, text)
    return Finding(HOLDS if z > 0 else FAILS, text)


def count(table: str, printed: int) -> Finding:
    """The table has the printed number of rows."""
    rows = len(_table(table).rows)
    return Finding(HOLDS if rows == printed else FAILS, f"{table} lists {rows}, the text announces {printed}")


def listed(listed: int, printed: int) -> Finding:
    """The document lists as many as it speaks of; otherwise nobody can check the number."""
    text = f"{listed} of {printed} are listed, {printed - listed} are not"
    return Finding(HOLDS if listed == printed else UNKNOWN, text)


def remark(finding: str) -> Finding:
    """A matter of notation, which no computation decides."""
    return Finding(UNKNOWN, finding)


CHECKS = {
    f.__name__: f
    for f in (
        difference,
        ratio,
        change,
        mean,
        total,
        equal,
        best,
        below,
        improves,
        largest,
        exceeds,
        count,
        listed,
        remark,
    )
}


def _compared(found: Span, said: Value, how: str) -> Finding:
    precise = max(2, spans.digits(_text(said)) + 1)
    text = f"{how} = {found.value:.{precise}f}, printed {_text(said)}"
    return Finding(HOLDS if found.agrees(_span(said)) else FAILS, text)


def _number(reference: str) -> Number:
    if reference.count("/") < 2:
        raise CrossbodyError(f"'{reference}' is no number: expected TABLE/ROW/COLUMN, as in U3/VLA-UniT + human/ood")
    table, rest = reference.split("/", 1)
    return find(_table(table), *rest.rsplit("/", 1))


def _table(name: str) -> Table:
    known = {t.id: t for paper in tables.papers() for t in tables.of_paper(paper)}
    if name not in known:
        raise CrossbodyError(f"unknown table '{name}'. Known: {', '.join(known)}.")
    return known[name]


def _column(table: str, column: str) -> list[Number]:
    return [n for n in published_numbers(_table(table)) if n.column == column]


def _gain(table: str, old: str, new: str, column: str) -> float:
    before, after = (find(_table(table), row, column) for row in (old, new))
    return (after.value - before.value) * (1 if after.better == "higher" else -1)


def _base(table: str, row: str, column: str) -> float:
    return find(_table(table), row, column).value


def _listed(table: str, gains: dict[str, float], unit: str = "") -> str:
    titles = {q.key: q.title for q in _table(table).quantities}
    return ", ".join(f"{titles[c]} {gain:+.3g}{unit}".replace("-", "−") for c, gain in gains.items())


def _signed(value: float, decimals: int) -> str:
    return f"{value:+.{decimals}f}".replace("-", "−")


def _chance(p: float) -> str:
    return f"p = {p:.2g}" if p >= 0.001 else "p < 0.001"


def _span(value: Value) -> Span:
    return spans.printed(_number(value).text if isinstance(value, str) else value)


def _text(value: Value) -> str:
    return _number(value).text if isinstance(value, str) else str(value)
