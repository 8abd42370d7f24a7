"""Worker processes with a watchdog: started with a fixed environment, replaced when they die or hang."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from multiprocessing import Pipe
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, NamedTuple

from crossbody import arithmetic
from envs.shared import SharedBlock

ENVIRON = {
    # The simulator package seeds scenes with hash(): without this every process has scenes of its own.
    "PYTHONHASHSEED": "0",
    # One core per worker; more threads make every worker slower, and sums may then depend on the machine.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "PYTHONUNBUFFERED": "1",
}


class Event(NamedTuple):
    """What a worker said, or what became of it: ``died`` and ``hung`` come from the pool, with a text."""

    worker: int
    kind: str
    content: Any
    steps: int  # control steps of the attempt so far


class Worker:
    """The runner's side of one process."""

    def __init__(self, number: int, target: str, log: Path):
        self.number = number
        self.busy = False  # True: the next word is the worker's
        self._since = time.monotonic()
        self._block = SharedBlock()
        self.pipe, theirs = Pipe()
        path = os.pathsep.join(p or os.getcwd() for p in sys.path)
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "envs.worker", str(theirs.fileno()), str(self._block.fd), target],
                env={**os.environ, "PYTHONPATH": path, **ENVIRON, **arithmetic.variables()},
                pass_fds=(theirs.fileno(), self._block.fd),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,  # Ctrl-C is for the runner, which then ends its workers
            )
        theirs.close()

    def begin(self, *message: Any) -> None:
        """Send the first message of an attempt: its count of steps starts at 0."""
        self._block.beat(self._block.pulse().phase, 0)
        self.ask(*message)

    def ask(self, *message: Any) -> None:
        """Send a message that the worker answers. To a dead one it is lost, which the next ``Pool.wait`` reports."""
        self.busy, self._since = True, time.monotonic()
        self.tell(*message)

    def tell(self, *message: Any) -> None:
        """Send a message that has no answer."""
        try:
            self.pipe.send(message)
        except OSError:
            pass

    def receive(self) -> Event:
        """Return what the worker said, with its arrays."""
        try:
            kind, content, final = self.pipe.recv()
        except (EOFError, OSError):
            return Event(self.number, "died", self._cause_of_death(), self._block.pulse().steps)
        self.busy = not final
        if isinstance(content, dict):
            content = self._block.unpack(content)
        return Event(self.number, kind, content, self._block.pulse().steps)

    def silence(self) -> tuple[str, float]:
        """Return the phase and for how many seconds there has been no sign of life in it."""
        pulse = self._block.pulse()
        return pulse.phase, time.monotonic() - max(pulse.at, self._since)

    def steps(self) -> int:
        return self._block.pulse().steps

    def end(self) -> None:
        """End the process and what it started, at once."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait()
        self.pipe.close()
        self._block.close()

    def _cause_of_death(self) -> str:
        try:
            code = self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            return "the worker closed its pipe"
        if code == -signal.SIGKILL:
            return (
                "the worker was killed (SIGKILL); when nobody did it, the machine ran out of memory: use fewer "
                "--workers"
            )
        if code < 0:
            return f"the worker died of {signal.Signals(-code).name}"
        return f"the worker ended with exit code {code}"


class Pool:
    """A fixed number of workers, each started when it is first needed.

    ``target`` is "module:function", called with a worker's ``Link``. ``timeouts``: phase (``shared.PHASES``) -> seconds
    without a sign of life. ``logs`` is the folder for what workers print.
    """

    def __init__(self, count: int, target: str, timeouts: Mapping[str, float], logs: Path):
        self.count = count
        self._timeouts = timeouts
        self._target = target
        self._logs = logs
        self._workers: dict[int, Worker] = {}
        self._greeting: tuple[Any, ...] = ()

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def worker(self, number: int) -> Worker:
        """Return a worker, started if it is not running."""
        if number not in self._workers:
            self._workers[number] = Worker(number, self._target, self.log(number))
            if self._greeting:
                self._workers[number].tell(*self._greeting)
        return self._workers[number]

    def log(self, number: int) -> Path:
        """Return the file that has what a worker printed."""
        return self._logs / f"worker-{number}.log"

    def greet(self, *message: Any) -> None:
        """Tell all workers something, and every later one before anything else."""
        self._greeting = message
        for worker in self._workers.values():
            worker.tell(*message)

    def wait(self, timeout: float) -> Iterator[Event]:
        """Yield what busy workers say within ``timeout`` seconds; one that died or hung is ended and reported."""
        busy = {w.pipe: w for w in self._workers.values() if w.busy}
        ready: list[Any] = wait(list(busy), timeout)
        for pipe in ready:
            event = busy[pipe].receive()
            if event.kind == "died":
                self.discard(event.worker)
            yield event
        for worker in busy.values():
            if worker.pipe not in ready and (text := self._overdue(worker)):
                event = Event(worker.number, "hung", text, worker.steps())
                self.discard(worker.number)
                yield event

    def discard(self, number: int) -> None:
        """End a worker; the next use of its number starts another."""
        if worker := self._workers.pop(number, None):
            worker.end()

    def close(self) -> None:
        for number in list(self._workers):
            self.discard(number)

    def _overdue(self, worker: Worker) -> str:
        phase, silent = worker.silence()
        limit = self._timeouts[phase]
        if silent <= limit:
            return ""
        doing = {"start": "the worker's start", "reset": "building the scene", "step": "a control step"}[phase]
        return f"{doing} took longer than {limit:g} s; a longer limit is --timeouts.{phase}-s"
