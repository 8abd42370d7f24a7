"""A paper's table as data: its columns, its rows as printed, and how a row of ours would be made."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from crossbody.errors import CrossbodyError, UnknownName
from reports import published

FOLDER = published.FOLDER / "tables"
STATUSES = ("published", "third party", "second-hand", "derived")
BETTER = ("higher", "lower", "")

Printed = Decimal | int | bool
"""A number with the digits that it was printed with."""


@dataclass(frozen=True)
class Quantity:
    """One column of a table."""

    key: str
    title: str
    unit: str
    better: str  # higher, lower, or '' where neither is
    n: int = 0  # trials behind each number; 0: not stated
    measure: str = ""  # the success rate of measures.toml that it is
    task: str = ""  # or the task whose success rate it is
    metric: str = ""  # our metric, for rows from score files
    x: Decimal | None = None  # place on the axis of a figure of lines


@dataclass(frozen=True)
class Row:
    """One printed row. Its numbers are its own, or those of a system in the files of published success rates."""

    system: str
    group: str = ""
    values: Mapping[str, Printed] = field(default_factory=dict)
    ci: Mapping[str, Printed] = field(default_factory=dict)  # half-width of the printed interval
    published: Any = ()  # "paper: system", several of them, or one for each column
    task: str = ""  # our task that stands for it, in tables whose rows are tasks
    agent: str = ""  # our agent that reproduces it, unless a run is given for the row by name
    where: str = ""  # place in the source, where it is not the table's
    unranked: str = ""  # why the row stands outside the ranking
    note: str = ""

    @property
    def name(self) -> str:
        """What the row is called; unique in its table."""
        return f"{self.group}: {self.system}" if self.group else self.system


@dataclass(frozen=True, eq=False)
class Table:
    """One table or chart."""

    id: str
    paper: str  # the set of tables that it is shown with: unit or humanoid_vla
    by: str  # who printed it
    title: str
    status: str
    where: str
    link: str
    protocol: str
    quantities: tuple[Quantity, ...]
    rows: tuple[Row, ...]
    preset: str = ""  # the protocol of tasks/protocols that it was made under, if any
    rank_by: str = ""  # key of the column that ranks the rows; '' for none
    tasks_of: str = ""  # suite whose tasks follow the columns
    command: str = ""  # makes a row of ours
    blocked: str = ""  # or why there cannot be one
    figure: str = "panels"  # or lines
    relative: bool = False  # lines are drawn relative to their first point
    x: str = ""  # axes of a figure of lines
    y: str = ""
    notes: tuple[str, ...] = ()
    runs_of: tuple[str, ...] = ()  # suites whose runs have its metrics, a split or a task for each row

    @property
    def by_task(self) -> bool:
        """Whether quantities are shown as rows and systems as columns."""
        return bool(self.tasks_of)

    def row(self, name: str) -> Row:
        """Return the row of this name, or raise UnknownName."""
        return _named(f"row of {self.id}", name, {r.name: r for r in self.rows})

    def quantity(self, key: str) -> Quantity:
        """Return the column of this key, or raise UnknownName."""
        return _named(f"column of {self.id}", key, {q.key: q for q in self.quantities})


@cache
def papers() -> tuple[str, ...]:
    """Return the papers that have tables."""
    return tuple(dict.fromkeys(table.paper for table in _all()))


@cache
def of_paper(paper: str) -> tuple[Table, ...]:
    """Return the tables of a paper, U8a before U8b before U10, references last; an unknown paper raises UnknownName."""
    if paper not in papers():
        raise UnknownName("paper", paper, papers())
    return tuple(sorted((t for t in _all() if t.paper == paper), key=_order))


def read(file: Path) -> Table:
    """Return the table of one file; what is missing, unknown or out of range raises CrossbodyError."""
    try:
        return _table(file.stem, tomllib.loads(file.read_text(), parse_float=Decimal))
    except (TypeError, KeyError, ValueError) as error:
        raise CrossbodyError(f"{file.name}: {error}") from error


@cache
def _all() -> tuple[Table, ...]:
    return tuple(read(file) for file in sorted(FOLDER.glob("*.toml"), reverse=True))


def _table(name: str, data: dict[str, Any]) -> Table:
    quantities = [Quantity(key, **fields) for key, fields in data.pop("columns").items()]
    if suite := data.get("tasks_of"):
        from reports.columns import suite_tasks
        from reports.sections import label

        quantities += [Quantity(task, label(task), "%", "higher", task=task) for task in suite_tasks(suite)]
    rows = tuple(Row(**fields) for fields in data.pop("rows"))
    data |= {key: tuple(data.get(key, ())) for key in ("notes", "runs_of")}
    table = Table(name, quantities=tuple(quantities), rows=rows, **data)
    _require_whole(table)
    return table


def _require_whole(table: Table) -> None:
    keys, names = {q.key for q in table.quantities}, [r.name for r in table.rows]
    wrong = [f"status '{table.status}' is none of {', '.join(STATUSES)}"] if table.status not in STATUSES else []
    wrong += [f"two rows are called '{name}'" for name in sorted({n for n in names if names.count(n) > 1})]
    wrong += [f"rank_by names no column: '{table.rank_by}'"] if table.rank_by and table.rank_by not in keys else []
    wrong += [f"column {q.key}: better is '{q.better}'" for q in table.quantities if q.better not in BETTER]
    wrong += [] if bool(table.command) != bool(table.blocked) else ["give either the command or why it is blocked"]
    for row in table.rows:
        wrong += [f"'{row.name}' has a value for no column: {key}" for key in {*row.values, *row.ci} - keys]
        wrong += [] if bool(row.values) != bool(row.published) else [f"'{row.name}' needs either values or published"]
        for key, value in row.values.items():
            if key in keys and table.quantity(key).unit == "%" and not 0 <= value <= 100:
                wrong.append(f"'{row.name}', {key}: {value} is not a percentage from 0 to 100")
    if wrong:
        raise ValueError("; ".join(wrong))


def _order(table: Table) -> tuple[bool, int, str]:
    number = re.search(r"\d+", table.id)
    return table.id.startswith("R"), int(number[0]) if number else 0, table.id


def _named(kind: str, name: str, known: Mapping[str, Any]) -> Any:
    if name not in known:
        raise UnknownName(kind, name, known)
    return known[name]
