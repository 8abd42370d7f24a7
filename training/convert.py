"""Convert demonstrations from one format to another; everything is found by name, nothing by its place in a vector."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

SUFFIX = {"robosuite": ".hdf5"}


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Convert data sets between LeRobot v2.1, LeRobot v3.0, EgoDex and robosuite HDF5."""

    source: Annotated[Path, tyro.conf.Positional]
    """A data set, or a folder of some; its format is recognised."""
    target: Annotated[Path, tyro.conf.Positional]
    """Where to write: each data set of the source becomes one here, under its name."""
    to: Literal["lerobot2", "lerobot3", "egodex", "robosuite"]
    """The format to write."""
    episodes: int | None = None
    """Only the first N episodes of each data set."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit code is 0 when everything was converted."""
    arguments = tyro.cli(Arguments, args=argv, prog="crossbody convert")
    from rich.progress import track

    from training.data.formats import find_sets

    sets = find_sets(arguments.source)
    for name, path in sets.items():
        target = arguments.target if len(sets) == 1 else arguments.target / f"{name}{SUFFIX.get(arguments.to, '')}"
        count = convert(path, target, arguments.to, arguments.episodes, lambda steps: track(steps, f"{name}"))  # noqa: B023
        print(f"{target}: {count} episodes")
    return 0


def convert(source: Path, target: Path, to: str, episodes: int | None = None, show=iter) -> int:
    """Write the first ``episodes`` of a data set in another format and return how many; a target that holds one raises DataError."""
    from training.data.formats import WRITERS, open_set
    from training.data.layout import DataError

    there = open_set(source)
    if target.exists() and (target.is_file() or any(target.iterdir())):
        raise DataError(f"{target} is not empty; give another target")
    writer = WRITERS[to](target, there.layout)
    count = min(len(there), len(there) if episodes is None else episodes)
    for index in show(range(count)):
        demonstration = there[index]
        if "task" not in demonstration.notes:
            notes = {**demonstration.notes, "task": source.stem}
            demonstration = dataclasses.replace(demonstration, notes=notes)
        writer.add(demonstration)
    writer.close()
    return count


if __name__ == "__main__":
    sys.exit(main())
