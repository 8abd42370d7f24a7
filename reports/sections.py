"""The blocks that tables are made of: means over columns of tasks, single tasks, and gaps between matched tasks."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from reports.columns import Column, record, suite_tasks
from reports.frames import MISSING, count, where
from reports.literature import published_cell, published_task
from reports.published import SPLIT_MEAN, PublishedRow
from reports.statistics import Cell, Estimate, equal_groups, mean_over_tasks, rate
from reports.table import COLUMNS

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def means(
    section: str,
    columns: Sequence[Column],
    rows: pd.DataFrame,
    known: Iterable[PublishedRow],
    rng: np.random.Generator,
) -> list[dict[str, Any]]:
    """Return the rows of one block: each agent's means, then those published systems that have a number in it."""
    found = []
    for system, own in systems(rows):
        found += [own_mean(section, column, system, own, rng) for column in columns]
    for row in known:
        cells = [published_cell(section, column, row) for column in columns]
        if any(not math.isnan(c["value"]) for c in cells):
            found += cells
    return found


def systems(rows: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Return (label, episodes) of each run; a label is the agent's name, with the run's where two share an agent."""
    runs = dict(zip(rows["run"], rows["agent"], strict=True))
    twice = {agent for agent in runs.values() if list(runs.values()).count(agent) > 1}
    return [(f"{agent} ({run})" if agent in twice else agent, where(rows, "run", run)) for run, agent in runs.items()]


def own_mean(
    section: str, column: Column, system: str, rows: pd.DataFrame, rng: np.random.Generator, group: str = ""
) -> dict[str, Any]:
    """Return one of our means; NaN while an episode is missing or when no task of the column was run."""
    chosen = column.of(rows)
    belong = sum(column.holds(split, family) for split, family in suite_tasks(rows["suite"].iloc[0]).values())
    counts = _counts(chosen)
    tasks = len(set(chosen["task"]))
    estimate = Estimate(math.nan, math.nan, math.nan, counts["n"])
    if tasks and not counts["missing"]:
        cells = task_cells(chosen)
        cells = equal_groups(cells) if column.aggregator == SPLIT_MEAN else cells
        # Every number draws from the same state, so that the same tasks have the same interval in every block.
        estimate = mean_over_tasks(cells, deepcopy(rng))
    return record(
        section=section,
        group=group,
        column=column.title,
        aggregator=column.aggregator,
        system=system,
        origin="run",
        protocol=_protocol(rows),
        tasks=tasks,
        of_tasks=max(belong, tasks),
        estimate=estimate,
        **counts,
    )


def task_cells(rows: pd.DataFrame) -> list[Cell]:
    """Return one cell per task, grouped by split."""
    tasks = dict(zip(rows["task"], rows["split"], strict=True))
    chosen = {task: where(rows, "task", task) for task in tasks}
    return [Cell(count(chosen[task], "success", True), len(chosen[task]), split) for task, split in tasks.items()]


def single_tasks(
    section: str, groups: Sequence[Column], rows: pd.DataFrame, known: Iterable[PublishedRow], rng: np.random.Generator
) -> list[dict[str, Any]]:
    """Return the block of single tasks, each group headed by its mean; published systems that print tasks follow."""
    found = []
    for column in groups:
        for system, own in systems(rows):
            chosen = column.of(own)
            if len(chosen):
                heading = own_mean(section, column, system, own, rng, group=column.title)
                found.append(heading | {"column": ""})
            for task in dict.fromkeys(chosen["task"]):
                found.append(single_task(section, column.title, task, system, where(chosen, "task", task)))
        names = list(dict.fromkeys(column.of(rows)["task"]))
        for row in known:
            if printed := [published_task(section, column.title, task, row) for task in names if task in row.tasks]:
                heading = published_cell(section, column, row) | {"group": column.title, "column": ""}
                found += [heading, *printed]
    return found


def frame(records: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return the long table of records."""
    import pandas as pd

    return pd.DataFrame(records, columns=list(COLUMNS))


def label(task: str) -> str:
    """Return a short name that is unique within a split: ``Plate → Bowl``, ``Can → Cabinet, close``."""
    if m := re.fullmatch(r"\w*PnP(?:Novel|Base)From(\w+?)To(\w+?)Split[AB]", task):
        return f"{m[1]} → {m[2]}"
    if m := re.fullmatch(r"PnP(\w+?)To(\w+?)Close", task):
        return f"{m[1]} → {m[2]}, close"
    return task


def single_task(section: str, group: str, task: str, system: str, rows: pd.DataFrame) -> dict[str, Any]:
    """Return our rate of one task, of which there are rows; NaN while an episode is missing."""
    counts = _counts(rows)
    unknown = Estimate(math.nan, math.nan, math.nan, 0)
    estimate = unknown if counts["missing"] else rate(count(rows, "success", True), counts["n"])
    return record(
        section=section,
        group=group,
        column=task,
        system=system,
        origin="run",
        protocol=_protocol(rows),
        estimate=estimate,
        **counts,
    )


def _counts(rows: pd.DataFrame) -> dict[str, int]:
    missing = count(rows, "status", MISSING)
    return {"n": len(rows) - missing, "errors": count(rows, "failed", True), "missing": missing}


def _protocol(rows: pd.DataFrame) -> str:
    first = rows.iloc[0]
    return f"{first['protocol']} {first['protocol_hash']}"
