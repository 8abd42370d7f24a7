"""Formats of demonstrations, one file each: which one a folder or file is in, and its sets.
A new format is a new file here."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from crossbody import catalog
from training.data.demonstration import DemonstrationSet, Format
from training.data.layout import DataError
from training.data.paths import inside, present

NOTES = (".json", ".jsonl", ".md", ".txt", ".lock")


@cache
def formats() -> dict[str, Format]:
    """Return name -> format of everything in the catalog."""
    return {name: catalog.resolve("formats", name) for name in catalog.entries("formats")}


def format_of(path: Path) -> Format | None:
    """Return the format that one data set is in, None for what is none; two formats that claim it raise DataError."""
    claims = {name: kind for name, kind in formats().items() if kind.recognises(path)}
    if len(claims) > 1:
        raise DataError(f"{path} is read by several formats: {', '.join(claims)}; uninstall all but one")
    return next(iter(claims.values()), None)


def open_set(path: Path) -> DemonstrationSet:
    """Return the reader of one data set, whatever its format; what is none raises DataError."""
    if not path.exists():
        raise DataError(f"{path} does not exist. `crossbody collect --out {path}` makes demonstrations.")
    kind = format_of(path) or _nested(path)
    if kind is None:
        raise DataError(_unknown(path))
    return kind.reader(path)


def find_sets(path: Path) -> dict[str, Path]:
    """Return name -> path of the data sets in a folder: itself, its sub-folders, or those of a collection.
    None raises DataError."""
    if not path.exists():
        raise DataError(f"{path} does not exist. `crossbody collect --out {path}` makes demonstrations.")
    if format_of(path):
        return {name_of(path): path}
    if present(path, "collection.json"):
        path = inside(path, "demonstrations")
    found: dict[str, Path] = {}
    for child in sorted(path.iterdir()) if path.is_dir() else ():
        if not child.name.startswith(".") and format_of(inside(path, child.name)):
            if name_of(child) in found:
                raise DataError(f"{path} has two data sets that are called {name_of(child)}: rename one")
            found[name_of(child)] = child
    if not found:
        raise DataError(_unknown(path))
    return found


def passed_over(path: Path, sets: Mapping[str, Path]) -> list[str]:
    """Return the names of what lies beside a folder's data sets and is none, hidden files and plain notes apart."""
    if path in sets.values() or not path.is_dir():
        return []
    read = {p.relative_to(path).parts[0] for p in sets.values()}
    beside = sorted(c.name for c in path.iterdir() if c.name not in read and not c.name.startswith("."))
    return [name for name in beside if Path(name).suffix not in NOTES or (path / name).is_dir()]


def name_of(path: Path) -> str:
    """Return a set's name: of a folder the whole of it, of a file all but the suffix."""
    return path.stem if path.is_file() else path.resolve().name


def _nested(path: Path) -> Format | None:
    """Return the format whose sets a folder holds, where such a folder can be read as one set."""
    children = [child for child in sorted(path.iterdir()) if child.is_dir()] if path.is_dir() else []
    return next((k for k in formats().values() if k.nests and any(k.recognises(c) for c in children)), None)


def _unknown(path: Path) -> str:
    looks = ", no ".join(f"{kind.looks_like} ({name})" for name, kind in formats().items())
    hints = [hint for kind in formats().values() if (hint := kind.hint(path))]
    return f"there is no data set in {path}: no {looks}{''.join(f'; {hint}' for hint in hints)}"
