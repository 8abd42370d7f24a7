"""Model cards: what a checkpoint is, the command that made it, and what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crossbody.runs import write_atomic
from training.recipe import Run, command

RESULTS = "## Results\n"


def write_card(run: Run[Any], title: str, about: str, made: str, last: Mapping[str, Any]) -> None:
    """Write README.md; a section of results that is already there, put in after an evaluation, stays.

    ``made``: how long and on what it was trained. ``last``: the figures at the end of training.
    """
    file = run.folder / "README.md"
    kept = file.read_text().partition(RESULTS)[2] if file.exists() else "\nNot evaluated yet.\n"
    parts = [f"# {title}", about, f"```\n{command(run)}\n```", made, figures(last), "![curves](curves.png)", RESULTS]
    write_atomic(file, ("\n\n".join(parts) + kept).encode())


def figures(last: Mapping[str, Any]) -> str:
    """Return a table of figures."""
    lines = [f"| {name} | {value} |" for name, value in last.items()]
    return "\n".join(["| at the end of training | |", "|---|---|", *lines])
