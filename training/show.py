"""What a recipe shows while it runs and leaves behind: a progress bar, and loss curves as CSV and PNG."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column, Table

from crossbody.errors import CrossbodyError
from crossbody.runs import write_atomic

T = TypeVar("T")


def progress(items: Iterable[T], total: int, title: str, done: int = 0) -> Iterator[T]:
    """Yield items under a bar with the time that is left; nothing is drawn where no person looks."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=total, completed=done)
        for item in items:
            yield item
            bar.advance(task)


class Curves:
    """``curves.csv``: one line per logged step, cut back to the step that a resumed run begins at; ``curves.png`` on
    demand.

    Every figure of every recipe passes through ``add``, so this is the place for loggers beside the file.
    """

    def __init__(self, folder: Path, resumed_at: int):
        self._file = folder / "curves.csv"
        self._rows = [r for r in self._read() if int(r["step"]) <= resumed_at]

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Append a line."""
        self._rows.append({"step": str(step)} | {k: f"{v:.6g}" for k, v in values.items()})
        self._write()

    def last(self, *without: str) -> dict[str, float]:
        """Return the figures of the last line, all but the step's number and some."""
        row = self._rows[-1] if self._rows else {}
        return {k: float(v) for k, v in row.items() if v and k not in ("step", *without)}

    def draw(self) -> None:
        """Draw every column over the steps, each in a panel of its own."""
        import matplotlib

        matplotlib.use("agg")
        from matplotlib.figure import Figure

        names = [n for n in self._names() if n != "step"]
        if not names:
            return
        figure = Figure(figsize=(9, 1.8 * -(-len(names) // 3)), layout="constrained")
        for i, name in enumerate(names, 1):
            axes = figure.add_subplot(-(-len(names) // 3), 3, i)
            points = [(int(r["step"]), float(r[name])) for r in self._rows if r.get(name)]
            axes.plot(*zip(*points, strict=True), linewidth=1)
            axes.set_title(name, fontsize=8)
            axes.tick_params(labelsize=7)
        picture = io.BytesIO()
        figure.savefig(picture, dpi=120)
        write_atomic(self._file.with_suffix(".png"), picture.getvalue())

    def _names(self) -> list[str]:
        return list(dict.fromkeys(name for row in self._rows for name in row))

    def _read(self) -> list[dict[str, str]]:
        if not self._file.exists():
            return []
        try:
            rows = list(csv.DictReader(io.StringIO(self._file.read_text())))
            return [r for r in rows if [float(v or 0) for v in r.values()] and int(r["step"]) >= 0]
        except (ValueError, KeyError, TypeError, csv.Error) as error:
            raise CrossbodyError(
                f"{self._file} is damaged ({error}). Mend its last line, or delete the file to go on without "
                "its history."
            ) from error

    def _write(self) -> None:
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, self._names() or ["step"], restval="")
        writer.writeheader()
        writer.writerows(self._rows)
        write_atomic(self._file, text.getvalue().encode())


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table as text."""
    drawn = Table(*(Column(name, overflow="fold") for name in head), title=title)
    for row in rows:
        drawn.add_row(*row)
    console = Console(width=shutil.get_terminal_size((120, 0)).columns)
    with console.capture() as caught:
        console.print(drawn)
    return caught.get().rstrip()
