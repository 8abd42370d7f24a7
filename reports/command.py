"""``crossbody report RUN``: print the table of a run again, and rewrite its table.md, table.csv and report.html."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from crossbody.main import guarded


@dataclass(frozen=True)
class Arguments:
    """Print the table of a run, beside published numbers, and rewrite the files that are made from it."""

    run: Annotated[Path, tyro.conf.Positional]  # the run folder
    beside: tuple[Path, ...] = ()  # further runs for the same table, such as the in-domain one, for the ID–OOD gap
    show_missing: bool = False  # show an unfinished run and how many of its episodes are missing
    latex: Path | None = None  # also write the table as LaTeX to this file


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; a mistake of the user's is one message and exit code 2."""
    return guarded(lambda: report(sys.argv[1:] if argv is None else argv))


def report(argv: Sequence[str]) -> int:
    """Write the tables and the page of the run; an unfinished one raises RunFolderError unless it is to be shown."""
    arguments = tyro.cli(Arguments, args=list(argv), prog="crossbody report")
    from rich.console import Console

    from crossbody.runs import write_atomic
    from reports import frames, table
    from reports.layout import blocks
    from reports.render import latex
    from reports.summary import publish

    runs = [frames.read(folder) for folder in (arguments.run, *arguments.beside)]
    if not arguments.show_missing:
        frames.require_complete(runs)
    publish(runs, Console())
    if arguments.latex:
        write_atomic(arguments.latex, latex(blocks(table.make(runs, arguments.show_missing))).encode())
    return 0
