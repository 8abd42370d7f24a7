"""The trace of an attempt: the success bit of every control step and named signals,
in one ``.npz`` that its row's hash covers."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING

from crossbody.contracts import EpisodeRow, RunProtocol
from crossbody.errors import RunFolderError
from crossbody.reading import Unreadable, read_bytes

if TYPE_CHECKING:
    import numpy as np

LARGEST_TRACE = 1 << 29
"""Bytes, in the file and unpacked: an episode of 720 steps has under one million."""

MOST_ARRAYS = 1000


class DamagedTrace(RunFolderError):
    """A trace that is absent, cannot be read, or is not the one that its row describes."""


def save_trace(file: Path, success: Iterable[bool], signals: Mapping[str, np.ndarray]) -> str:
    """Write a trace and return its digest: the success bit of every control step and named arrays (steps, …)."""
    import numpy as np

    from crossbody.runs import write_atomic

    arrays = {
        "success": np.asarray(list(success), dtype=bool),
        **{f"signal.{k}": np.asarray(v) for k, v in signals.items()},
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    write_atomic(file, buffer.getvalue())
    return _digest(arrays)


def load_trace(file: Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return (success bits (steps,), signals) of a trace file; one that cannot be read raises DamagedTrace with the
    reason."""
    return _named(_arrays(file))


def check_trace(file: Path, row: EpisodeRow, protocol: RunProtocol) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return ``load_trace`` of an attempt with an outcome; DamagedTrace unless hash,
    steps and outcome are those of its row."""
    arrays = _arrays(file)
    bits, found = arrays["success"], _digest(arrays)
    if row.trace_hash and found != row.trace_hash:
        raise DamagedTrace(f"the trace {file} has the hash {found}, but its row says {row.trace_hash}")
    seen = {
        "success": judge(bits, protocol.success_rule, protocol.chunk),
        "steps": len(bits),
        "first_success_step": int(bits.argmax()) + 1 if bits.any() else None,
    }
    for name, value in seen.items() if row.trace_hash else ():
        if getattr(row, name) != value:
            raise DamagedTrace(f"the trace {file} gives {name} {value}, but its row says {getattr(row, name)}")
    return _named(arrays)


def judge(success: np.ndarray, rule: str, chunk: int) -> bool:
    """Return whether the success bits (steps,) of an episode count as a success under a rule.

    ``any_step``: any bit. ``chunk_end``: any bit at the last step of a chunk, the last chunk being cut where the
    episode ends. ``final``: the last bit. An episode without a step is a failure.
    """
    if len(success) == 0:
        return False
    if rule == "any_step":
        return bool(success.any())
    if rule == "chunk_end":
        return bool(success[chunk - 1 :: chunk].any() or success[-1])
    return bool(success[-1])


def _named(arrays: Mapping[str, np.ndarray]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    return arrays["success"], {k.removeprefix("signal."): a for k, a in arrays.items() if k.startswith("signal.")}


def _digest(arrays: Mapping[str, np.ndarray]) -> str:
    import numpy as np

    sha = hashlib.sha256()
    for name in sorted(arrays):
        a = np.ascontiguousarray(arrays[name])
        sha.update(f"{name} {a.dtype.str} {a.shape}".encode() + a.tobytes())
    return sha.hexdigest()[:16]


def _arrays(file: Path) -> dict[str, np.ndarray]:
    """Return the arrays of a trace file, none of which is larger than the file says before it is unpacked."""
    try:
        content = read_bytes(file, LARGEST_TRACE)
        if not content:
            raise Unreadable("is empty (0 bytes)")
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return _checked(_unpack(archive))
    except FileNotFoundError:
        raise DamagedTrace(f"the trace {file} is absent") from None
    except Unreadable as error:
        raise DamagedTrace(f"the trace {file} {error}") from None
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        raise DamagedTrace(f"the trace {file} cannot be read ({error})") from error


def _unpack(archive: zipfile.ZipFile) -> dict[str, np.ndarray]:
    members = archive.infolist()
    if len(members) > MOST_ARRAYS or sum(m.file_size for m in members) > LARGEST_TRACE:
        raise Unreadable(f"would unpack to over {LARGEST_TRACE:,} bytes or {MOST_ARRAYS} arrays")
    arrays = {}
    for member in members:
        with archive.open(member) as source:
            arrays[member.filename.removesuffix(".npy")] = _array(source, member.file_size)
    return arrays


def _array(source: IO[bytes], size: int) -> np.ndarray:
    """Return the array of an ``.npy`` stream of ``size`` bytes; what its header claims beyond them is refused."""
    import numpy as np

    data = io.BytesIO(source.read(size))
    version = np.lib.format.read_magic(data)
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read_header(data)
    if dtype.hasobject or dtype.itemsize == 0:
        raise Unreadable(f"holds {dtype}, which is no array of numbers")
    if _product(shape) * dtype.itemsize != size - data.tell():
        raise Unreadable(f"claims an array {shape} of {dtype} in {size - data.tell():,} bytes")
    data.seek(0, os.SEEK_SET)
    return np.lib.format.read_array(data, allow_pickle=False)


def _product(shape: tuple[int, ...]) -> int:
    product = 1
    for n in shape:
        product *= n
    return product


def _checked(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    bits = arrays.get("success")
    if bits is None or bits.dtype != bool or bits.ndim != 1:
        raise Unreadable("has no list of success bits")
    for name, array in arrays.items():
        if array.shape[:1] != bits.shape:
            raise Unreadable(f"has {len(bits)} success bits, but {name} is of the shape {array.shape}")
    return arrays
