"""HDF5 files of strangers: nothing outside the file is read, nothing larger than memory,
and what is wrong is a sentence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from training.data import jsons
from training.data.layout import DataError
from training.data.paths import regular

MAX_BYTES = 2**31  # of one array
SIGNATURE = b"\x89HDF\r\n\x1a\n"
SUFFIXES = (".hdf5", ".h5")


def is_hdf5(path: Path) -> bool:
    """Return whether a file is HDF5 by its name or its first bytes."""
    if not path.is_file():
        return False
    if path.suffix in SUFFIXES:
        return True
    with path.open("rb") as file:
        return file.read(len(SIGNATURE)) == SIGNATURE


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Give the open file; one that is absent, foreign, cut short or damaged inside raises DataError."""
    import h5py

    try:
        file = h5py.File(regular(path), "r")
    except OSError as error:
        raise DataError(f"{path} is not an HDF5 file, or was cut short: {error}") from error
    with file:
        try:
            yield file
        except (OSError, RuntimeError, KeyError, MemoryError, UnicodeError, OverflowError) as error:
            raise DataError(
                f"{path} is damaged: {str(error).splitlines()[0][:200] if str(error) else type(error).__name__}"
            ) from error


def names(group: Any) -> list[str]:
    """Return the names in a group; one that points out of the file raises DataError."""
    for name in group:
        _check_link(group, name)
    return list(group)


def find(group: Any, place: str) -> Any:
    """Return what stands at a place such as ``obs/left_arm``, None where nothing does;
    a way out of the file raises DataError."""
    for name in place.split("/"):
        if not hasattr(group, "keys") or name not in group:
            return None
        _check_link(group, name)
        group = group[name]
    return group


def array(group: Any, place: str) -> np.ndarray:
    """Return an array of numbers; one that is absent, outside the file, huge or no numbers raises DataError."""
    return read(dataset(group, place))


def dataset(group: Any, place: str) -> Any:
    """Return a data set inside the file, not yet read."""
    found = find(group, place)
    if found is None:
        raise DataError(f"{group.file.filename} has no {group.name.rstrip('/')}/{place}")
    if not hasattr(found, "shape") or found.shape is None:
        raise DataError(f"{group.file.filename}: {found.name} is no array")
    if found.external or found.is_virtual:
        raise DataError(
            f"{group.file.filename}: {found.name} is kept in another file; this reads what is inside the file only"
        )
    return found


def read(found: Any, rows: Any = ()) -> np.ndarray:
    """Return (some rows of) a data set; one that claims too much memory, or text, raises DataError."""
    where = f"{found.file.filename}: {found.name}"
    if found.dtype.kind not in "fiub":
        raise DataError(f"{where} holds {found.dtype}, expected numbers")
    size = found.size * found.dtype.itemsize
    if rows != () and len(found):
        size //= len(found)
    if size > MAX_BYTES:
        raise DataError(f"{where} claims {size} bytes; this reads up to {MAX_BYTES} of one array")
    return np.asarray(found[rows])


def check_finite(values: np.ndarray, where: str) -> np.ndarray:
    """Return the values (frames, …); one that is not finite raises DataError that names its row."""
    wrong = ~np.isfinite(values.reshape(len(values), -1)).all(1)
    if wrong.any():
        raise DataError(
            f"{where} has a number that is not finite in row {int(np.argmax(wrong))}; mend or leave out this episode"
        )
    return values


def attribute(owner: Any, name: str) -> dict[str, Any]:
    """Return a JSON attribute, {} where it is absent; one that is no JSON object raises DataError."""
    text = owner.attrs.get(name)
    if text is None:
        return {}
    text = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    return jsons.parse(text, f"{owner.file.filename}: the attribute {name} of {owner.name}")


def to_json(content: Any) -> str:
    """Return content as the JSON text of an attribute."""
    return json.dumps(content, default=str)


def _check_link(group: Any, name: str) -> None:
    import h5py

    if isinstance(group.get(name, getlink=True), h5py.ExternalLink):
        raise DataError(
            f"{group.file.filename}: {group.name.rstrip('/')}/{name} is a link to another file; this reads one "
            "file only"
        )
