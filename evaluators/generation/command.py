"""The ``generate`` command: clips from a generator, written for ``score`` and ``judge``."""

from __future__ import annotations

import dataclasses
import datetime
import multiprocessing
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

import tyro

from crossbody import catalog
from crossbody.contracts import channels_for
from crossbody.errors import CrossbodyError
from evaluators.generation.asked import Asked

if TYPE_CHECKING:
    from evaluators.generation.making import Job

OptionsT = TypeVar("OptionsT")
TRIES = 2  # of a clip whose worker process dies


@dataclass(frozen=True)
class NoOptions:
    """Stands for a generator's options until a generator is named."""


@dataclass(frozen=True, kw_only=True)
class Arguments(Generic[OptionsT]):
    """Make clips with a generator. With --generator NAME, --help also lists that generator's own options."""

    generator: str
    """What makes the clips: a name from `crossbody list generators`."""
    data: Path | None = None
    """True clips or demonstrations to take conditions from: videos, motions,
    or a set that `crossbody collect` writes."""
    kind: Literal["video", "motion"] | None = None
    """What is to be made, where --data holds both."""
    text: tuple[str, ...] = ()
    """What the motion is, in words; several make several clips."""
    time: str | None = None
    """How long the motion lasts, such as 4s."""
    state: Path | None = None
    """A motion file whose first frame the motion begins in."""
    track: Path | None = None
    """A motion file whose root the motion follows."""
    occlusion: tuple[str, ...] = ()
    """A body part and a motion file: the motion is as in the file, and the part is made up."""
    given: int = 1
    """True frames at the start that a generator is shown; `score video --given N` leaves them out."""
    frames: int | None = None
    """Frames of a clip, the given ones included; by default as many as the true clip has."""
    every: int | None = None
    """Take every so many-th control step's picture of demonstrations; by default each picture that is not a repeat."""
    fps: float | None = None
    """Frame rate of true clips that do not say theirs."""
    limit: int | None = None
    """Only the first N conditions."""
    shard: str | None = None
    """Only the k-th of n parts of the conditions, as k/n; all shards may write into one --out."""
    seed: int = 0
    """Of what the generator draws: each clip has a seed of its own, from this and its name."""
    workers: int | None = None
    """Processes; by default one per core. It never changes a clip."""
    out: Path | None = None
    """Folder of the clips; by default runs/<time>-generate-<generator>. The same command goes on where it stopped."""
    options: OptionsT
    """The generator's own options."""


@dataclass(frozen=True)
class Run:
    """What one call of the command is to do."""

    job: Job
    names: list[str]  # of this shard
    every_name: Sequence[str]  # of all shards
    workers: int | None
    identity: dict[str, Any]  # what the clips depend on


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return the exit code: 0, 1 when a clip is missing, 2 for a mistake, 130 when interrupted."""
    from crossbody.main import guarded

    arguments = sys.argv[1:] if argv is None else list(argv)
    return guarded(lambda: _generate(arguments))


def _generate(argv: list[str]) -> int:
    from evaluators.generation.making import Job, open_conditions, open_generator

    given = _parse(argv)
    asked = _asked(given)
    conditions = open_conditions(asked)
    out = given.out or Path("runs") / f"{datetime.datetime.now():%Y%m%d-%H%M%S}-generate-{given.generator}"
    job = Job(given.generator, given.options, conditions.kind, asked, out)
    generator = open_generator(job)
    channels_for(conditions.offers, generator)  # before anything is written
    identity = _identity(given, asked, conditions, generator)
    generator.close()
    every_name = conditions.names[: given.limit]
    run = Run(job, _chosen(given.shard, every_name), every_name, given.workers, identity)
    return _make_all(run, ("crossbody", "generate", *argv))


def _parse(argv: list[str]) -> Arguments:
    from crossbody.options import check_options

    kind: Any = Arguments[NoOptions]
    for here, following in zip(argv, [*argv[1:], ""], strict=True):
        if here == "--generator" and following or here.startswith("--generator="):
            name = following if here == "--generator" else here.removeprefix("--generator=")
            kind = Arguments[catalog.module_of("generators", name).GeneratorOptions]
    check_options(argv, kind)
    return tyro.cli(kind, args=argv, prog="crossbody generate", description=Arguments.__doc__)


def _asked(given: Arguments) -> Asked:
    typed = bool(given.text or given.time or given.state or given.track or given.occlusion)
    sources = [n for n, there in (("--data", given.data), ("--text", typed)) if there]
    if len(sources) != 1:
        told = " and ".join(sources) or "nothing"
        raise CrossbodyError(
            f"conditions come from {told}. Give --data or --text (or --time, --state, …), one of them."
        )
    if given.data is not None and not given.data.exists():
        raise CrossbodyError(f"--data {given.data} does not exist")
    for name in ("given", "frames", "every", "limit", "workers"):
        value = getattr(given, name)
        if value is not None and value < 1:
            raise CrossbodyError(f"--{name} is {value}; it must be at least 1")
    if given.seed < 0:
        raise CrossbodyError(f"--seed is {given.seed}; it must be at least 0")
    fields = {f.name for f in dataclasses.fields(Asked)} - {"time"}
    return Asked(**{name: getattr(given, name) for name in fields}, time=_seconds(given.time))


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return float(text.strip().removesuffix("s"))
    except ValueError:
        raise CrossbodyError(f"--time is '{text}'; expected seconds, such as 4s") from None


def _chosen(shard: str | None, names: Sequence[str]) -> list[str]:
    from tasks.suite import parse_shard

    k, n = parse_shard(shard or "1/1")
    chosen = list(names[k - 1 :: n])
    if not chosen:
        raise CrossbodyError(f"--shard {shard} of {len(names)} conditions is empty; use fewer shards")
    return chosen


def _identity(given: Arguments, asked: Asked, conditions: Any, generator: Any) -> dict[str, Any]:
    """Return what the clips depend on: other values, other clips."""
    return {
        "generator": given.generator,
        "options": {k: str(v) if isinstance(v, Path) else v for k, v in dataclasses.asdict(given.options).items()},
        "weights": dict(generator.card),
        "conditions": conditions.digest(),
        "kind": conditions.kind,
        "given": asked.given,
        "frames": asked.frames,
        "every": asked.every,
        "fps": asked.fps,
        "seed": asked.seed,
    }


def _make_all(run: Run, command: Sequence[str]) -> int:
    from crossbody.catalog import ROOT
    from evaluators.generation.folder import GenerationFolder
    from evaluators.loop.manifest import git_commit, host, packages
    from evaluators.loop.plan import cores

    job, names = run.job, run.names
    folder = GenerationFolder(job.out, job.kind)
    created = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    facts = {"created": created, "host": host(), "packages": packages(), "git": git_commit(ROOT)}
    folder.begin(run.identity, {"command": list(command), **facts})
    rows = {name: row for name in names if (row := folder.row(name))}
    todo = [name for name in names if name not in rows]
    print(f"{job.generator}: {len(names)} {job.kind}s into {job.out}" + (f", {len(rows)} are there" if rows else ""))
    for row in _rows(job, todo, min(run.workers or cores(), max(1, len(todo)))):
        rows[row["clip"]] = row
        _tell(len(rows), len(names))
    good = [name for name in names if rows[name]["status"] == "ok"]
    folder.finish(run.every_name)
    for name in names:
        if rows[name]["status"] != "ok":
            print(f"missing {name}: {rows[name]['error']}", file=sys.stderr)
    print(_next_step(job, good, len(names)))
    return 0 if len(good) == len(names) else 1


def _rows(job: Any, names: list[str], workers: int) -> Iterator[dict[str, Any]]:
    """Yield the row of each clip as it is made; a clip whose process dies is tried once more, alone."""
    from evaluators.generation import making
    from evaluators.generation.folder import GenerationFolder

    left, died = list(names), []
    if left:
        try:
            for row in _in_processes(job, left, workers):
                left.remove(row["clip"])
                yield row
        except BrokenProcessPool:
            died = left
    for name in died:  # one process each, so that one that dies takes nothing with it
        try:
            yield next(iter(_in_processes(job, [name], 1)))
        except BrokenProcessPool:
            row = {"clip": name, "status": "crashed", "error": f"its process died {TRIES} times", "text": ""}
            GenerationFolder(job.out, job.kind).write_row(
                name, row | {"seed": making.episode_seed(job.asked.seed, name, 0)}
            )
            yield row


def _in_processes(job: Any, names: list[str], workers: int) -> Iterator[dict[str, Any]]:
    from evaluators.generation import making

    spawn = multiprocessing.get_context("spawn")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with ProcessPoolExecutor(workers, mp_context=spawn, initializer=making.begin, initargs=(job,)) as pool:
        for done in as_completed([pool.submit(making.make, name) for name in names]):
            yield done.result()


def _tell(done: int, total: int) -> None:
    if sys.stderr.isatty() or done == total or done % max(1, total // 20) == 0:
        print(f"\r{done} of {total}", end="\n" if done == total or not sys.stderr.isatty() else "", file=sys.stderr)


def _next_step(job: Any, good: list[str], total: int) -> str:
    made = f"{len(good)} of {total} clips are in {job.out}/pred"
    if not (job.out / "ref").is_dir():
        return f"{made}."
    given = f" --given {job.asked.given} --fps RATE" if job.kind == "video" else ""
    return f"{made}. Score them: `uv run crossbody score {job.kind} --pred {job.out}/pred --ref {job.out}/ref{given}`"


if __name__ == "__main__":
    sys.exit(main())
