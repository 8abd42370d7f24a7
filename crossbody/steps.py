"""How far a long command is: a bar where a person looks, else a line every few seconds."""

from __future__ import annotations

import time
from types import TracebackType

LINE_EVERY_S = 5.0


class Steps:
    """Counts ``total`` steps of something on stderr. Use as a context manager,
    and call ``advance`` after every step."""

    def __init__(self, title: str, total: int, every_s: float = LINE_EVERY_S):
        from rich.console import Console
        from rich.progress import Progress

        self._title, self._total, self._done, self._every_s = title, total, 0, every_s
        self._console = Console(stderr=True)
        self._bar = Progress(console=self._console, transient=True, disable=not self._console.is_terminal)
        self._task = self._bar.add_task(title, total=total)
        self._began = self._shown = time.monotonic()

    def __enter__(self) -> Steps:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def advance(self) -> None:
        """Count one step more."""
        self._done += 1
        self._bar.update(self._task, completed=self._done)
        now = time.monotonic()
        if self._console.is_terminal or now - self._shown < self._every_s:
            return
        self._shown = now
        left = (now - self._began) / self._done * (self._total - self._done)
        text = f"{self._title}: {self._done} of {self._total}, about {left:.0f} s left"
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)
