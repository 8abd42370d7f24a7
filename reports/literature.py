"""Published numbers as rows of our tables, with the interval that their number of episodes allows."""

from __future__ import annotations

import math
from typing import Any

from reports.columns import Column, record, suite_tasks
from reports.published import TASK_WEIGHTED, Part, PublishedRow, weighted
from reports.statistics import Cell, Estimate, published_mean, rate


def published_cell(section: str, column: Column, row: PublishedRow) -> dict[str, Any]:
    """Return a published mean as printed, else computed from its printed parts, else NaN."""
    part = _printed(column, row)
    note = row.inconsistent or row.note
    if part is None and column.parts and all(row.part(name) for name in column.parts):
        pieces = [p for name in column.parts if (p := row.part(name))]
        part = Part(column.title, sum(p.tasks for p in pieces), weighted(pieces, column.aggregator))
        note = "computed here from its printed parts" + (f"; {note}" if note else "")
    tasks = part.tasks if part else 0
    return record(
        section=section,
        column=column.title,
        aggregator=column.aggregator,
        system=row.system,
        origin="published",
        protocol=f"{row.paper}: {row.protocol}",
        tasks=tasks,
        of_tasks=tasks,
        n=tasks * row.episodes_per_task,
        headline=row.headline,
        estimate=_published_estimate(column, row, part),
        note=note if part else "",
    )


def published_task(section: str, group: str, task: str, row: PublishedRow) -> dict[str, Any]:
    """Return the published rate of one task."""
    n, value = row.episodes_per_task, row.tasks[task]
    return record(
        section=section,
        group=group,
        column=task,
        system=row.system,
        origin="published",
        protocol=f"{row.paper}: {row.protocol}",
        n=n,
        headline=row.headline,
        estimate=rate(value * n, n) if n else Estimate(value, math.nan, math.nan, 0),
    )


def _printed(column: Column, row: PublishedRow) -> Part | None:
    if column.part:
        return row.part(column.part) or _from_tasks(column, row)
    for average in row.averages:
        if average.aggregator == column.aggregator and average.tasks == _size(column, row.suite):
            return Part(column.title, average.tasks, average.value)
    return None


def _from_tasks(column: Column, row: PublishedRow) -> Part | None:
    place = suite_tasks(row.suite)
    values = [v for task, v in row.tasks.items() if task in place and column.holds(*place[task])]
    return Part(column.title, len(values), sum(values) / len(values)) if values else None


def _size(column: Column, suite: str) -> int:
    return sum(column.holds(*place) for place in suite_tasks(suite).values())


def _published_estimate(column: Column, row: PublishedRow, part: Part | None) -> Estimate:
    if part is None:
        return Estimate(math.nan, math.nan, math.nan, 0)
    per_task = row.episodes_per_task
    if not per_task:
        return Estimate(part.value, math.nan, math.nan, 0)
    pieces = [p for name in column.parts if (p := row.part(name))]
    if row.inconsistent or not pieces or len(pieces) != len(column.parts):
        return rate(part.value * part.tasks * per_task, part.tasks * per_task)
    weights = [p.tasks if column.aggregator == TASK_WEIGHTED else 1 for p in pieces]
    cells = [
        Cell(p.value * p.tasks * per_task, p.tasks * per_task, weight=w) for p, w in zip(pieces, weights, strict=True)
    ]
    bounds = published_mean(cells)
    return Estimate(part.value, bounds.low, bounds.high, bounds.n)
