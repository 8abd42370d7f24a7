"""Published numbers, read from the TOML files beside this one. Percentages there, fractions from here on."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from crossbody.errors import CrossbodyError

FOLDER = Path(__file__).parent

TASK_WEIGHTED = "task_weighted"
"""Every task counts the same."""

SPLIT_MEAN = "split_mean"
"""Every split counts the same, whatever its number of tasks."""

ROUNDING = 0.001
"""Parts and average are printed to 0.1 point, so an average made from printed parts may be off by twice half of it."""


@dataclass(frozen=True)
class Part:
    """A published mean over a group of tasks."""

    group: str
    tasks: int
    value: float


@dataclass(frozen=True)
class Average:
    """A published mean over all tasks, and how it was taken."""

    aggregator: str
    tasks: int
    value: float


@dataclass(frozen=True)
class PublishedRow:
    """One system in one published table."""

    system: str
    paper: str
    table: str
    suite: str
    protocol: str  # as stated
    link: str
    training: str = ""
    preset: str = ""  # the protocol of tasks/protocols that this one is, if any
    episodes_per_task: int = 0  # 0: not stated, so there is no interval
    headline: bool = True  # shown in the first table, not only in the full list
    evidence: str = "document"  # or second-hand, thread
    note: str = ""
    inconsistent: str = ""  # the computation, where the average does not follow from the parts
    parts: tuple[Part, ...] = ()
    averages: tuple[Average, ...] = ()
    tasks: Mapping[str, float] = field(default_factory=dict)

    def average(self, aggregator: str, tasks: int) -> Average | None:
        """Return the printed average of this kind over this many tasks, if there is one."""
        found = [a for a in self.averages if (a.aggregator, a.tasks) == (aggregator, tasks)]
        return found[0] if found else None

    def part(self, group: str) -> Part | None:
        """Return the published mean of a group, if there is one."""
        return next((p for p in self.parts if p.group == group), None)


@cache
def load(suite: str) -> tuple[PublishedRow, ...]:
    """Return every published row of a suite, in the order of the files."""
    return tuple(row for file in sorted(FOLDER.glob("*.toml")) for row in read(file) if row.suite == suite)


def read(file: Path) -> list[PublishedRow]:
    """Return the rows of one file; an unknown field or a percentage outside 0–100 raises CrossbodyError."""
    data = tomllib.loads(file.read_text())
    rows = []
    for number, raw in enumerate(data["rows"], 1):
        try:
            rows.append(_row(data, raw))
        except (TypeError, KeyError, ValueError) as error:
            raise CrossbodyError(f"{file.name}, row {number} ({raw.get('system', 'no system')}): {error}") from error
    return rows


def contradictions(row: PublishedRow) -> list[str]:
    """Return one sentence with the computation for each average that does not follow from its parts or cells."""
    found = []
    for average in row.averages:
        computed = recompute(row, average)
        if computed is not None and abs(computed - average.value) > ROUNDING + 1e-9:
            found.append(
                f"{row.system} ({row.paper}, {row.table}): {average.aggregator} over {average.tasks} tasks is printed "
                f"{100 * average.value:.1f}, its parts give {100 * computed:.1f}"
            )
    return found


def recompute(row: PublishedRow, average: Average) -> float | None:
    """Return the average made anew from the cells, else from the parts; None when they do not cover its tasks."""
    if len(row.tasks) == average.tasks and average.aggregator == TASK_WEIGHTED:
        return sum(row.tasks.values()) / len(row.tasks)
    if sum(p.tasks for p in row.parts) != average.tasks:
        return None
    return weighted(row.parts, average.aggregator)


def weighted(parts: Sequence[Part], aggregator: str) -> float:
    """Return the mean of parts under an aggregator."""
    weights = [p.tasks if aggregator == TASK_WEIGHTED else 1 for p in parts]
    return sum(w * p.value for w, p in zip(weights, parts, strict=True)) / sum(weights)


def _row(data: Mapping[str, Any], raw: Mapping[str, Any]) -> PublishedRow:
    fields = {"paper": data["paper"], "link": data["link"], **raw}
    fields["parts"] = tuple(Part(p["group"], p["tasks"], _fraction(p["percent"])) for p in raw.get("parts", ()))
    fields["averages"] = tuple(
        Average(a["aggregator"], a["tasks"], _fraction(a["percent"])) for a in raw.get("averages", ())
    )
    fields["tasks"] = {task: _fraction(value) for task, value in raw.get("tasks", {}).items()}
    return PublishedRow(**fields)


def _fraction(percent: float) -> float:
    if not 0 <= percent <= 100:
        raise ValueError(f"{percent} is not a percentage from 0 to 100")
    return percent / 100
