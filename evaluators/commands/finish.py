"""What follows the last episode: metrics, table and report, made from the files only."""

from __future__ import annotations

import importlib
from pathlib import Path

from rich.console import Console

from crossbody.runs import RunFolder
from evaluators.scoring.runs import write_metrics


def finish(path: Path, console: Console) -> int:
    """Write metrics, table and report of a run; return 1 when not a single episode has an outcome, else 0."""
    folder = RunFolder(path)
    write_metrics(folder)
    importlib.import_module("reports.summary").write(path, console)
    rows = folder.final_rows().values()
    if any(row.status == "ok" for row in rows):
        return 0
    text = f"no episode has an outcome; the last error: {[row.error for row in rows][-1]}"
    console.print(text, highlight=False, soft_wrap=True)
    return 1
