"""Vision tasks of the humanoid: the rate of each beside Humanoid-VLA’s Table 5."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from reports.columns import Column, record
from reports.frames import where
from reports.papers import tables
from reports.sections import frame, means, single_task, systems
from reports.statistics import rate
from reports.table import Table

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

PAPER, TABLE_5, COLUMN = "humanoid_vla", "H5", "success"
SECTION = "Tasks"
CAVEAT = (
    "Published rows are Humanoid-VLA’s Table 5: a real Unitree G1 and its language model; its scenes and what "
    "counts as a success are not "
    "stated. Ours are scenes in MuJoCo with rules of our own. They stand beside each other and are not ranked."
)


def build(rows: pd.DataFrame, known: Sequence[Any], rng: np.random.Generator) -> pd.DataFrame:
    """Return each agent's mean over the tasks, then every task with the published rate under it."""
    splits = tuple(dict.fromkeys(rows["split"]))
    count = len(set(rows["task"]))
    found = means("All tasks", [Column(f"Mean of {count} task{'s' if count != 1 else ''}", splits)], rows, (), rng)
    for task in dict.fromkeys(rows["task"]):
        for system, own in systems(rows):
            chosen = where(own, "task", task)
            if len(chosen):
                found.append(single_task(SECTION, "", task, system, chosen))
        found += _published(task)
    return frame(found)


def _published(task: str) -> list[dict[str, Any]]:
    """Return the printed row that a task of ours stands for, if any."""
    paper = next(t for t in tables.of_paper(PAPER) if t.id == TABLE_5)
    trials = next(q.n for q in paper.quantities if q.key == COLUMN)
    return [
        record(
            section=SECTION,
            column=task,
            system=f"{paper.by}, {paper.title}",
            origin="published",
            estimate=rate(round(float(row.values[COLUMN]) / 100 * trials), trials),
            n=trials,
            protocol=f"{paper.by}, {paper.where}: {paper.protocol}",
        )
        for row in paper.rows
        if row.task == task
    ]


TABLE = Table("humanoid_vision", "Vision tasks", grouping=("agent", "run"), build=build, caveat=CAVEAT)
