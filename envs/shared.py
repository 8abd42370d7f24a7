"""One block of memory that a worker and the runner share: signs of life,
and frames that need not go through the pipe."""

from __future__ import annotations

import mmap
import os
import struct
import tempfile
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

PHASES = ("start", "reset", "step", "act")
LARGE = 4096
"""Arrays of at least this many bytes travel in the block, smaller ones in the message."""

_HEART = struct.Struct("=dQQ")  # monotonic time, phase, control steps of the attempt
_FRAMES_AT = mmap.PAGESIZE
_ALIGN = 64


class Pulse(NamedTuple):
    """The last sign of life of a worker."""

    at: float  # time.monotonic(), which all processes of a machine share
    phase: str
    steps: int


class Slot(NamedTuple):
    """Where an array lies in the block."""

    dtype: str
    shape: tuple[int, ...]
    offset: int


class SharedBlock:
    """Memory without a name: it goes away with its last process, even after ``kill -9``."""

    def __init__(self, fd: int | None = None):
        self.fd = _anonymous_file() if fd is None else fd
        if fd is None:
            os.ftruncate(self.fd, _FRAMES_AT)
        self._map = mmap.mmap(self.fd, os.fstat(self.fd).st_size)
        if fd is None:
            self.beat("start", 0)

    def beat(self, phase: str, steps: int) -> None:
        """Record a sign of life."""
        _HEART.pack_into(self._map, 0, time.monotonic(), PHASES.index(phase), steps)

    def pulse(self) -> Pulse:
        """Return the last sign of life."""
        at, phase, steps = _HEART.unpack_from(self._map, 0)
        return Pulse(at, PHASES[phase], steps)

    def pack(self, observation: Mapping[str, Any]) -> dict[str, Any]:
        """Return the observation with a Slot in place of each large array, which is copied into the block."""
        message, offset = {}, _FRAMES_AT
        for name, value in observation.items():
            if isinstance(value, np.ndarray) and value.nbytes >= LARGE:
                value = np.ascontiguousarray(value)
                self._reach(offset + value.nbytes)
                self._view(slot := Slot(value.dtype.str, value.shape, offset))[...] = value
                message[name] = slot
                offset += -(-value.nbytes // _ALIGN) * _ALIGN
            else:
                message[name] = value
        return message

    def unpack(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Return the observation that was packed; its arrays are copies, so agents may keep them."""
        self._reach(0)
        return {k: self._view(v).copy() if isinstance(v, Slot) else v for k, v in message.items()}

    def close(self) -> None:
        self._map.close()
        os.close(self.fd)

    def _view(self, slot: Slot) -> np.ndarray:
        return np.ndarray(slot.shape, slot.dtype, self._map, slot.offset)

    def _reach(self, size: int) -> None:
        """Grow the block to ``size``, or follow the other side's growth."""
        there = os.fstat(self.fd).st_size
        if size > there:
            os.ftruncate(self.fd, size)
            there = size
        if there > len(self._map):
            self._map.close()
            self._map = mmap.mmap(self.fd, there)


def _anonymous_file() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("crossbody", os.MFD_CLOEXEC)
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
