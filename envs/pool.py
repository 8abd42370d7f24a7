"""A pool of workers as the episode loop and the collector see it: whatever the engine,
the same words and the same watchdog."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Protocol, runtime_checkable

from crossbody import catalog

PROCESSES = "processes"
"""The engine that needs nothing but this machine."""


@dataclass(frozen=True)
class PoolOrder:
    """What a pool is to be."""

    count: int  # workers, each started when it is first needed
    target: str  # "module:function", called in the worker with its ``envs.worker.Link``
    timeouts: Mapping[str, float]  # phase (``envs.shared.PHASES``) -> seconds without a sign of life
    logs: Path | None  # the folder for what workers print; None: they print where their runner does
    one_thread: bool = True  # numerical libraries of a worker take one core


class Event(NamedTuple):
    """What a worker said, or what became of it: ``died`` and ``hung`` come from the pool, with a text."""

    worker: int
    kind: str
    content: Any
    steps: int  # control steps of the attempt so far


class Worker(Protocol):
    """The runner's side of one worker."""

    number: int
    busy: bool  # True: the next word is the worker's

    def begin(self, *message: Any) -> None:
        """Send the first message of an attempt: its count of steps starts at 0."""
        ...

    def ask(self, *message: Any) -> None:
        """Send a message that the worker answers. To a dead one it is lost, which the next ``Pool.wait`` reports."""
        ...

    def tell(self, *message: Any) -> None:
        """Send a message that has no answer."""
        ...


@runtime_checkable
class Pool(Protocol):
    """A fixed number of workers that are replaced when they die or hang. Use as a context manager."""

    count: int

    def worker(self, number: int) -> Worker:
        """Return a worker, started if it is not running."""
        ...

    def log(self, number: int) -> Path | None:
        """Return the file that has what a worker printed, if there is one."""
        ...

    def greet(self, *message: Any) -> None:
        """Tell all workers something, and every later one before anything else."""
        ...

    def wait(self, timeout: float) -> Iterator[Event]:
        """Yield what busy workers say within ``timeout`` seconds; one that died or hung is ended and reported."""
        ...

    def discard(self, number: int) -> None:
        """End a worker; the next use of its number starts another."""
        ...

    def close(self) -> None:
        """End every worker, at once."""
        ...

    def __enter__(self) -> Pool: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_pool(engine: str, order: PoolOrder) -> Pool:
    """Return a pool of an engine of the catalog (`crossbody list engines`); an unknown name raises UnknownName."""
    return catalog.resolve("engines", engine)(order)
