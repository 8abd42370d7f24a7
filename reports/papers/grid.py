"""A table laid out: systems as rows, or tasks as rows and systems as columns; ranks, verdicts, and what was not run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reports.papers.numbers import OURS, PUBLISHED, Number, published_numbers
from reports.papers.tables import Table
from reports.papers.verdict import NOT_RUN, legend, worst

ARROWS = {"higher": "\N{NO-BREAK SPACE}↑", "lower": "\N{NO-BREAK SPACE}↓", "": ""}


@dataclass(frozen=True)
class System:
    """A printed row or one of ours, and what is said of it as a whole."""

    name: str
    origin: str
    numbers: Mapping[str, Number]  # by column
    rank: int = 0  # 0: stands outside the ranking
    verdict: str = ""  # of what stands for a printed row; '' for ours, which carry theirs number by number
    unranked: str = ""
    cause: str = ""
    protocol: str = ""
    note: str = ""


@dataclass(frozen=True)
class Grid:
    """A table with everything that is shown of it."""

    table: Table
    systems: tuple[System, ...]  # as printed, then ours

    @property
    def ours(self) -> bool:
        """Whether it has a row of ours."""
        return any(s.origin == OURS for s in self.systems)

    @property
    def numbers(self) -> list[Number]:
        """Every number of the table."""
        return [n for s in self.systems for n in s.numbers.values()]


def grid(table: Table, ours: Sequence[Number]) -> Grid:
    """Return the table with our numbers below the printed ones."""
    systems = [*_systems(published_numbers(table)), *_systems(ours)]
    ranks = _ranks(table, systems)
    found = []
    for system in systems:
        first = next(iter(system.numbers.values()))
        verdict = _verdict(system.name, ours) if system.origin == PUBLISHED else ""
        ranking = system.numbers.get(table.rank_by, first)
        found.append(
            System(
                system.name,
                system.origin,
                system.numbers,
                ranks.get(system.name, 0),
                verdict,
                ranking.unranked,
                first.cause,
                ranking.protocol,
                _notes(system.numbers.values()),
            )
        )
    return Grid(table, tuple(found))


def _systems(numbers: Sequence[Number]) -> list[System]:
    names = dict.fromkeys((n.origin, n.row) for n in numbers)
    return [System(row, origin, {n.column: n for n in numbers if n.row == row}) for origin, row in names]


def _verdict(name: str, ours: Sequence[Number]) -> str:
    return worst({n.verdict for n in ours if n.against == name and n.verdict})


def _ranks(table: Table, systems: Sequence[System]) -> dict[str, int]:
    """Return name -> rank of the systems under the table's own protocol; equal numbers share a rank."""
    numbers = {s.name: n for s in systems if (n := s.numbers.get(table.rank_by))}
    ranked = {k: n for k, n in numbers.items() if not n.unranked and not math.isnan(n.value)}
    if len(ranked) < 2:
        return {}
    sign = -1 if table.quantity(table.rank_by).better == "higher" else 1
    values = sorted(sign * n.value for n in ranked.values())
    return {name: 1 + values.index(sign * n.value) for name, n in ranked.items()}


def _notes(numbers: Sequence[Number] | object) -> str:
    return "; ".join(dict.fromkeys(n.note for n in numbers if n.note))  # type: ignore[attr-defined]


def title(table: Table, column: str) -> str:
    """Return a column's heading with its unit and direction."""
    q = table.quantity(column)
    unit = "" if q.unit in ("1", "fraction") or table.by_task else f", {q.unit}"
    return f"{q.title}{unit}{'' if table.by_task else ARROWS[q.better]}"


def interval(number: Number) -> str:
    """Return the interval with as many digits as the number has; '' for none."""
    if math.isnan(number.low):
        return ""
    decimals = 1 if number.unit == "%" else _decimals(number)
    return f"{number.low:.{decimals}f} – {number.high:.{decimals}f}".replace("-", "−")


def _decimals(number: Number) -> int:
    return len(number.text.partition(".")[2])


def difference(number: Number) -> str:
    """Return ours minus the published number with its sign; '' where there is none."""
    if math.isnan(number.difference):
        return ""
    large = number.unit == "%" or abs(number.difference) >= 100  # three digits of a thousand would be a power of ten
    return f"{number.difference:{'+.1f' if large else '+.3g'}}".replace("-", "−")


def remains(table: Table, shown: Grid) -> str:
    """Return how the rows that were not run would be made, or why they cannot; '' when all were."""
    if all(s.verdict != NOT_RUN for s in shown.systems if s.origin == PUBLISHED):
        return ""
    if table.blocked:
        return f"Not run. {table.blocked}"
    return f"Not run: {'the other rows' if shown.ours else 'no row of ours yet'}. One is made by `{table.command}`."


def mark(key: str) -> str:
    """Return the mark of a verdict."""
    return legend()[key].mark if key else ""
