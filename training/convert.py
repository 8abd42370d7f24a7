"""Convert demonstrations from one format to another; everything is found by name, nothing by its place in a vector."""

from __future__ import annotations

import dataclasses
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from crossbody import catalog

if TYPE_CHECKING:
    from training.data.demonstration import DemonstrationSet, DemonstrationWriter


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Convert data sets between formats; `crossbody list formats` says which there are."""

    source: Annotated[Path, tyro.conf.Positional]
    """A data set, or a folder of some; its format is recognised."""
    target: Annotated[Path, tyro.conf.Positional]
    """Where to write: each data set of the source becomes one here, under its name."""
    to: str
    """The format to write: lerobot2, lerobot3, egodex, robosuite or that of a package."""
    episodes: int | None = None
    """Only the first N episodes of each data set."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit code is 0 when everything was converted."""
    arguments = tyro.cli(Arguments, args=argv, prog="crossbody convert")
    catalog.find("formats", arguments.to)
    from training.data.formats import find_sets, formats, passed_over
    from training.data.layout import DataError

    if arguments.episodes is not None and arguments.episodes < 1:
        raise DataError(f"--episodes is {arguments.episodes}; it must be at least 1")
    sets = find_sets(arguments.source)
    if beside := passed_over(arguments.source, sets):
        print(f"{arguments.source}: passed over, since they are no demonstrations: {', '.join(beside)}")
    suffix = formats()[arguments.to].suffix
    for name, path in sets.items():
        target = arguments.target if len(sets) == 1 else arguments.target / f"{name}{suffix}"
        count, remarks = convert(path, target, arguments.to, arguments.episodes, Steps(name))
        for remark in remarks:
            print(f"{name}: {remark}")
        print(f"{target}: {count} episodes")
    return 0


@dataclass(frozen=True)
class Steps:
    """Shows how far a conversion is: a bar at a terminal, a line per tenth elsewhere."""

    name: str

    def __call__(self, steps: Sequence[int], what: str) -> Iterable[int]:
        if sys.stdout.isatty():
            from rich.progress import track

            yield from track(steps, f"{self.name}: {what}")
            return
        for done, step in enumerate(steps, 1):
            yield step
            if done * 10 // len(steps) > (done - 1) * 10 // len(steps):
                print(f"{self.name}: {what} {done} of {len(steps)}", flush=True)


def convert(
    source: Path, target: Path, to: str, episodes: int | None = None, show: Callable[..., Iterable[int]] | None = None
) -> tuple[int, list[str]]:
    """Write the first ``episodes`` of a data set in another format; return how many, and what was left out or taken for
    granted.

    Everything is read and checked before anything is written, and the target is there when it is whole. A target that
    holds something, and whatever cannot be read or written, raises DataError.
    """
    from training.data.formats import open_set
    from training.data.layout import DataError

    steps = show or (lambda steps, _: steps)
    there = open_set(source)
    if target.exists() and (target.is_file() or any(target.iterdir())):
        raise DataError(f"{target} is not empty; give another target")
    count = min(len(there), len(there) if episodes is None else episodes)
    remarks = check(there, steps(range(count), "checks episode"))
    part = target.with_name(f".{target.name}.part")
    _discard(part)
    try:
        writer = catalog.resolve("formats", to).writer(part, there.layout)
        _write(there, writer, steps(range(count), "writes episode"), task_of(source))
        if target.exists():
            target.rmdir()
        part.replace(target)
    except OSError as error:
        raise DataError(f"{target} cannot be written: {error}") from error
    finally:
        _discard(part)
    return count, [*remarks, *writer.remarks]


def check(there: DemonstrationSet, indices: Iterable[int]) -> list[str]:
    """Read every episode and where its pictures are, which raises DataError where something is wrong;
    return the remarks."""
    from training.data.layout import DataError

    seen: dict[bytes, int] = {}
    twice = []
    for index in indices:
        demonstration = there[index]
        for footage in demonstration.pictures.values():
            footage.places()  # type: ignore[attr-defined]  # all readers' have it
        first = seen.setdefault(demonstration.digest(), index)
        if first != index:
            twice.append(f"episodes {first} and {index} have the same numbers to the last bit; is one of them a copy?")
    if not seen:
        raise DataError("this data set has no episode with frames; there is nothing to convert")
    return [*there.remarks, *twice]


def task_of(source: Path) -> str:
    """Return the name of the task of a data set that does not say it: its own name."""
    from training.data.formats import name_of

    return name_of(source)


def _write(there: DemonstrationSet, writer: DemonstrationWriter, indices: Iterable[int], task: str) -> None:
    for index in indices:
        demonstration = there[index]
        if "task" not in demonstration.notes:
            demonstration = dataclasses.replace(demonstration, notes={**demonstration.notes, "task": task})
        writer.add(demonstration)
    writer.close()


def _discard(path: Path) -> None:
    """Remove what a conversion that failed or was killed has left, in its hidden place beside the target."""
    for rest in (path, path.with_name(f".{path.name}.part")):
        if rest.is_dir():
            shutil.rmtree(rest)
        rest.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
