"""What one number of a table is a mean of, and the row that holds it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from crossbody import catalog
from reports.frames import where
from reports.published import TASK_WEIGHTED
from reports.statistics import Estimate
from reports.table import COLUMNS

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Column:
    """A mean over the tasks of some splits (all families, or one)."""

    title: str
    splits: tuple[str, ...]
    family: str = ""
    aggregator: str = TASK_WEIGHTED
    part: str = ""  # its name among the parts of published rows
    parts: tuple[str, ...] = ()  # or the parts that it is the mean of

    def of(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the episodes of this column."""
        chosen = where(rows, "split", *self.splits)
        return where(chosen, "family", self.family) if self.family else chosen

    def holds(self, split: str, family: str) -> bool:
        """Return whether a task of this split and family belongs to the column."""
        return split in self.splits and self.family in ("", family)


@cache
def suite_tasks(suite: str) -> dict[str, tuple[str, str]]:
    """Return task -> (split, family) of a suite; nothing for a suite that is not in the catalog."""
    if suite not in catalog.entries("suites"):
        return {}
    groups = catalog.resolve("suites", suite)["groups"]
    return {task: (g["split"], g["family"]) for g in groups for task in g["tasks"]}


def record(*, estimate: Estimate, **values: Any) -> dict[str, Any]:
    """Return one row of a table; what is not given is empty or 0."""
    empty = {name: "" for name in COLUMNS} | {
        "tasks": 1,
        "of_tasks": 1,
        "n": 0,
        "errors": 0,
        "missing": 0,
        "headline": True,
        "unit": "%",
    }
    return empty | values | {"value": estimate.value, "low": estimate.low, "high": estimate.high}
