"""Any suite without a table of its own: its splits, the mean over its tasks, and every task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from reports.columns import Column
from reports.published import PublishedRow
from reports.sections import frame, means, single_tasks
from reports.table import GENERIC, Table

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def build(rows: pd.DataFrame, known: Sequence[PublishedRow], rng: np.random.Generator) -> pd.DataFrame:
    """Return one column per split and the task-weighted mean, then every task."""
    splits = tuple(dict.fromkeys(rows["split"]))
    columns = [Column(_title(split), (split,), part=split) for split in splits]
    tasks = len(set(rows["task"]))
    overall = Column(f"Mean of {tasks} task{'s' if tasks != 1 else ''}", splits)
    found = means("Splits", [*(columns if len(splits) > 1 else ()), overall], rows, known, rng)
    return frame(found + single_tasks("Tasks", columns, rows, known, rng))


def _title(split: str) -> str:
    return split.replace("_", " ").capitalize()


TABLE = Table(GENERIC, "Success rates", grouping=("agent", "run"), build=build)
