"""Our numbers in a table of tracked motions, from runs of the suites that it names: a row for each condition,
errors over all frames."""

from __future__ import annotations

import math
from copy import deepcopy
from typing import Any

from crossbody.errors import RunFolderError
from crossbody.seeds import generator
from reports import frames
from reports.papers.inputs import Input
from reports.papers.numbers import OURS, Number, digits, published_numbers
from reports.papers.tables import Quantity, Table
from reports.statistics import Estimate, mean_over_units

WHY = (
    "MuJoCo and motions of the procedural set instead of IsaacGym and a motion model; an error per frame depends "
    "on the frame rate"
)


def tracked_numbers(table: Table, source: Input) -> list[Number]:
    """Return the numbers of a run folder, each condition judged by the row of its name;
    nothing for a run of another suite."""
    run = frames.read(source.folder)
    if run.manifest.suite not in table.runs_of:
        return []
    try:
        rows = frames.measured([run])
    except RunFolderError:
        return []
    found = []
    for split in dict.fromkeys(rows["split"]):
        own = frames.where(rows, "split", split)
        label = f"{run.manifest.agent}, {split}"
        against = source.row or next((r.name for r in table.rows if _plain(r.system) == _plain(split)), "")
        for quantity in table.quantities:
            found.append(_number(table, quantity, run, (own, label, against)))
    return found


def _number(table: Table, quantity: Quantity, run: frames.Run, what: tuple[Any, str, str]) -> Number:
    rows, label, against = what
    lost = frames.count(rows, "success", False)
    estimate = _mean(rows, quantity.metric, run.manifest.seed)
    m = run.manifest
    decimals = max((digits(n.text) for n in published_numbers(table) if n.column == quantity.key), default=2)
    text = "–" if math.isnan(estimate.value) else f"{estimate.value:.{decimals}f}"
    note = f"{lost} of {len(rows)} episodes were lost, their frames until then are in it" if lost else ""
    return Number(
        paper="ours",
        table=table.id,
        row=label,
        column=quantity.key,
        value=estimate.value,
        text=text,
        low=estimate.low,
        high=estimate.high,
        unit=quantity.unit,
        better=quantity.better,
        protocol=f"{m.protocol.name} {m.protocol_hash}, {rows['control_hz'].iloc[0]:g} fps",
        unranked=WHY,
        n=estimate.n,
        link="",
        origin=OURS,
        source=str(run.path),
        note=note,
        against=against,
    )


def _mean(rows: Any, metric: str, seed: int) -> Estimate:
    missing = frames.count(rows, "status", frames.MISSING)
    if missing or f"metric.{metric}" not in rows:
        return Estimate(math.nan, math.nan, math.nan, len(rows) - missing)
    known = rows.loc[rows[f"metric.{metric}"].notna().to_numpy()]
    values, weights = (known[f"{kind}.{metric}"].tolist() for kind in ("metric", "weight"))
    return mean_over_units(values, deepcopy(generator(seed, "papers")), weights=weights)


def _plain(name: str) -> str:
    return name.replace(" ", "")
