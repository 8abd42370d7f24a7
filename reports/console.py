"""A table on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports.layout import HEADING, OURS, CellText, TableBlock

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

SYSTEM_WIDTH, TASK_WIDTH, OWN_WIDTH, NUMBER_WIDTH = 18, 36, 38, 9


def show(console: Console, block: TableBlock) -> None:
    """Print a block: systems as rows with three-line cells, or tasks as rows with as many published columns as fit."""
    console.print(_tasks(block, console.width) if block.first == "Task" else _systems(block))


def _grid(title: str) -> Table:
    from rich import box
    from rich.table import Table

    return Table(title=_text(title), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)


def _systems(block: TableBlock) -> Table:
    grid = _grid(block.title)
    grid.add_column(_text(block.first), min_width=SYSTEM_WIDTH - 4, max_width=SYSTEM_WIDTH)
    for i, title in enumerate(block.header):
        longest = max((len(row.cells[i].interval.replace(" ", "")) for row in block.rows), default=0)
        grid.add_column(_text(title), justify="right", width=max(10, longest, *(len(word) for word in title.split())))
    for row in block.rows:
        style = "bold" if row.kind == OURS else ""
        grid.add_row(_text((row.label, style)), *(_stacked(c, style) for c in row.cells), end_section=row.kind == OURS)
    return grid


def _tasks(block: TableBlock, width: int) -> Table:
    ours = [i for i, published in enumerate(block.published) if not published]
    room = max(0, (width - TASK_WIDTH - OWN_WIDTH * len(ours)) // NUMBER_WIDTH)
    others = [i for i, published in enumerate(block.published) if published][:room]
    grid = _grid(block.title)
    grid.add_column(_text(block.first), no_wrap=True)
    for i in ours:
        for title in (block.header[i], "95 %", "n", ""):
            grid.add_column(_text(title), justify="right", no_wrap=True)
    for i in others:
        grid.add_column(_text(block.header[i]), justify="right", style="dim", width=NUMBER_WIDTH - 2, overflow="fold")
    for row in block.rows:
        style = "bold" if row.kind == HEADING else ""
        own = [_text(part) for i in ours for part in _spread(row.cells[i], style)]
        grid.add_row(_text((row.label, style)), *own, *(_text(row.cells[i].value) for i in others))
    return grid


def _stacked(cell: CellText, style: str) -> Text:
    lines = [(cell.value, style), (cell.interval.replace(" ", ""), ""), (cell.n, "dim"), (cell.warning, "red")]
    return _text(*((("\n" if i else "") + text, look) for i, (text, look) in enumerate(lines) if text))


def _spread(cell: CellText, style: str) -> list[tuple[str, str]]:
    n = cell.n.removeprefix("n ")
    return [(cell.value, style), (cell.interval.replace(" ", ""), style), (n, "dim"), (cell.warning, "red")]


def _text(*parts: str | tuple[str, str]) -> Text:
    """Return text that is no markup, whatever it holds."""
    from rich.text import Text

    return Text.assemble(*parts)
