"""Long rows of scores as files, and as a grid that a person reads: a line for each system, a column for each metric."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crossbody.runs import write_atomic

if TYPE_CHECKING:
    from rich.table import Table

EMPTY = "–"
ARROWS = {"up": "↑", "down": "↓", "none": ""}


@dataclasses.dataclass(frozen=True)
class Score:
    """One metric of one system over a set."""

    system: str
    metric: str
    direction: str
    value: float
    low: float  # of the 95 % interval
    high: float
    n: int  # clips in the value
    missing: int  # clips that should be in it and are not
    note: str  # why there is no value or no interval, and what else a reader must know
    version: int


def write_table(folder: Path, name: str, rows: Sequence[Any], kind: type) -> None:
    """Write rows of a dataclass as ``name.csv`` and ``name.parquet``; NaN is an empty field and a null-free NaN."""
    fields = [f.name for f in dataclasses.fields(kind)]
    text = io.StringIO()
    writer = csv.DictWriter(text, fields, lineterminator="\n")
    writer.writeheader()
    records = [dataclasses.asdict(row) for row in rows]
    writer.writerows({k: "" if _nan(v) else v for k, v in record.items()} for record in records)
    write_atomic(folder / f"{name}.csv", text.getvalue().encode())
    write_atomic(folder / f"{name}.parquet", _parquet(records, kind))


def write_lines(file: Path, rows: Sequence[Any]) -> None:
    """Write rows of a dataclass as JSON, one a line; NaN is null."""
    records = ({k: None if _nan(v) else v for k, v in dataclasses.asdict(row).items()} for row in rows)
    write_atomic(file, "".join(json.dumps(r, allow_nan=False) + "\n" for r in records).encode())


def markdown(title: str, facts: Sequence[str], rows: Sequence[Score]) -> str:
    """Return a page: facts, the grid, and what else a reader must know."""
    header, *lines = grid(rows)
    text = [f"# {title}", "", *(f"- {fact}" for fact in facts), ""]
    text += ["| " + " | ".join(header) + " |", "|:---|" + "---:|" * (len(header) - 1)]
    text += ["| " + " | ".join(line).replace("\n", " ") + " |" for line in lines]
    return "\n".join([*text, "", *(f"- {note}" for note in notes(rows)), ""])


def console_table(title: str, rows: Sequence[Score]) -> Table:
    """Return the grid for a terminal: metrics as lines, for they are many, and systems as columns."""
    from rich import box
    from rich.table import Table

    columns = [list(column) for column in zip(*grid(rows), strict=True)]
    header, *lines = columns
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for i, name in enumerate(header):
        table.add_column("metric" if i == 0 else name, justify="left" if i == 0 else "right", no_wrap=i == 0)
    for line in lines:
        table.add_row(*line)
    return table


def grid(rows: Sequence[Score]) -> list[list[str]]:
    """Return a header and a line for each system; a cell has value, interval, n and what is missing, a line each."""
    metrics = {r.metric: f"{r.metric} {ARROWS[r.direction]}".strip() for r in rows}
    systems = list(dict.fromkeys(r.system for r in rows))
    cells = {(r.system, r.metric): _cell(r) for r in rows}
    return [["system", *metrics.values()], *([s, *(cells[s, m] for m in metrics)] for s in systems)]


def notes(rows: Sequence[Score]) -> list[str]:
    """Return what the rows say besides their numbers, once each."""
    by_note: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row.note:
            by_note.setdefault((row.system, row.note), []).append(row.metric)
    return [f"{system}, {', '.join(metrics)}: {note}" for (system, note), metrics in by_note.items()]


def first_of(reasons: Sequence[str]) -> str:
    """Return the first reason and how many clips more there are; '' when there is none."""
    more = len(reasons) - 1
    return "" if more < 0 else reasons[0] + (f" (and {more} more)" if more else "")


def exit_code(rows: Sequence[Score], predicted: str, named: bool) -> int:
    """Return 1 when clips are missing from a row, or when a metric was ``named`` and says nothing of ``predicted``;
    else 0."""
    silent = named and any(math.isnan(row.value) for row in rows if row.system == predicted)
    return 1 if silent or any(row.missing for row in rows) else 0


def number(value: float) -> str:
    """Return four significant digits, or a dash for NaN."""
    if math.isnan(value):
        return EMPTY
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:#.4g}"


def _cell(row: Score) -> str:
    known = not math.isnan(row.low)
    interval = f"[{number(row.low)}, {number(row.high)}]" if known else ""
    missing = f"{row.missing} missing" if row.missing else ""
    return "\n".join(filter(None, (number(row.value), interval, f"n {row.n}", missing)))


def _nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _parquet(records: Sequence[dict[str, Any]], kind: type) -> bytes:
    import pyarrow
    import pyarrow.parquet

    types = {"str": pyarrow.string(), "float": pyarrow.float64(), "int": pyarrow.int64()}
    schema = pyarrow.schema([(f.name, types[str(f.type)]) for f in dataclasses.fields(kind)])
    buffer = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(list(records), schema), buffer)
    return buffer.getvalue().to_pybytes()
