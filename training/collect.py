"""Collect demonstrations of the robot's scripted expert or of human hands: only successes are kept,
and a killed collection goes on."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import tyro

from crossbody import catalog
from crossbody.errors import CrossbodyError

if TYPE_CHECKING:
    from crossbody.contracts import SuiteSpec
    from envs.pool import Event, Pool
    from training.attempts import Attempt, Order

ROUND = 5
"""Episodes of a task before the next task's turn, so that a collection that is cut short has all tasks."""
ATTEMPTS_PER_EPISODE = 4
SPARE_ATTEMPTS = 10
CRASHES = 3
"""Workers in a row that may die in a task before the collection gives it up."""
WORKER, HUMAN_WORKER = "training.gr1.demonstrator:serve", "training.human.demonstrator:serve"
HUMAN_TASKS = "human_table"
"""What stands in collection.json as the suite of a collection of human hands."""
NOISE_RAD, PERCEPTION = 0.03, 32
TICK_S = 0.5


@dataclass(frozen=True)
class Timeouts:
    """Seconds without a sign of life after which an attempt is given up."""

    start_s: float = 180.0
    """A worker's start, with its imports."""
    reset_s: float = 600.0
    """Building a scene, and what a student does in it; the first may have to make assets."""
    step_s: float = 120.0
    """One control step, with its picture."""

    def by_phase(self) -> dict[str, float]:
        return {"start": self.start_s, "reset": self.reset_s, "step": self.step_s}


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Collect demonstrations with the scripted expert, or of human hands."""

    out: Path
    """Folder of the collection: demonstrations/<task> and perception/<task> are data sets, LeRobot v2.1 or EgoDex.
    An unfinished one goes on."""
    embodiment: Literal["gr1", "human"] = "gr1"
    """gr1: the robot, in physics. human: two hands of many people under a head camera, kinematic, as EgoDex files."""
    suite: str | None = None
    """Which of the robot's tasks: a name from `crossbody list suites`; by default robocasa_gr1.
    Human hands have a list of their own."""
    tasks: str = "*"
    """Only tasks whose name matches this glob; several are joined by commas."""
    episodes: int = 20
    """Demonstrations to keep per task."""
    workers: int | None = None
    """Simulator processes; by default one per core. It never changes what is collected."""
    engine: str = "processes"
    """Where workers live: a name from `crossbody list engines`."""
    seed: int = 0
    """Seed of the collection. Its scenes are never those of an evaluation, whatever that one's seed."""
    noise: float | None = None
    """Largest disturbance of the robot's arms, rad, 0.03 by default; each episode draws its own.
    The recorded action is the undisturbed one."""
    perception: int | None = None
    """Pictures of each of the robot's scenes with everything moved, and where things are; 32 by default, 0 for none."""
    student: str = ""
    """An agent that acts first, for a random while; the expert goes on from where that leads (DAgger).
    Only the expert is recorded."""
    checkpoint: Path | None = None
    """The student's weights."""
    lead_in: int = 240
    """Control steps that the student has at most."""
    picture_every: int = 1
    """Control steps from one picture to the next; the video repeats it in between. 4 saves 40 % of the time."""
    timeouts: Timeouts = field(default_factory=Timeouts)
    """Seconds without a sign of life after which an attempt is given up."""


@dataclass
class Tally:
    """What is known about each task."""

    wanted: dict[str, int]
    attempts: dict[str, list[Attempt]]
    crashes: dict[str, int] = field(default_factory=dict)
    given_up: dict[str, str] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)
    kept_here: int = 0

    def kept(self, task: str) -> int:
        return sum(a.kept for a in self.attempts[task])

    def missing(self, task: str) -> int:
        return 0 if task in self.given_up else max(self.wanted[task] - self.kept(task), 0)

    def seconds_left(self, workers: int) -> float | None:
        """Return the time left at the cost of a kept episode in each task,
        a task without one costing the others' mean."""
        spent = {t: sum(a.elapsed_s for a in done) / self.kept(t) for t, done in self.attempts.items() if self.kept(t)}
        if not spent:
            return None
        mean = sum(spent.values()) / len(spent)
        work = sum(self.missing(t) * spent.get(t, mean) for t in self.wanted)
        return work / min(workers, max(sum(self.missing(t) > 0 for t in self.wanted), 1))

    def summary(self, workers: int) -> str:
        """Return the state in one line."""
        kept, tried = sum(map(self.kept, self.wanted)), sum(map(len, self.attempts.values()))
        parts = [f"{kept}/{sum(self.wanted.values())} demonstrations"]
        if tried:
            parts.append(f"{kept / tried:.0%} of {tried} attempts accepted")
        if self.kept_here:
            parts.append(f"{60 * self.kept_here / (time.monotonic() - self.began):.1f}/min")
        if (left := self.seconds_left(workers)) is not None:
            parts.append(f"{_duration(left)} left")
        return ", ".join(parts)


class Collection:
    """Hands out tasks to workers, a round of episodes at a time, until every task has what is wanted."""

    def __init__(self, order: Order, tasks: dict[str, Any], tally: Tally):
        self._order, self._tasks, self.tally = order, tasks, tally
        self._running: dict[int, str] = {}

    def run(self, pool: Pool, on_event: Any) -> None:
        pool.greet("order", self._order)
        while self._start(pool):
            for event in pool.wait(TICK_S):
                on_event(self._settle(event))
            on_event("")

    def _start(self, pool: Pool) -> bool:
        """Give every idle worker a task; return whether anything is under way."""
        for number in range(pool.count):
            if number not in self._running and (task := self._next()):
                self._running[number] = task
                pool.worker(number).begin("job", self._job(task))
        return bool(self._running)

    def _next(self) -> str | None:
        idle = [t for t in self._tasks if self.tally.missing(t) and t not in self._running.values()]
        return min(idle, key=lambda t: self.tally.kept(t) // ROUND, default=None)

    def _job(self, task: str) -> Any:
        from training.attempts import Job

        target = min((self.tally.kept(task) // ROUND + 1) * ROUND, self.tally.wanted[task])
        return Job(self._tasks[task], target, ATTEMPTS_PER_EPISODE * self.tally.wanted[task] + SPARE_ATTEMPTS)

    def _settle(self, event: Event) -> str:
        """Note what a worker said and return a line for the user, or ''."""
        task = self._running[event.worker]
        if event.kind == "attempt":
            self.tally.attempts[task].append(event.content)
            self.tally.kept_here += event.content.kept
            self.tally.crashes[task] = 0
            return ""
        del self._running[event.worker]
        if event.kind == "fatal":
            raise CrossbodyError(f"{task}: {event.content}")
        if event.kind == "done":
            if self.tally.missing(task) and len(self.tally.attempts[task]) >= self._job(task).limit:
                self.tally.given_up[task] = "too few attempts succeed"
            return ""
        return self._crash(task, event)

    def _crash(self, task: str, event: Event) -> str:
        from training.attempts import attempts, crashed

        folder = self._order.folder / "demonstrations" / task
        crashed(folder, self._order, task, event.content)
        self.tally.attempts[task] = attempts(folder)
        self.tally.crashes[task] = self.tally.crashes.get(task, 0) + 1
        if self.tally.crashes[task] >= CRASHES:
            self.tally.given_up[task] = event.content
        return f"{task}: {event.content}"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit code is 1 when a task was given up."""
    arguments = tyro.cli(Arguments, args=argv, prog="crossbody collect")
    _check(arguments)
    from rich.console import Console

    from envs.pool import PoolOrder, open_pool
    from evaluators.loop.plan import cores
    from tasks.suite import select
    from training.attempts import leftovers

    suite = _suite(arguments)
    tasks = {t.name: t for t in select(suite, arguments.tasks)}
    order = _order(arguments)
    workers = arguments.workers or cores()
    target = HUMAN_WORKER if _human(arguments) else WORKER
    console = Console()
    with _only_one(order.folder):
        _check_same(order, suite.name)
        leftovers(order.folder)
        collection = Collection(order, tasks, _tally(order, tasks, arguments.episodes))
        with (
            open_pool(
                arguments.engine, PoolOrder(workers, target, arguments.timeouts.by_phase(), _logs(order))
            ) as pool,
            _progress(collection, console, workers) as show,
        ):
            collection.run(pool, show)
        if not _human(arguments):
            _settle_statistics(order, collection.tally)
    console.print(_acceptance(collection.tally))
    return 1 if collection.tally.given_up else 0


def _settle_statistics(order: Order, tally: Tally) -> None:
    """Write the statistics that a worker still owed when it was killed after a task's last episode."""
    from training.attempts import FORMAT
    from training.gr1 import frames

    writer = catalog.resolve("formats", FORMAT).going_on
    for task in tally.wanted:
        folder = order.folder / "demonstrations" / task
        episodes, written = folder / "meta/episodes.jsonl", folder / "meta/stats.json"
        if episodes.exists() and not (written.exists() and written.stat().st_mtime_ns >= episodes.stat().st_mtime_ns):
            writer(folder, frames.layout(picture_every=order.picture_every), keep=tally.kept(task)).close()


def _human(arguments: Arguments) -> bool:
    return arguments.embodiment == "human"


def _suite(arguments: Arguments) -> SuiteSpec:
    """Return the tasks of the embodiment."""
    from tasks.suite import load_suite

    if not _human(arguments):
        return load_suite(arguments.suite or "robocasa_gr1")
    from crossbody.contracts import SuiteSpec, TaskSpec
    from tasks.human import ERRANDS, FAMILY

    return SuiteSpec(HUMAN_TASKS, "Human hands", tuple(TaskSpec(e.name, "", FAMILY, "") for e in ERRANDS), "")


def _check(arguments: Arguments) -> None:
    robots = ("suite", "noise", "perception", "student", "checkpoint")
    if _human(arguments) and (given := [n for n in robots if getattr(arguments, n)]):
        raise CrossbodyError(f"--{given[0]} is for --embodiment gr1; human hands have no such option")
    for name, least in (
        ("episodes", 1),
        ("noise", 0),
        ("perception", 0),
        ("picture_every", 1),
        ("lead_in", 1),
        ("workers", 1),
    ):
        value = getattr(arguments, name)
        if value is not None and not value >= least:
            raise CrossbodyError(f"--{name.replace('_', '-')} is {value}; it must be at least {least}")


def _order(arguments: Arguments) -> Order:
    from training.attempts import Order

    student, checkpoint = arguments.student, arguments.checkpoint
    noise, perception = (0.0, 0) if _human(arguments) else (NOISE_RAD, PERCEPTION)
    return Order(
        arguments.out.resolve(),
        arguments.seed,
        noise if arguments.noise is None else arguments.noise,
        perception if arguments.perception is None else arguments.perception,
        arguments.picture_every,
        student,
        checkpoint.resolve() if checkpoint else None,
        arguments.lead_in if student else 0,
    )


def _tally(order: Order, tasks: dict[str, Any], episodes: int) -> Tally:
    from training.attempts import attempts

    return Tally(dict.fromkeys(tasks, episodes), {t: attempts(order.folder / "demonstrations" / t) for t in tasks})


def _check_same(order: Order, suite: str) -> None:
    """Write what fixes the collection, or raise when the folder holds another one."""
    from crossbody.runs import write_atomic

    file = order.folder / "collection.json"
    now = {
        "suite": suite,
        "seed": order.seed,
        "noise": order.noise_rad,
        "perception": order.perception,
        "picture_every": order.picture_every,
        "student": order.student,
        "checkpoint": str(order.checkpoint) if order.checkpoint else "",
        "lead_in": order.lead_in,
    }
    if not file.exists():
        write_atomic(file, json.dumps(now, indent=1).encode())
    then = json.loads(file.read_text())
    if wrong := [f"--{k.replace('_', '-')} {then.get(k)}, not {v}" for k, v in now.items() if then.get(k, v) != v]:
        raise CrossbodyError(
            f"{order.folder} holds a collection with {', '.join(wrong)}. Go on with the same options, or give "
            "another --out."
        )


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Hold the folder's lock: two collectors in one folder would overwrite each other's episodes."""
    import fcntl

    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CrossbodyError(
                f"another collection is writing {folder}; wait for it, or give another --out"
            ) from None
        yield


def _logs(order: Order) -> Path:
    folder = order.folder / "logs"
    folder.mkdir(exist_ok=True)
    return folder


@contextmanager
def _progress(collection: Collection, console: Any, workers: int) -> Iterator[Any]:
    """Yield a function that shows a line about a crash, and the tally: a live bar on a terminal,
    else a line a minute."""
    from rich.progress import BarColumn, Progress, TextColumn

    tally = collection.tally
    bar = Progress(
        BarColumn(), TextColumn("{task.description}"), console=console, transient=True, disable=not console.is_terminal
    )
    total = sum(tally.wanted.values())
    shown = time.monotonic()
    with bar:
        shown_task = bar.add_task(tally.summary(workers), total=total)

        def show(line: str) -> None:
            nonlocal shown
            if line:
                console.print(line, highlight=False, soft_wrap=True)
            bar.update(shown_task, completed=sum(map(tally.kept, tally.wanted)), description=tally.summary(workers))
            if not console.is_terminal and time.monotonic() - shown > 60:
                shown = time.monotonic()
                console.print(tally.summary(workers), highlight=False, soft_wrap=True)

        yield show
    console.print(tally.summary(workers), highlight=False, soft_wrap=True)


def _acceptance(tally: Tally) -> Any:
    """Return the table of tasks: kept, attempts, acceptance, and why the others were not kept most often."""
    from collections import Counter

    from rich.table import Column, Table

    table = Table(Column("task", overflow="fold"), "kept", "attempts", "accepted", "most frequent reason against")
    for task, done in tally.attempts.items():
        reasons = Counter(a.reason for a in done if not a.kept).most_common(1)
        why = f"{reasons[0][0]} ({reasons[0][1]})" if reasons else ""
        rate = f"{tally.kept(task) / len(done):.0%}" if done else "–"
        table.add_row(task, f"{tally.kept(task)}/{tally.wanted[task]}", str(len(done)), rate, why)
    return table


def _duration(seconds: float) -> str:
    minutes, s = divmod(round(seconds), 60)
    hours, m = divmod(minutes, 60)
    return f"{hours} h {m:02d} min" if hours else f"{m} min {s:02d} s"


if __name__ == "__main__":
    sys.exit(main())
