"""``report RUN``: the table of a run again, and its table.md, table.csv and report.html; ``report --paper NAME``:
a paper's."""

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
    """Print the table of a run, beside published numbers, and rewrite the files that are made from it.

    `report --paper unit` and `report --paper humanoid_vla` make the tables of the papers instead: `report --paper unit
    --help`."""

    run: Annotated[Path, tyro.conf.Positional]  # the run folder
    beside: tuple[Path, ...] = ()  # further runs for the same table, such as the in-domain one, for the ID–OOD gap
    show_missing: bool = False  # show an unfinished run and how many of its episodes are missing
    latex: Path | None = None  # also write the table as LaTeX to this file


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; a mistake of the user's is one message and exit code 2."""
    return guarded(lambda: report(sys.argv[1:] if argv is None else argv))


def report(argv: Sequence[str]) -> int:
    """Write the tables and the page of the run, or a paper's; an unfinished run raises RunFolderError unless it may be
    shown."""
    if any(word.partition("=")[0] == "--paper" for word in argv):
        from reports.papers import command

        return command.main(argv)
    arguments = tyro.cli(Arguments, args=list(argv), prog="report")
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
        write_atomic(arguments.latex.expanduser(), latex(blocks(table.make(runs, arguments.show_missing))).encode())
    return 0
