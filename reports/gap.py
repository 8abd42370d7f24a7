"""How much is lost out of distribution: in-domain tasks against the tasks matched with them one to one."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from reports.columns import record, suite_tasks
from reports.frames import MISSING, count, where
from reports.published import TASK_WEIGHTED, PublishedRow
from reports.sections import task_cells
from reports.statistics import Estimate, difference, mean_over_tasks, rate

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

INSIDE, OUTSIDE, GAP = "In-domain", "Matched, unseen appearance", "Gap"


def matched_gap(
    section: str, rows: pd.DataFrame, known: Sequence[PublishedRow], rng: np.random.Generator
) -> list[dict[str, Any]]:
    """Return, for each agent with complete runs of both suites, the mean over matched tasks on both sides and its loss.

    The two sides have different scenes, so the interval of the gap is that of independent rates. Published systems
    follow whose paper prints both sides in one table; nothing is returned without a run that has both.
    """
    found = []
    for agent, own in rows.groupby("agent", sort=False):
        inside = where(own, "task", *own["pair"])
        outside = where(own, "pair", *inside["task"])
        sides = (inside, outside)
        if inside.empty or any(count(side, "status", MISSING) for side in sides):
            continue
        estimates = [mean_over_tasks(task_cells(side), deepcopy(rng)) for side in sides]
        first = own.iloc[0]
        found += _block(
            section,
            estimates,
            system=str(agent),
            origin="run",
            protocol=f"{first['protocol']} {first['protocol_hash']}",
            tasks=len(set(outside["task"])),
            of_tasks=sum(split in set(outside["split"]) for split, _ in suite_tasks(outside["suite"].iloc[0]).values()),
            errors=[count(side, "failed", True) for side in sides],
        )
    return found + _published(section, known) if found else []


def _published(section: str, known: Sequence[PublishedRow]) -> list[dict[str, Any]]:
    found = []
    for row in known:
        outside = row.part("unseen_appearance")
        twin = next((o for o in known if _same(o, row) and o.part("pick_and_place")), None)
        inside = twin.part("pick_and_place") if twin else None
        if outside and inside and row.episodes_per_task:
            estimates = [
                rate(p.value * p.tasks * row.episodes_per_task, p.tasks * row.episodes_per_task)
                for p in (inside, outside)
            ]
            found += _block(
                section,
                estimates,
                system=row.system,
                origin="published",
                protocol=f"{row.paper}: {row.protocol}",
                tasks=outside.tasks,
                of_tasks=outside.tasks,
                headline=row.headline,
            )
    return found


def _same(a: PublishedRow, b: PublishedRow) -> bool:
    return (a.paper, a.table, a.training) == (b.paper, b.table, b.training)


def _block(
    section: str, sides: Sequence[Estimate], errors: Sequence[int] = (0, 0), **common: Any
) -> list[dict[str, Any]]:
    inside, outside = sides
    numbers = zip(
        (INSIDE, OUTSIDE, GAP), (inside, outside, difference(inside, outside)), (*errors, sum(errors)), strict=True
    )
    return [
        record(
            section=section,
            column=column,
            aggregator=TASK_WEIGHTED,
            n=estimate.n,
            errors=wrong,
            estimate=estimate,
            **common,
        )
        for column, estimate, wrong in numbers
    ]
