"""Worker processes of this machine: started with a fixed environment, replaced when they die or hang."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from crossbody import arithmetic
from envs.pool import Event, PoolOrder
from envs.shared import SharedBlock

ONE_THREAD = {
    # One core per worker; more threads make every worker slower, and sums may then depend on the machine.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
}
ENVIRON = {
    # The simulator package seeds scenes with hash(): without this every process has scenes of its own.
    "PYTHONHASHSEED": "0",
    "PYTHONUNBUFFERED": "1",
}

LARGEST_LOG, KEPT_OF_LOG = 16 << 20, 8 << 20
"""Bytes: a longer log is cut to what came first, and goes on with what comes."""

DOING = {
    "start": "the worker's start",
    "reset": "building the scene",
    "step": "a control step",
    "act": "an answer of the agent",
}

LOOKS = 4
"""How often a worker is looked at within its limit, at least, before it is judged:
one look adds at most this part of it."""


def open_pool(order: PoolOrder) -> ProcessPool:
    """Return a pool of processes."""
    return ProcessPool(order)


class Process:
    """The runner's side of one process."""

    def __init__(self, number: int, order: PoolOrder, log: Path | None):
        self.number = number
        self.busy = False
        self._asked = time.monotonic()
        self._heard = self._silent = 0.0
        self._block = SharedBlock()
        self.pipe, theirs = Pipe()
        path = os.pathsep.join(p or os.getcwd() for p in sys.path)
        threads = ONE_THREAD if order.one_thread else {}
        out = log.open("ab") if log else None
        self._process = subprocess.Popen(
            [sys.executable, "-m", "envs.worker", str(theirs.fileno()), str(self._block.fd), order.target],
            env={**os.environ, "PYTHONPATH": path, **ENVIRON, **threads, **arithmetic.variables()},
            pass_fds=(theirs.fileno(), self._block.fd),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,  # Ctrl-C is for the runner, which then ends its workers
        )
        if out:
            out.close()
        theirs.close()

    def begin(self, *message: Any) -> None:
        """Send the first message of an attempt: its count of steps starts at 0."""
        self._block.beat(self._block.pulse().phase, 0)
        self.ask(*message)

    def ask(self, *message: Any) -> None:
        """Send a message that the worker answers. To a dead one it is lost, which the next ``Pool.wait`` reports."""
        self.busy, self._asked, self._silent = True, time.monotonic(), 0.0
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

    def overdue(self, gap: float, timeouts: Mapping[str, float]) -> str:
        """Return the phase in which there has been no sign of life for too long, or ''. ``gap``: seconds since the last
        look.

        One look adds at most a part of the limit, since the runner itself may have been stopped or busy for long, and
        this machine with it: a worker is judged only after it was looked at several times.
        """
        pulse = self._block.pulse()
        limit = timeouts[pulse.phase]
        if pulse.at != self._heard:
            self._heard, self._silent = pulse.at, 0.0
        self._silent += min(gap, time.monotonic() - max(pulse.at, self._asked), limit / LOOKS)
        late = self._silent >= limit and not self.pipe.poll()  # it may have spoken since the pool listened
        return pulse.phase if late else ""

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
            return f"the worker died of {_signal_name(-code)}"
        return f"the worker ended with exit code {code}"


class ProcessPool:
    """A fixed number of processes, each started when it is first needed; see ``envs.pool.Pool``."""

    def __init__(self, order: PoolOrder):
        self.count = order.count
        self._order = order
        self._workers: dict[int, Process] = {}
        self._greeting: tuple[Any, ...] = ()
        self._looked = time.monotonic()

    def __enter__(self) -> ProcessPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def worker(self, number: int) -> Process:
        if number not in self._workers:
            self._workers[number] = Process(number, self._order, self.log(number))
            if self._greeting:
                self._workers[number].tell(*self._greeting)
        return self._workers[number]

    def log(self, number: int) -> Path | None:
        return self._order.logs / f"worker-{number}.log" if self._order.logs else None

    def greet(self, *message: Any) -> None:
        self._greeting = message
        for worker in self._workers.values():
            worker.tell(*message)

    def wait(self, timeout: float) -> Iterator[Event]:
        busy = {w.pipe: w for w in self._workers.values() if w.busy}
        ready: list[Any] = wait(list(busy), timeout)
        now = time.monotonic()
        gap, self._looked = now - self._looked, now
        for pipe in ready:
            event = busy[pipe].receive()
            if event.kind == "died":
                self.discard(event.worker)
            yield event
        for worker in busy.values():
            if worker.pipe in ready or self._workers.get(worker.number) is not worker:
                continue
            if phase := worker.overdue(gap, self._order.timeouts):
                event = Event(worker.number, "hung", self._late(phase), worker.steps())
                self.discard(worker.number)
                yield event
        self._cut_logs()

    def discard(self, number: int) -> None:
        if worker := self._workers.pop(number, None):
            worker.end()

    def close(self) -> None:
        for number in list(self._workers):
            self.discard(number)

    def _late(self, phase: str) -> str:
        limit = self._order.timeouts[phase]
        return f"{DOING[phase]} took longer than {limit:g} s; a longer limit is --timeouts.{phase}-s"

    def _cut_logs(self) -> None:
        for number in self._workers:
            log = self.log(number)
            with suppress(OSError):
                if log and log.stat().st_size > LARGEST_LOG:
                    os.truncate(log, KEPT_OF_LOG)
                    with log.open("ab") as out:
                        out.write(b"\n[what follows was cut out: the log was longer than %d bytes]\n" % LARGEST_LOG)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal has no name
        return f"signal {number}"
