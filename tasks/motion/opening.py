"""Arrays of npy and npz files, each read when it is asked for. Nothing is unpickled,
and nothing claims more memory than the file has."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING

from tasks.motion.motion import MotionError

if TYPE_CHECKING:
    import numpy as np

LARGEST_BYTES = 2**31
"""Of one array: an hour of 52 joints at 120 frames a second has a quarter of it."""

BEGINNINGS = (b"PK", b"\x93NUMPY", b"\x80")
"""Of archives, of arrays, and of the pickles that arrays of objects are."""
DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError, NotImplementedError, MemoryError)
OBJECTS = "holds Python objects, and nothing is unpickled here. Save its arrays: positions (frames, joints, 3)."


class Arrays(Mapping[str, "np.ndarray"]):
    """The arrays of an npz by their names. MotionError for one that is damaged, too large, or of Python objects."""

    def __init__(self, file: Path):
        self._file = file
        with zipfile.ZipFile(file) as opened:
            found = {entry.filename: entry for entry in opened.infolist() if not entry.is_dir()}
        self._entries = {name.removesuffix(".npy"): entry for name, entry in found.items() if name.endswith(".npy")}

    def __getitem__(self, key: str) -> np.ndarray:
        entry = self._entries[key]
        what = f"{self._file}: '{key}'"
        try:
            with zipfile.ZipFile(self._file) as opened, opened.open(entry) as stream:
                return _array(what, stream, entry.file_size)
        except DAMAGE as error:
            raise MotionError(f"{what} cannot be read: {error or type(error).__name__}") from error

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: object) -> bool:
        return key in self._entries


def opened(file: Path) -> np.ndarray | Arrays:
    """Return the array of an npy, or the arrays of an npz; MotionError when it is neither, or damaged."""
    try:
        with file.open("rb") as stream:
            begin = stream.read(6)
            if not begin.startswith(BEGINNINGS):
                raise MotionError(f"{file} is damaged, or not what its name says: it begins like no npy or npz")
            if begin.startswith(b"\x80"):
                raise MotionError(f"{file} {OBJECTS}")
            if begin.startswith(b"PK"):
                return Arrays(file)
            stream.seek(0)
            return _array(str(file), stream, file.stat().st_size)
    except DAMAGE as error:
        raise MotionError(
            f"{file} cannot be read: {error or type(error).__name__}. It is absent, cut off or of another kind."
        ) from error


def _array(what: str, stream: IO[bytes], size: int) -> np.ndarray:
    import numpy as np

    version = np.lib.format.read_magic(stream)
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = header(stream)
    if dtype.hasobject:
        raise MotionError(f"{what} {OBJECTS}")
    claimed = math.prod(shape) * dtype.itemsize
    if claimed > size:
        raise MotionError(f"{what} is cut off: it says that it has {claimed:,} bytes, and there are {size:,}")
    if claimed > LARGEST_BYTES:
        raise MotionError(f"{what} has {claimed:,} bytes; the most that is read is {LARGEST_BYTES:,}")
    data = stream.read(claimed)
    if len(data) < claimed:
        raise MotionError(f"{what} is cut off: {len(data):,} of {claimed:,} bytes are there")
    return np.frombuffer(bytearray(data), dtype).reshape(shape, order="F" if fortran else "C")
