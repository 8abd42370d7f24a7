"""The tables of suites in which a humanoid tracks motions: errors over all frames, over survivors,
by kind and by motion."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reports.columns import record
from reports.frames import MISSING, count, where
from reports.papers import tables
from reports.sections import frame, systems
from reports.statistics import Estimate, mean_over_units, rate
from reports.table import Table

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

PAPER, TABLE_2 = "humanoid_vla", "H2"
CLIPS, SURVIVORS = "every clip alike", "survivors only"
CAVEAT = (
    "Published rows are Humanoid-VLA’s Table 2: IsaacGym; its motions, frame rate, bodies and what failures "
    "count as are not "
    "stated, and its errors per frame are labelled per second. They stand beside ours and are not ranked with them."
)


@dataclass(frozen=True)
class Measure:
    """One column: a metric, or a rate of the episodes."""

    title: str
    unit: str
    metric: str = ""
    published: str = ""  # key of the column of Table 2
    share: str = ""  # or the column of the episodes whose rate it is
    headline: bool = True  # shown on the terminal, too


TABLE_TWO = (
    Measure("Global MPJPE, mm", "mm", "mpjpe_global_mm", "g_mpjpe"),
    Measure("PA-MPJPE, mm", "mm", "mpjpe_pa_mm", "pa_mpjpe"),
    Measure("Accel., mm/f²", "mm/frame²", "acc_err_mm_frame2", "accel"),
    Measure("Velocity, mm/f", "mm/frame", "vel_err_mm_frame", "vel"),
)
"""The columns of Table 2, in its order."""

PER_SECOND = (
    Measure("Root-rel. MPJPE, mm", "mm", "mpjpe_root_mm"),
    Measure("Accel., mm/s²", "mm/s²", "acc_err_mm_s2"),
    Measure("Velocity, mm/s", "mm/s", "vel_err_mm_s"),
    Measure("Joints, rad", "rad", "joint_err_rad"),
    Measure("Joints, rad/s", "rad/s", "joint_vel_err_rad_s", headline=False),
)
FALLS = (
    Measure("Success, %", "%", share="success"),
    Measure("Falls, %", "%", "fell"),
    Measure("Survival, %", "%", "survival"),
    Measure("Worst frame, mm", "mm", "body_err_max_mm"),
)
BY_KIND = (TABLE_TWO[0], PER_SECOND[0], TABLE_TWO[1], FALLS[1], FALLS[0])


def table(suite: str, title: str, remark: str) -> Table:
    """Return the table of a suite of tracking tasks; ``remark`` says what its references are."""
    return Table(suite, title, grouping=("agent", "run"), build=build, measured=True, caveat=f"{CAVEAT} {remark}")


def build(rows: pd.DataFrame, known: Sequence[Any], rng: np.random.Generator) -> pd.DataFrame:
    """Return errors beside Table 2, errors per second, then means by split and task, then every motion."""
    found: list[dict[str, Any]] = []
    hz = float(rows["control_hz"].iloc[0])
    for section, measures in (
        (f"Errors beside Humanoid-VLA’s Table 2; per frame (f) at {hz:g} Hz", TABLE_TWO),
        ("Root-relative error, errors per second, joints", PER_SECOND),
        ("Success and falls", FALLS),
    ):
        for name, own in systems(rows):
            for label, chosen, even in _views(name, own):
                found += _row(section, label, chosen, measures, rng, even)
        found += _published(section, measures)
    columns = {"split": "By condition", "task": "By motion kind"}
    splits, tasks = set(rows["split"]), set(rows["task"])
    if len(splits) == 1:
        del columns["split"]
    elif len(splits) == len(tasks):
        del columns["task"]  # each condition is one task: the same rows again
    for name, own in systems(rows):
        prefix = f"{name}: " if len(set(rows["run"])) > 1 else ""
        for column, section in columns.items():
            for value in dict.fromkeys(own[column]):
                found += _row(section, prefix + str(value).replace("_", " "), where(own, column, value), BY_KIND, rng)
        for episode in own["episode"]:
            single = _row("By motion", prefix + episode, where(own, "episode", episode), BY_KIND, rng)
            found += [r | {"headline": False} for r in single]
    return frame(found)


def _views(name: str, rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame, bool]]:
    """Yield (label, episodes, whether every clip counts alike): all frames first, then what differs from it."""
    yield name, rows, False
    if len(rows) > 1:
        yield f"{name}, {CLIPS}", rows, True
    survived = (rows["success"] | (rows["status"] == MISSING)).to_numpy()
    if not survived.all():
        yield f"{name}, {SURVIVORS}", rows.loc[survived], False


def _row(
    section: str,
    label: str,
    rows: pd.DataFrame,
    measures: Sequence[Measure],
    rng: np.random.Generator,
    even: bool = False,
) -> list[dict[str, Any]]:
    missing = count(rows, "status", MISSING)
    facts: dict[str, Any] = {
        "section": section,
        "system": label,
        "origin": "run",
        "aggregator": "clips" if even else "frames",
        "missing": missing,
        "errors": count(rows, "failed", True),
        "n": len(rows) - missing,
    }
    if len(rows):
        first = rows.iloc[0]
        facts["protocol"] = f"{first['protocol']} {first['protocol_hash']}"
    found = []
    for measure in measures:
        estimate = _estimate(rows, measure, deepcopy(rng), even) if len(rows) and not missing else _nothing(0)
        found.append(
            record(**facts, column=measure.title, unit=measure.unit, headline=measure.headline, estimate=estimate)
        )
    return found


def _estimate(rows: pd.DataFrame, measure: Measure, rng: np.random.Generator, even: bool) -> Estimate:
    if measure.share:
        return rate(count(rows, measure.share, True), len(rows))
    name = f"metric.{measure.metric}"
    if name not in rows:
        return _nothing(len(rows))
    known = rows.loc[rows[name].notna().to_numpy()]
    values = [float(v) for v in known[name]]
    if not values:
        return _nothing(0)
    if measure.unit == "%" and set(values) <= {0.0, 1.0}:
        return rate(sum(values), len(values))
    weights = None if even or measure.unit == "%" else [float(w) for w in known[f"weight.{measure.metric}"]]
    return mean_over_units(values, rng, weights=weights)


def _nothing(n: int) -> Estimate:
    return Estimate(math.nan, math.nan, math.nan, n)


def _published(section: str, measures: Sequence[Measure]) -> Iterator[dict[str, Any]]:
    if not any(m.published for m in measures):
        return
    paper = next(t for t in tables.of_paper(PAPER) if t.id == TABLE_2)
    for row in paper.rows:
        for measure in measures:
            value = float(row.values[measure.published]) if measure.published else math.nan
            yield record(
                section=section,
                system=f"{paper.by} {row.system}",
                origin="published",
                column=measure.title,
                unit=measure.unit,
                estimate=Estimate(value, math.nan, math.nan, 0),
                protocol=f"{paper.by}, {paper.where}: {paper.protocol}",
                note="as printed; its frame rate is not stated" if measure.unit.startswith("mm/frame") else "",
            )
