"""Where the files of somebody's data set may lie: inside its folder, and nowhere else."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from training.data.layout import MAX_NAME_BYTES, PLAIN_NAME, DataError

FIELD = re.compile(r"\{(\w*)(?::0?(\d)d)?\}")
MAX_PATTERN = 500


def inside(root: Path, *names: str | Path) -> Path:
    """Return ``root/names``; a path that is absolute, climbs, or leaves the root by a symbolic link raises
    DataError."""
    path = Path(*names)
    if path.is_absolute() or ".." in path.parts or "\0" in str(path):
        raise DataError(
            f"{root}: the path {str(path)!r} leads out of the data set; paths in a data set are relative to it"
        )
    whole = root / path
    try:
        leaves = not whole.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError) as error:  # a loop of links
        raise DataError(f"{whole} cannot be followed ({error})") from error
    if leaves:
        raise DataError(
            f"{whole} is a link that leaves {root}; where you trust it, copy the data set with `cp -rL` and "
            "use the copy"
        )
    return whole


def present(root: Path, *names: str | Path) -> bool:
    """Return whether a file or folder of a data set is there; one outside raises DataError."""
    return os.path.lexists(inside(root, *names))


def regular(path: Path) -> Path:
    """Return the path of a file that can be read to its end; a pipe, a device or a folder raises DataError."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise DataError(f"{path} is absent") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror})") from error
    if not stat.S_ISREG(mode):
        raise DataError(f"{path} is not a file (a folder, pipe or device)")
    return path


def file_of(root: Path, *names: str | Path) -> Path:
    """Return a regular file inside a data set, or raise DataError."""
    return regular(inside(root, *names))


def fill(pattern: str, values: Mapping[str, int | str], where: Path) -> str:
    """Return LeRobot's pattern of a path with its fields filled; only ``{name}`` and ``{name:03d}`` are fields."""

    def one(match: re.Match[str]) -> str:
        name, width = match.groups()
        if name not in values:
            raise DataError(f"{where}: the path {pattern!r} has the field {name!r}; known: {', '.join(values)}")
        value = values[name]
        return str(value).zfill(int(width or 0)) if isinstance(value, int) else value

    if not isinstance(pattern, str) or len(pattern) > MAX_PATTERN:
        raise DataError(f"{where}: data_path and video_path are texts, got {str(pattern)[:60]!r}")
    filled = FIELD.sub(one, pattern)
    if "{" in filled or "}" in filled:
        raise DataError(f"{where}: the path {pattern!r} has a field that is not of the form {{name:03d}}")
    return filled


def plain(name: str, what: str) -> str:
    """Return a name that becomes one folder or file; one with slashes,
    a leading dot or control characters raises DataError."""
    if not PLAIN_NAME.fullmatch(name) or name.startswith(".") or len(name.encode()) > MAX_NAME_BYTES:
        raise DataError(
            f"{what} is {name[:80]!r}, which is no name of a folder: it must have no slashes and no leading dot"
        )
    return name
