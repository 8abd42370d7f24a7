"""Which format a folder or file is in, and readers and writers by the format's name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from training.data import egodex, lerobot2, lerobot3, robosuite
from training.data.demonstration import DemonstrationSet, DemonstrationWriter
from training.data.layout import DataError, Layout

Format = Literal["lerobot2", "lerobot3", "egodex", "robosuite"]

WRITERS: dict[str, Callable[[Path, Layout], DemonstrationWriter]] = {
    "lerobot2": lerobot2.Writer,
    "lerobot3": lerobot3.Writer,
    "egodex": egodex.Writer,
    "robosuite": robosuite.Writer,
}


def open_set(path: Path) -> DemonstrationSet:
    """Return the reader of one data set, whatever its format; what is none raises DataError."""
    if path.is_file():
        return robosuite.Reader(path)
    if (path / "meta/info.json").exists():
        version = str(lerobot2.read_info(path).get("codebase_version", ""))
        if version.startswith("v2."):
            return lerobot2.Reader(path)
        if version.startswith("v3."):
            return lerobot3.Reader(path)
        raise DataError(f"{path} is a LeRobot data set of version '{version}'; this reads v2 and v3")
    if not path.exists():
        raise DataError(f"{path} does not exist. `crossbody collect --out {path}` makes demonstrations.")
    return egodex.Reader(path)


def find_sets(path: Path) -> dict[str, Path]:
    """Return name -> path of the data sets in a folder: itself, its sub-folders, or those of a collection. None raises DataError."""
    if path.is_file() or (path / "meta/info.json").exists() or any(path.glob("[0-9]*.hdf5")):
        return {path.stem if path.is_file() else path.name: path}
    if (path / "collection.json").exists():
        path = path / "demonstrations"
    found = {f.parent.parent.name: f.parent.parent for f in sorted(path.glob("*/meta/info.json"))}
    found |= {f.name: f for f in sorted(path.glob("*/")) if f.name not in found and any(f.glob("[0-9]*.hdf5"))}
    found |= {f.stem: f for f in sorted(path.glob("*.hdf5"))}
    if not found:
        raise DataError(
            f"there is no data set in {path}: no meta/info.json (LeRobot), <task>/<number>.hdf5 (EgoDex) or *.hdf5 (robosuite)"
        )
    return found
