"""One episode between formats: parts by name, pictures as they are asked for, the instruction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from training.data.layout import Layout
from training.data.video import read_frames, read_span


@dataclass(frozen=True)
class Footage:
    """The pictures of one episode: a stretch of a video file, decoded when they are read."""

    file: Path
    first: int
    frames: int

    @property
    def stretch(self) -> str:
        """Which part of the file this is."""
        return f"{self.first}+{self.frames}"

    def __len__(self) -> int:
        return self.frames

    def __iter__(self) -> Iterator[np.ndarray]:
        return read_span(self.file, self.first, self.frames)

    def take(self, indices: Sequence[int]) -> list[np.ndarray]:
        """Return frames by number within the episode, uint8 (height, width, 3)."""
        return read_frames(self.file, [self.first + int(i) for i in indices])


@dataclass(frozen=True)
class Demonstration:
    """One episode: parts (frames, width), pictures per camera, the instruction, and notes about it."""

    values: Mapping[str, np.ndarray]
    pictures: Mapping[str, Iterable[np.ndarray]]
    instruction: str
    notes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def frames(self) -> int:
        return len(next(iter(self.values.values())))


class DemonstrationSet(Protocol):
    """What every reader is: episodes by number, and the layout that they share."""

    @property
    def layout(self) -> Layout: ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Demonstration:
        """Return an episode; one that cannot be read raises DataError."""
        ...


class DemonstrationWriter(Protocol):
    """What every writer is. The set is whole when ``close`` has returned."""

    def add(self, demonstration: Demonstration) -> int:
        """Write an episode and return its index."""
        ...

    def close(self) -> None: ...
