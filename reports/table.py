"""What a table is: a function from episodes and published rows to long rows, and the checks before it is called."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crossbody import catalog
from crossbody.errors import CrossbodyError
from crossbody.seeds import generator
from reports import frames, published

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

GENERIC = "any_suite"

PUBLISHED_CAVEAT = "Published rows ran with the official assets under the protocol that is stated with each."

COLUMNS = {
    "section": "which block of the table",
    "group": "heading within the block; '' for none",
    "column": "what is counted: a split, a mean, or a task's name ('' for the mean of the group)",
    "aggregator": "task_weighted or split_mean; '' for a single task",
    "system": "agent or published system",
    "origin": "'run' or 'published'",
    "headline": "whether the console shows it; the page and the files show all",
    "protocol": "name and hash of ours, or as stated",
    "tasks": "tasks that are in the number",
    "of_tasks": "tasks that belong there",
    "n": "episodes; 0 when not stated",
    "errors": "episodes whose last attempt ended in an error: failures, counted here too",
    "missing": "episodes without an attempt: the value is NaN while there are any",
    "value": "success rate or difference of two, a fraction; else in its unit",
    "low": "lower end of the 95 % interval",
    "high": "upper end of the 95 % interval",
    "note": "what else a reader must know",
    "unit": "'%' for fractions that are shown as percent, else what the value is in",
}
"""The columns of every table, which is long: one number per row."""

Build = Callable[["pd.DataFrame", Sequence[published.PublishedRow], "np.random.Generator"], "pd.DataFrame"]


@dataclass(frozen=True)
class Table:
    """A table of the catalog. It is used for the suite of its name."""

    name: str
    title: str
    grouping: tuple[str, ...]  # columns of the episodes that may differ between rows; others must be one
    build: Build
    also: tuple[str, ...] = ()  # further suites whose runs may be given beside its own
    trained_on: str = ""  # what "unseen" is relative to, where the suite has such tasks
    measured: bool = False  # True: the episodes have a column for the value and for the weight of every metric
    caveat: str = PUBLISHED_CAVEAT  # what to know about the published rows


def table_of(suite: str) -> Table:
    """Return the table that has the suite's name, or the one that fits every suite."""
    return catalog.resolve("tables", suite if suite in catalog.entries("tables") else GENERIC)


def make(runs: Sequence[frames.Run], show_missing: bool = False) -> pd.DataFrame:
    """Return the long table of these runs beside the published rows; the first run's suite chooses the table.

    Runs of different protocol hashes, of suites that the table does not know, or with missing episodes raise
    RunFolderError or CrossbodyError; ``show_missing`` lets the last pass. The same folders give the same intervals.
    """
    manifest = runs[0].manifest
    table = table_of(manifest.suite)
    frames.require_one_protocol(runs)
    _require_suites(table, runs)
    if not show_missing:
        frames.require_complete(runs)
    rows = frames.measured(runs) if table.measured else frames.episodes(runs)
    require_grouping(table, rows)
    suites = (manifest.suite, *table.also)
    known = [row for suite in suites for row in published.load(suite)]
    return table.build(rows, known, generator(manifest.seed, f"table/{table.name}"))


def require_grouping(table: Table, rows: pd.DataFrame) -> None:
    """Raise CrossbodyError when the episodes differ in a column that the table does not group by."""
    for column in ("protocol_hash", "suite", "agent", "run"):
        values = sorted(rows[column].unique())
        if len(values) > 1 and column not in table.grouping:
            raise CrossbodyError(
                f"table '{table.name}' cannot mix {column} {' and '.join(values)}: "
                f"its rows may differ in {', '.join(table.grouping)} only. Make one table for each."
            )


def _require_suites(table: Table, runs: Sequence[frames.Run]) -> None:
    known = (runs[0].manifest.suite, *table.also)
    for run in runs:
        if run.manifest.suite not in known:
            raise CrossbodyError(
                f"table '{table.name}' shows runs of {' and '.join(known)}; "
                f"{run.path} is a run of {run.manifest.suite}. Report it by itself."
            )
