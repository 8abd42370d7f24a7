"""Our numbers in a table whose rows are tasks: the success rate of each, from runs of the suites that it names."""

from __future__ import annotations

import math

from reports import frames
from reports.papers.given import Given
from reports.papers.numbers import OURS, Number
from reports.papers.tables import Table
from reports.sections import single_task

WHY = "scenes in MuJoCo with rules of our own instead of the real robot and its scenes, which are not described"


def trial_numbers(table: Table, given: Given) -> list[Number]:
    """Return the rate of each task of a run folder, judged by the row that it stands for; nothing for a run of another suite."""
    run = frames.read(given.folder)
    if run.manifest.suite not in table.runs_of:
        return []
    episodes, agent, m = frames.episodes([run]), run.manifest.agent, run.manifest
    quantity, found = table.quantities[0], []
    for row in table.rows:
        chosen = frames.where(episodes, "task", row.task)
        if chosen.empty:
            continue
        record = single_task("", "", row.task, agent, chosen)
        value, low, high = (100 * record[key] for key in ("value", "low", "high"))
        note = f"not all episodes are there: `uv run crossbody resume {run.path}`" if record["missing"] else ""
        found.append(
            Number(
                "ours", table.id, f"{agent}, {row.task}", quantity.key, value, "–" if math.isnan(value) else f"{value:.0f}",
                low, high, quantity.unit, quantity.better, f"{m.protocol.name} {m.protocol_hash}", WHY, record["n"], "",
                OURS, str(run.path), note, against=row.name,
            )
        )  # fmt: skip
    return found
