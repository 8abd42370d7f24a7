"""The end of a run: the table on the terminal, and table.md, table.csv and report.html in its folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from crossbody.runs import write_atomic
from crossbody.texts import say
from reports import frames, table
from reports.caption import caption, heading, headline
from reports.layout import blocks

if TYPE_CHECKING:
    from rich.console import Console

    from reports.frames import Run


def write(folder: Path, console: Console) -> None:
    """Print the table of a run and write table.md, table.csv and report.html beside its episodes.

    An unfinished run is shown as such: how many episodes are missing and where, and no mean over tasks that are not
    complete."""
    publish([frames.read(folder)], console)


def publish(runs: Sequence[Run], console: Console) -> None:
    """Print the table of the first run, with the others beside it, and write its files into the first run's folder."""
    from reports.console import show
    from reports.html import page
    from reports.render import csv, markdown

    long = table.make(runs, show_missing=True)
    title, facts = heading(runs), caption(runs, long)
    for block in reversed(blocks(long, everything=False)):  # the overall numbers stand last, where a terminal stops
        show(console, block)
    say(console, title, style="bold", wrap=True)
    for line in facts:
        say(console, f"• {line}", style="red" if line.startswith("UNFINISHED") else "", wrap=True)
    folder = runs[0].path
    write_atomic(folder / "table.csv", csv(long).encode())
    write_atomic(folder / "table.md", markdown(title, facts, blocks(long)).encode())
    made = page(runs, long)
    for name, content in {**made.files, "report.html": made.text.encode()}.items():
        write_atomic(folder / name, content)
    say(console, f"• Written: {folder}/table.md, table.csv and report.html")
    for line in headline(long):
        say(console, line, style="bold", wrap=True)
