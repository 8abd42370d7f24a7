"""The pictures of one episode, decoded when they are read: a stretch of a video, or cells of a table."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from training.data.layout import DataError
from training.data.parquet import read_cells
from training.data.paths import file_of
from training.data.video import frame_times, read_frames, read_span

REACH = 0.4
"""Of the time between two rows: how far a picture's time may be from its row's.
Videos slower than the rows are further."""
MAX_PIXELS = 50_000_000
MODES = ("RGB", "L", "P")


@dataclass(frozen=True, eq=False)
class Footage:
    """Pictures of a video file: by time, or by number where a format pairs them so."""

    file: Path
    frames: int
    seconds: np.ndarray | None = None  # (frames,) when each row was, since the file began; None: row i has picture i
    fps: float = 0.0  # of the rows
    until: float = float("inf")  # s, where the episode's stretch of the file ends

    @property
    def stretch(self) -> str:
        """Which part of the file this is."""
        if self.seconds is None:
            return f"0+{self.frames}"
        return f"{self.seconds[0]:.6f}s+{self.frames}@{self.fps:g}"

    def __len__(self) -> int:
        return self.frames

    def __iter__(self) -> Iterator[np.ndarray]:
        return read_span(self.file, self.places())

    def take(self, indices: Sequence[int]) -> list[np.ndarray]:
        """Return frames by number within the episode, uint8 (height, width, 3)."""
        return read_frames(self.file, self.places()[np.asarray(indices, np.int64)])

    def places(self) -> np.ndarray:
        """Return the number within the file of every frame's picture;
        rows and video that do not fit raise DataError."""
        times = frame_times(self.file)
        if self.seconds is None:
            if abs(len(times) - self.frames) > 1 or len(times) < self.frames:
                raise DataError(f"{self.file} has {len(times)} pictures for {self.frames} rows; it is not their video")
            return np.arange(self.frames)
        after = np.clip(np.searchsorted(times, self.seconds), 1, max(len(times) - 1, 1))
        near = np.where(
            np.abs(times[after - 1] - self.seconds) <= np.abs(times[np.minimum(after, len(times) - 1)] - self.seconds),
            after - 1,
            np.minimum(after, len(times) - 1),
        )
        far = np.abs(times[near] - self.seconds) > REACH / self.fps
        far |= self.seconds > self.until - (1 - REACH) / self.fps
        if far.any():
            raise DataError(self._misfit(int(np.argmax(far)), times))
        return near

    def _misfit(self, row: int, times: np.ndarray) -> str:
        rate = f" at {(len(times) - 1) / times[-1]:.4g} Hz" if len(times) > 1 else ""
        end = min(times[-1], self.until)
        return (
            f"{self.file} has no picture for row {row} of its episode, at {self.seconds[row]:.3f} s: it has "
            f"{len(times)} "  # type: ignore[index]
            f"pictures{rate} up to {end:.3f} s, the rows come at {self.fps:g} Hz; mend fps, timestamps or the video"
        )


@dataclass(frozen=True)
class Cells:
    """Pictures that stand in a Parquet column as PNG or JPEG: LeRobot's ``dtype: image``."""

    root: Path  # of the data set
    file: Path
    column: str
    first: int  # row of the table
    frames: int
    shape: tuple[int, ...]  # as info.json has it

    @property
    def stretch(self) -> str:
        """Which part of the file this is."""
        return f"{self.column}/{self.first}+{self.frames}"

    def __len__(self) -> int:
        return self.frames

    def __iter__(self) -> Iterator[np.ndarray]:
        for number, cell in enumerate(read_cells(self.file, self.column, self.first, self.frames)):
            yield self._picture(cell, number)

    def take(self, indices: Sequence[int]) -> list[np.ndarray]:
        """Return frames by number, uint8 (height, width, 3)."""
        wanted = {int(i) for i in indices}
        found = {}
        for number, cell in enumerate(read_cells(self.file, self.column, self.first, max(wanted, default=-1) + 1)):
            if number in wanted:
                found[number] = self._picture(cell, number)
        return [found[int(i)] for i in indices]

    def places(self) -> np.ndarray:
        """Decode the first picture, which raises DataError where it is none, and return the rows."""
        self.take([0])
        return np.arange(self.first, self.first + self.frames)

    def _picture(self, cell: Any, row: int) -> np.ndarray:
        where = f"{self.file}: {self.column} in row {self.first + row}"
        content = cell.get("bytes") if isinstance(cell, dict) else cell
        if content is None and isinstance(cell, dict) and isinstance(cell.get("path"), str):
            content = file_of(self.root, cell["path"]).read_bytes()
        if not isinstance(content, bytes):
            raise DataError(f"{where} holds no picture; LeRobot keeps PNG or JPEG bytes there")
        picture = _decoded(content, where)
        if sorted(picture.shape) != sorted(self.shape) and len(self.shape) == 3 and 1 not in self.shape:
            raise DataError(f"{where} is a picture of shape {picture.shape}; info.json says {list(self.shape)}")
        return picture


def _decoded(content: bytes, where: str) -> np.ndarray:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as image:
            if image.width * image.height > MAX_PIXELS:
                raise DataError(f"{where} claims {image.width} x {image.height} pixels; this reads up to {MAX_PIXELS}")
            if image.mode not in MODES or "transparency" in image.info:
                raise DataError(
                    f"{where} is a picture in mode {image.mode}; this reads {', '.join(MODES)} without transparency"
                )
            return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{where} is no PNG or JPEG picture ({str(error)[:80]})") from error
