"""One row per number: the form in which published numbers and ours stand side by side, and the published ones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

from crossbody.errors import UnknownName
from reports import published
from reports.literature import published_cell, published_task
from reports.papers.measures import column_of
from reports.papers.tables import Printed, Quantity, Row, Table
from reports.published import PublishedRow
from reports.statistics import rate

PUBLISHED, OURS = "published", "run"
PERCENT = "%"


@dataclass(frozen=True, kw_only=True)
class Number:
    """One number of one table, in the unit that it is printed in (success rates in percent)."""

    paper: str
    table: str
    row: str
    column: str
    value: float
    text: str  # as printed, or rounded for the table
    low: float  # of the 95 % interval; NaN when none is known
    high: float
    unit: str
    better: str
    protocol: str
    unranked: str  # why it stands outside the ranking; '' when it does not
    n: int  # trials; 0: not stated
    link: str
    origin: str  # PUBLISHED or OURS
    source: str  # place in the source, or the folder of ours
    note: str = ""
    cause: str = ""  # what besides the protocol explains a difference of ours
    verdict: str = ""  # of ours beside the published number
    against: str = ""  # the published row that ours is judged by
    difference: float = math.nan  # ours minus the published number


@cache
def published_numbers(table: Table) -> tuple[Number, ...]:
    """Return every printed number of a table."""
    return tuple(n for row in table.rows for q in table.quantities if (n := _number(table, row, q)))


def find(table: Table, row: str, column: str) -> Number:
    """Return one printed number; a name that is not there raises UnknownName."""
    known = {(n.row, n.column): n for n in published_numbers(table)}
    key = (table.row(row).name, table.quantity(column).key)
    if key not in known:
        raise UnknownName(f"number of {table.id}", "/".join(key), map("/".join, known))
    return known[key]


def _number(table: Table, row: Row, quantity: Quantity) -> Number | None:
    if quantity.key in row.values:
        return _own(table, row, quantity, row.values[quantity.key])
    for name in _names(row.published, quantity):
        if found := _elsewhere(table, row, quantity, name):
            return found
    return None


def _own(table: Table, row: Row, quantity: Quantity, printed: Printed) -> Number:
    value, low, high = float(printed), math.nan, math.nan
    if quantity.key in row.ci:
        low, high = value - float(row.ci[quantity.key]), value + float(row.ci[quantity.key])
    elif quantity.unit == PERCENT and quantity.n:
        estimate = rate(value / 100 * quantity.n, quantity.n)
        low, high = 100 * estimate.low, 100 * estimate.high
    text = ("yes" if printed else "no") if isinstance(printed, bool) else str(printed)
    return Number(
        paper=table.by,
        table=table.id,
        row=row.name,
        column=quantity.key,
        value=value,
        text=text,
        low=low,
        high=high,
        unit=quantity.unit,
        better=quantity.better,
        protocol=table.protocol,
        unranked=row.unranked,
        n=quantity.n,
        link=table.link,
        origin=PUBLISHED,
        source=row.where or table.where,
        note=row.note,
    )


def _elsewhere(table: Table, row: Row, quantity: Quantity, name: str) -> Number | None:
    suite = table.tasks_of if quantity.task else column_of(quantity.measure)[0] if quantity.measure else ""
    source = _system(name).get(suite)
    if source is None:
        return None
    record = _record(source, quantity)
    if record is None or math.isnan(record["value"]):
        return None
    value = 100 * record["value"]
    return Number(
        paper=source.paper,
        table=table.id,
        row=row.name,
        column=quantity.key,
        value=value,
        text=percent_text(value),
        low=100 * record["low"],
        high=100 * record["high"],
        unit=quantity.unit,
        better=quantity.better,
        protocol=source.protocol,
        unranked=row.unranked or _other(table, source),
        n=record["n"],
        link=source.link,
        origin=PUBLISHED,
        source=source.table,
        note="; ".join(filter(None, (row.note, record["note"]))),
    )


def _record(source: PublishedRow, quantity: Quantity) -> dict[str, Any] | None:
    if quantity.task:
        return published_task("", "", quantity.task, source) if quantity.task in source.tasks else None
    return published_cell("", column_of(quantity.measure)[1], source)


def _other(table: Table, source: PublishedRow) -> str:
    return "" if source.preset == table.preset else f"another protocol: {source.protocol}"


def percent_text(value: float) -> str:
    """Return a percentage with the digits it was printed with: two where it has them, else one."""
    return f"{value:.2f}" if abs(value - round(value, 1)) > 1e-9 and _two_digits(value) else f"{value:.1f}"


def _two_digits(value: float) -> bool:
    return abs(value - round(value, 2)) < 1e-9


def _names(references: Any, quantity: Quantity) -> tuple[str, ...]:
    if isinstance(references, Mapping):
        references = references.get(quantity.key, ())
    return (references,) if isinstance(references, str) else tuple(references)


def _system(name: str) -> dict[str, PublishedRow]:
    """Return suite -> published row of a ``paper: system``."""
    known = _systems()
    if name not in known:
        raise UnknownName("published row", name, known)
    return known[name]


@cache
def _systems() -> dict[str, dict[str, PublishedRow]]:
    known: dict[str, dict[str, PublishedRow]] = {}
    for file in sorted(published.FOLDER.glob("*.toml")):
        for row in published.read(file):
            known.setdefault(f"{row.paper}: {row.system}", {})[row.suite] = row
    return known


def sources(table: Table) -> list[PublishedRow]:
    """Return the rows of the files of success rates that a table takes numbers from."""
    found: dict[str, PublishedRow] = {}
    for row in table.rows:
        for quantity in table.quantities:
            for name in _names(row.published, quantity):
                found |= {f"{name} {suite}": source for suite, source in _system(name).items()}
    return list(found.values())


def digits(text: str) -> int:
    """Return how many decimals a printed number has."""
    exponent = Decimal(text).as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
