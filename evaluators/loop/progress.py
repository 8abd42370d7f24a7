"""How a run goes, while it goes: a live bar on a terminal, else a line every ten seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from crossbody.contracts import EpisodeRow
from crossbody.texts import say
from evaluators.loop.durations import expected_rest

LINE_EVERY_S = 10.0
REFRESH_HZ = 4


@dataclass
class Tally:
    """What is known so far. Episodes without an outcome count as failures, and are shown beside the rate."""

    total: int
    workers: int
    clock: Callable[[], float] = time.monotonic
    done: int = 0
    successes: int = 0
    without_outcome: int = 0
    retries: int = 0
    ended_here: int = 0  # attempts since the start, for the rate; a resumed run starts with episodes done
    durations: list[float] = field(default_factory=list)
    running: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._began = self.clock()

    def start(self, episode: str) -> None:
        self.running[episode] = self.clock()

    def record(self, row: EpisodeRow, final: bool) -> None:
        self.ended_here += self.running.pop(row.episode, None) is not None
        self.durations.append(row.elapsed_s)
        if not final:
            self.retries += 1
            return
        self.done += 1
        self.successes += bool(row.success)
        self.without_outcome += row.status != "ok"

    def episodes_per_minute(self) -> float:
        return 60 * self.ended_here / max(self.clock() - self._began, 1e-9)

    def seconds_left(self) -> float | None:
        """Return the time left at the measured durations, or None before the first attempt has ended."""
        if not self.durations:
            return None
        ages = [self.clock() - began for began in self.running.values()]
        waiting = self.total - self.done - len(ages)
        rest = [expected_rest(self.durations, ages, age) for age in ages]
        work = waiting * expected_rest(self.durations, ages) + sum(rest)
        return max([*rest, work / self.workers])

    def summary(self) -> str:
        """Return the state in one line."""
        from reports.statistics import wilson

        parts = [f"{self.done}/{self.total} episodes"]
        if self.done:
            low, high = wilson(self.successes, self.done)
            parts.append(f"success {self.successes / self.done:.1%} [{low:.1%}, {high:.1%}]")
            parts.append(f"{self.episodes_per_minute():.1f}/min")
        left = self.seconds_left()
        if self.done < self.total:
            parts.append(f"{_duration(left)} left" if left is not None else "time left unknown before the first ends")
        if self.without_outcome:
            parts.append(f"{self.without_outcome} without outcome")
        if self.retries:
            parts.append(f"{self.retries} retried")
        return " · ".join(parts)


class Progress:
    """Shows a tally while a run goes on. Use as a context manager."""

    def __init__(self, tally: Tally, console: Console):
        self._tally = tally
        self._console = console
        self._live = (
            Live(console=console, refresh_per_second=REFRESH_HZ, transient=True) if console.is_terminal else None
        )
        self._shown = time.monotonic()

    def __enter__(self) -> Progress:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()
        say(self._console, self._tally.summary())

    def started(self, episode: str) -> None:
        self._tally.start(episode)

    def recorded(self, row: EpisodeRow, final: bool) -> None:
        self._tally.record(row, final)
        if row.status != "ok":
            what = "no outcome" if final else "again"
            text = f"{row.episode} attempt {row.attempt} {row.status}: {row.error} ({what})"
            say(self._console, text)

    def tick(self) -> None:
        every = 1 / REFRESH_HZ if self._live else LINE_EVERY_S
        if time.monotonic() - self._shown < every:
            return
        self._shown = time.monotonic()
        if self._live:
            self._live.update(self._bar())
        else:
            say(self._console, self._tally.summary())

    def _bar(self) -> Table:
        grid = Table.grid(padding=(0, 1))
        grid.add_row(ProgressBar(total=self._tally.total, completed=self._tally.done, width=30), self._tally.summary())
        return grid


def _duration(seconds: float) -> str:
    minutes, s = divmod(round(seconds), 60)
    hours, m = divmod(minutes, 60)
    return f"{hours} h {m:02d} min" if hours else f"{m} min {s:02d} s" if m else f"{s} s"
