"""A long table laid out for reading: blocks of rows and cells, already as text.
Rounding happens here and nowhere before."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reports.sections import label

if TYPE_CHECKING:
    import pandas as pd

EMPTY = "–"
OURS, PUBLISHED, HEADING = "run", "published", "heading"


@dataclass(frozen=True)
class CellText:
    """One number as it is shown: percent, interval, and what stands behind it."""

    value: str = EMPTY
    interval: str = ""
    n: str = ""
    warning: str = ""  # errors, missing episodes, tasks that were left out
    note: str = ""

    @property
    def line(self) -> str:
        """The whole cell in one line."""
        parts = [self.value + (f" [{self.interval}]" if self.interval else ""), self.n, self.warning]
        return ", ".join(p for p in parts if p)


@dataclass(frozen=True)
class RowText:
    """A labelled row of cells."""

    label: str
    kind: str  # OURS, PUBLISHED or HEADING
    cells: tuple[CellText, ...]
    protocol: str = ""


@dataclass(frozen=True)
class TableBlock:
    """A titled grid. ``published`` says for each column whether it is a published system's."""

    title: str
    first: str  # heading of the labels
    header: tuple[str, ...]
    rows: tuple[RowText, ...]
    published: tuple[bool, ...]
    unit: str = "%"  # '' where every column has its own

    @property
    def heading(self) -> str:
        """The title with the unit of all its numbers."""
        return f"{self.title} ({self.unit})" if self.unit else self.title


def blocks(table: pd.DataFrame, everything: bool = True) -> list[TableBlock]:
    """Return the blocks of a long table; without ``everything`` only the published systems for the first look."""
    found = []
    for section in dict.fromkeys(table["section"]):
        records = [r for r in table.to_dict("records") if r["section"] == section and (everything or r["headline"])]
        if not records:
            continue
        found.append(_by_task(section, records) if any(r["group"] for r in records) else _by_system(section, records))
    return found


def percent(fraction: float) -> str:
    """Return a fraction as percent with one decimal, or a dash for NaN."""
    return EMPTY if math.isnan(fraction) else f"{100 * fraction:.1f}"


def plain(value: float) -> str:
    """Return a number with about three digits, or a dash for NaN."""
    if math.isnan(value):
        return EMPTY
    size = abs(value)
    return f"{value:.{0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3}f}"


def cell(record: dict[str, Any]) -> CellText:
    """Return one number as text."""
    known, text = not math.isnan(record["low"]), percent if record["unit"] == "%" else plain
    interval = f"{text(record['low'])} – {text(record['high'])}" if known else ""
    n = f"n {record['n']}" if record["n"] else ""
    return CellText(text(record["value"]), interval, n, _warning(record), record["note"])


def _warning(record: dict[str, Any]) -> str:
    parts = []
    if record["missing"]:
        parts.append(f"{record['missing']} missing")
    if record["tasks"] != record["of_tasks"]:
        parts.append(f"{record['tasks']} of {record['of_tasks']} tasks")
    if record["errors"]:
        parts.append(f"{record['errors']} error{'s' if record['errors'] > 1 else ''}")
    return ", ".join(parts)


def _by_system(section: str, records: Sequence[dict[str, Any]]) -> TableBlock:
    columns = list(dict.fromkeys(r["column"] for r in records))
    keyed = {(r["origin"], r["protocol"], r["system"], r["column"]): r for r in records}
    rows = []
    for origin, protocol, system in dict.fromkeys(key[:3] for key in keyed):
        found = (keyed.get((origin, protocol, system, column)) for column in columns)
        cells = tuple(cell(r) if r else CellText() for r in found)
        rows.append(RowText(system, origin, cells, protocol))
    unit = "%" if all(r["unit"] == "%" for r in records) else ""
    return TableBlock(section, "System", tuple(columns), tuple(rows), (False,) * len(columns), unit)


def _by_task(section: str, records: Sequence[dict[str, Any]]) -> TableBlock:
    systems = list(dict.fromkeys((r["system"], r["origin"]) for r in records))
    keyed = {(r["group"], r["column"], r["system"]): r for r in records}
    rows = []
    for group, task in dict.fromkeys(key[:2] for key in keyed):
        found = (keyed.get((group, task, system)) for system, _ in systems)
        cells = tuple(cell(r) if r else CellText() for r in found)
        rows.append(RowText(label(task) if task else group, OURS if task else HEADING, cells))
    published = tuple(origin == PUBLISHED for _, origin in systems)
    return TableBlock(section, "Task", tuple(system for system, _ in systems), tuple(rows), published)
