"""Our numbers in a table whose rows are tasks: the success rate of each, from runs of the suites that it names."""

from __future__ import annotations

import math

from reports import frames
from reports.papers.inputs import Input
from reports.papers.numbers import OURS, Number
from reports.papers.tables import Table
from reports.sections import single_task

WHY = "scenes in MuJoCo with rules of our own instead of the real robot and its scenes, which are not described"


def trial_numbers(table: Table, source: Input) -> list[Number]:
    """Return the rate of each task of a run folder, judged by the row that it stands for;
    nothing for a run of another suite."""
    run = frames.read(source.folder)
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
                paper="ours",
                table=table.id,
                row=f"{agent}, {row.task}",
                column=quantity.key,
                value=value,
                text="–" if math.isnan(value) else f"{value:.0f}",
                low=low,
                high=high,
                unit=quantity.unit,
                better=quantity.better,
                protocol=f"{m.protocol.name} {m.protocol_hash}",
                unranked=WHY,
                n=record["n"],
                link="",
                origin=OURS,
                source=str(run.path),
                note=note,
                against=row.name,
            )
        )
    return found
