"""Our numbers in a paper's table: from run folders, and from the folders that `score` and `judge` write."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from crossbody import catalog
from crossbody.errors import CrossbodyError
from crossbody.seeds import generator
from reports import frames
from reports.papers.inputs import EPISODES, JUDGED, SCORES, Input
from reports.papers.measures import column_of
from reports.papers.numbers import OURS, Number, digits, published_numbers
from reports.papers.tables import Quantity, Row, Table
from reports.papers.tracked import tracked_numbers
from reports.papers.trials import trial_numbers
from reports.papers.verdict import judged

SHARED = ("max_steps", "chunk", "success_rule")
"""What of a protocol moves a number: the number of episodes stands beside it,
and an early stop changes no outcome here."""

PAPER_SIZE = "base"

BY_CLIP = "clips"
"""The weighting of rows in which every motion counts once; the papers' means are over all frames."""

LANGUAGE_MODEL = "language_model"
"""The kind of judge that the paper has; programs and motion statistics stand beside it and are not compared."""


@dataclass
class System:
    """The runs of one agent under one protocol that share a row: one for each suite."""

    agent: str
    place: Input
    runs: dict[str, frames.Run] = field(default_factory=dict)  # suite -> run


def reproduced_numbers(table: Table, inputs: Sequence[Input]) -> list[Number]:
    """Return our numbers for a table, judged beside the row that each reproduces, if any."""
    own = [g for g in inputs if g.fits(table)]
    found = [n for system in _systems(table, own) for n in _of_runs(table, system)]
    of_suite = trial_numbers if any(row.task for row in table.rows) else tracked_numbers
    found += [n for g in own if table.runs_of and g.kind == EPISODES for n in of_suite(table, g)]
    found += [n for g in own if g.table and g.kind == SCORES for n in _of_scores(table, g)]
    found += [n for g in own if g.table and g.kind == JUDGED for n in _of_judge(table, g)]
    printed = {(n.row, n.column): n for n in published_numbers(table)}
    return [judged(n, printed[n.against, n.column]) if (n.against, n.column) in printed else n for n in found]


def _suites(table: Table) -> set[str]:
    return {_suite(table, q) for q in table.quantities} - {""}


def _suite(table: Table, quantity: Quantity) -> str:
    return column_of(quantity.measure)[0] if quantity.measure else table.tasks_of if quantity.task else ""


def _systems(table: Table, inputs: Sequence[Input]) -> list[System]:
    """Return the rows of ours: runs of one agent, options, weights and protocol, one of each suite."""
    found: dict[tuple, list[System]] = {}
    for g in inputs:
        if g.kind != EPISODES or (g.row and g.row not in {r.name for r in table.rows}):
            continue
        run = _read(g.folder)
        m = run.manifest
        if m.suite not in _suites(table) or (table.figure == "lines" and not g.column):
            continue
        key = (m.agent, json.dumps([dict(m.agent_options), dict(m.agent_card)]), m.protocol_hash, g.row, g.column)
        systems = found.setdefault(key, [])
        free = next((s for s in systems if m.suite not in s.runs), None)
        if free is None:
            free = System(m.agent, g)
            systems.append(free)
        free.runs[m.suite] = run
    return _labelled([s for systems in found.values() for s in systems])


@cache
def _read(folder: Path) -> frames.Run:
    return frames.read(folder)


def _labelled(systems: list[System]) -> list[System]:
    agents = [s.agent for s in systems]
    for s in systems:
        if agents.count(s.agent) > 1:
            s.agent = f"{s.agent} ({', '.join(run.path.name for run in s.runs.values())})"
    return systems


def _of_runs(table: Table, system: System) -> list[Number]:
    found = []
    for quantity in table.quantities:
        run = system.runs.get(_suite(table, quantity))
        if run and system.place.column in ("", quantity.key):
            record = _record(quantity, system.agent, run)
            if record and (record["n"] or record["missing"]):
                found.append(_rate(table, quantity, system, run, record))
    return found


def _rate(table: Table, quantity: Quantity, system: System, run: frames.Run, record: dict[str, Any]) -> Number:
    n, value = record["n"], 100 * record["value"]
    text = "–" if math.isnan(value) else f"{value:.1f}"
    notes = [f"{record['errors']} ended in an error, counted as failures" if record["errors"] else ""]
    notes += [f"not all episodes are there: `uv run crossbody resume {run.path}`" if record["missing"] else ""]
    notes += [f"{record['tasks']} of {record['of_tasks']} tasks" if record["tasks"] != record["of_tasks"] else ""]
    m = run.manifest
    return Number(
        paper="ours",
        table=table.id,
        row=system.agent,
        column=quantity.key,
        value=value,
        text=text,
        low=100 * record["low"],
        high=100 * record["high"],
        unit=quantity.unit,
        better=quantity.better,
        protocol=f"{m.protocol.name} {m.protocol_hash}",
        unranked="; ".join(differences(table, run)),
        n=n,
        link="",
        origin=OURS,
        source=str(run.path),
        note="; ".join(filter(None, notes)),
        cause=model_cause(run),
        against=_row(table, system, run).name,
    )


def _record(quantity: Quantity, system: str, run: frames.Run) -> dict[str, Any] | None:
    from reports.sections import own_mean, single_task

    rows = _episodes(run.path)
    if quantity.task:
        chosen = frames.where(rows, "task", quantity.task)
        return None if chosen.empty else single_task("", "", quantity.task, system, chosen)
    rng = generator(run.manifest.seed, "papers")
    return own_mean("", column_of(quantity.measure)[1], system, rows, rng)


@cache
def _episodes(folder: Path) -> Any:
    return frames.episodes([_read(folder)])


def _row(table: Table, system: System, run: frames.Run) -> Row:
    named = [r for r in table.rows if r.name == system.place.row]
    if named or system.place.row:
        return named[0]
    return next((r for r in table.rows if r.agent == run.manifest.agent), Row(""))


def differences(table: Table, run: frames.Run) -> list[str]:
    """Return in what a run differs from what a table was made with; nothing when it may be ranked with its rows."""
    m = run.manifest
    theirs = catalog.resolve("protocols", table.preset)
    ours = vars(m.protocol)
    found = [f"{key} {ours[key]} instead of {theirs[key]}" for key in SHARED if ours[key] != theirs[key]]
    assets = str(m.environment.get("assets", "no")).split(" ")[0]
    return found + ([f"{assets} assets instead of the official ones"] if assets != "official" else [])


def model_cause(run: frames.Run) -> str:
    """Return that the model is of another size than the paper's, and what it was trained on;
    '' when nothing says so."""
    training = run.manifest.agent_card.get("training") or {}
    size = training.get("options", {}).get("size", PAPER_SIZE)
    if size == PAPER_SIZE:
        return ""
    data = ", ".join(f"{d['episodes']} episodes of {d['embodiment']}" for d in training.get("data", ()))
    return f"a {size} model" + (f" trained on {data}" if data else "")


def _of_scores(table: Table, source: Input) -> list[Number]:
    """Return the numbers of a `score` folder: the prediction, and the floors that were measured beside it."""
    found = []
    for record in _lines(source.folder / "table.jsonl"):
        quantity = next((q for q in table.quantities if q.metric == record["metric"]), None)
        if quantity and record.get("weighting") != BY_CLIP:
            name = source.folder.name
            label = name if record["system"] == "prediction" else f"{name}, {record['system'].replace('_', ' ')}"
            against = source.row if record["system"] == "prediction" else ""
            found.append(_scored(table, quantity, source, label, against, record))
    return found


def _of_judge(table: Table, source: Input) -> list[Number]:
    """Return the numbers of a `judge` folder, one row for each direction and method."""
    summary = json.loads((source.folder / "summary.json").read_text())
    about = summary["settings"]
    found = []
    for row in summary["rows"]:
        name = ": ".join(filter(None, (row["direction"], row["method"]))) or source.folder.name
        against = source.row or next((r.name for r in table.rows if _plain(r.name) == _plain(name)), "")
        note = "" if about["judge"] == LANGUAGE_MODEL else "not by a language model, so it is compared with nothing"
        label = f"{name} ({about['model'] or about['provider']})"
        for quantity in table.quantities:
            if score := row["scores"].get(quantity.metric):
                record = score | {"note": f"judged by {about['judge'].replace('_', ' ')}, {note}" if note else ""}
                found.append(_scored(table, quantity, source, label, "" if note else against, record))
    return found


def _plain(name: str) -> str:
    """Return a name without what people write in several ways: ``Robot -> Human`` is ``robot→human``."""
    return name.lower().replace("->", "→").replace(" ", "")


def _scored(
    table: Table, quantity: Quantity, source: Input, label: str, against: str, record: Mapping[str, Any]
) -> Number:
    value, low, high = (math.nan if record[k] is None else float(record[k]) for k in ("value", "low", "high"))
    return Number(
        paper="ours",
        table=table.id,
        row=label,
        column=quantity.key,
        value=value,
        text=_text(table, quantity, value),
        low=low,
        high=high,
        unit=quantity.unit,
        better=quantity.better,
        protocol=_protocol(record),
        unranked="the published protocol is not known: other clips, size, frame rate or network",
        n=record["n"],
        link="",
        origin=OURS,
        source=str(source.folder),
        note=record.get("note", ""),
        against=against,
    )


def _text(table: Table, quantity: Quantity, value: float) -> str:
    """Return a number with the digits that the printed ones of its column have, or two that are not 0."""
    if math.isnan(value):
        return "–"
    decimals = max((digits(n.text) for n in published_numbers(table) if n.column == quantity.key), default=3)
    return f"{value:.{decimals}f}" if abs(value) >= 10 ** (1 - decimals) else f"{value:.2g}"


def _protocol(record: Mapping[str, Any]) -> str:
    parts = [record.get(key) for key in ("resolution", "frames", "fps", "backbone", "embedding")]
    words = ("{}", "{} frames", "{} fps", "{}", "embedding {}")
    return ", ".join(word.format(part) for word, part in zip(words, parts, strict=True) if part) or "as scored"


def _lines(file: Path) -> list[dict[str, Any]]:
    try:
        return [json.loads(line) for line in file.read_text().splitlines() if line]
    except (OSError, ValueError) as error:
        raise CrossbodyError(f"{file} cannot be read ({error}). Score the clips again.") from error
