"""What follows the last episode: metrics, table and report, made from the files only."""

from __future__ import annotations

import importlib
from pathlib import Path

from rich.console import Console

from crossbody.runs import RunFolder
from crossbody.texts import say
from evaluators.scoring.runs import write_metrics


def finish(path: Path, console: Console) -> int:
    """Write metrics, table and report of a run; return 1 when not a single episode has an outcome, else 0."""
    folder = RunFolder(path)
    write_metrics(folder)
    importlib.import_module("reports.summary").write(path, console)
    rows = list(folder.final_rows().values())
    if any(row.status == "ok" for row in rows):
        return 0
    why = f"the last error: {rows[-1].error}" if rows else "none was tried to its end"
    say(console, f"no episode has an outcome; {why}")
    return 1
