"""One episode between formats: parts by name, pictures as they are asked for, the instruction."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from training.data.layout import Layout


@dataclass(frozen=True)
class Demonstration:
    """One episode: parts (frames, width), pictures per camera, the instruction, and notes about it."""

    values: Mapping[str, np.ndarray]
    pictures: Mapping[str, Iterable[np.ndarray]]
    instruction: str
    notes: Mapping[str, Any] = field(default_factory=dict)
    instructions: Sequence[str] = ()  # of every frame, where they differ
    language: Mapping[str, np.ndarray] = field(
        default_factory=dict
    )  # column -> (frames,) numbers of the layout's tasks
    extras: Mapping[str, Any] = field(default_factory=dict)  # column of the layout's extras -> Arrow array (frames,)

    @property
    def frames(self) -> int:
        return len(next(iter(self.values.values())))

    def digest(self) -> bytes:
        """Return a digest of the numbers of all parts."""
        sha = hashlib.sha256()
        for name in sorted(self.values):
            sha.update(name.encode() + np.ascontiguousarray(self.values[name]).tobytes())
        return sha.digest()


class DemonstrationSet(Protocol):
    """What every reader is: episodes by number, and the layout that they share."""

    @property
    def layout(self) -> Layout: ...

    @property
    def remarks(self) -> Sequence[str]:
        """Return what a reader leaves out or takes for granted, one sentence each."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Demonstration:
        """Return an episode; one that cannot be read, or has a number that is not finite, raises DataError."""
        ...


class DemonstrationWriter(Protocol):
    """What every writer is. The set is whole when ``close`` has returned."""

    @property
    def remarks(self) -> Sequence[str]:
        """Return what the format has no place for, one sentence each."""
        ...

    def add(self, demonstration: Demonstration) -> int:
        """Write an episode and return its index."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class Format:
    """What a file in ``training/data/formats`` gives as ``FORMAT``."""

    looks_like: str  # what a user sees on the disk
    recognises: Callable[[Path], bool]  # is this one data set of the format?
    reader: Callable[[Path], DemonstrationSet]
    writer: Callable[[Path, Layout], DemonstrationWriter]
    suffix: str = ""  # of a set that is one file
    hint: Callable[[Path], str] = lambda path: ""  # of what nothing recognises: what it seems to be, '' for no idea
    nests: bool = False  # a folder of its sets can be read as one set, too
    going_on: Callable[..., Any] | None = None  # a writer that appends to a set, for `collect`: (root, layout, keep)
