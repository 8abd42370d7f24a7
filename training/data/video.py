"""H.264 files of demonstrations: written whole, read at any frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from training.data.layout import DataError
from training.data.paths import regular

KEYFRAME_EVERY = 8
"""Frames between two keyframes: a random frame costs at most so many decodings."""
SKIP = 32
"""Frames that are rather decoded than jumped over: a jump begins at the keyframe before its goal,
which may lie behind."""
CRF = "20"
MAX_PIXELS = 50_000_000
ONLY_FILES = {"format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi", "protocol_whitelist": "file"}
"""FFmpeg would follow a playlist that is called .mp4 to any file or address."""


class VideoFile:
    """An H.264 file under way, which has its name only once it is closed."""

    def __init__(self, file: Path, fps: float, keyframe_every: int = KEYFRAME_EVERY):
        import av

        self._file, self._fps, self._keyframe_every = file, fps, keyframe_every
        self._part = file.with_name(f".{file.stem}.part.mp4")
        self._part.parent.mkdir(parents=True, exist_ok=True)
        self._container = av.open(str(self._part), "w", format="mp4", options={"movflags": "+faststart"})
        self._stream: Any = None
        self._shape: tuple[int, ...] = ()
        self.frames = 0

    def add(self, picture: np.ndarray) -> None:
        """Append a picture, uint8 (height, width, 3); one of another size than the first raises DataError."""
        import av

        if self._stream is None:
            self._shape = picture.shape
            self._stream = _stream(self._container, picture.shape, self._fps, self._keyframe_every)
        if picture.shape != self._shape or picture.dtype != np.uint8:
            raise DataError(
                f"{self._file}: picture {self.frames} is {picture.dtype} {picture.shape}, the first was uint8 "
                f"{self._shape}"
            )
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        self._container.mux(self._stream.encode(frame))
        self.frames += 1

    def size(self) -> int:
        """Return the bytes written so far; the encoder keeps the first few pictures to itself."""
        return self._part.stat().st_size if self._part.exists() else 0

    def close(self) -> None:
        """Complete the file."""
        if self._stream is None:
            raise DataError(f"{self._file}: there are no pictures to write")
        self._container.mux(self._stream.encode())
        self._container.close()
        self._part.replace(self._file)


def write_video(file: Path, pictures: Iterable[np.ndarray], fps: float, keyframe_every: int = KEYFRAME_EVERY) -> int:
    """Write pictures, uint8 (height, width, 3), and return how many; the file is complete or absent."""
    video = VideoFile(file, fps, keyframe_every)
    for picture in pictures:
        video.add(picture)
    video.close()
    return video.frames


def read_frames(file: Path, indices: Sequence[int] | np.ndarray) -> list[np.ndarray]:
    """Return frames of a file by number, uint8 (height, width, 3), decoding from the nearest keyframe before each.

    A file that cannot be opened or ends before a frame raises DataError.
    """
    wanted = sorted({int(i) for i in indices})
    found = dict(_decode(file, wanted))
    return [found[int(i)] for i in indices]


def read_span(file: Path, indices: Sequence[int] | np.ndarray) -> Iterator[np.ndarray]:
    """Yield frames by number, ascending (one may repeat), uint8 (height, width, 3);
    a file that ends too early raises DataError."""
    numbers, repeats = np.unique(np.asarray(indices, np.int64), return_counts=True)
    for (_, picture), times in zip(_decode(file, numbers.tolist()), repeats, strict=True):
        for _ in range(times):
            yield picture


def pixel_format(shape: Sequence[int]) -> str:
    """Return how pictures of a size are stored: colours at half the size need even sides."""
    return "yuv420p" if shape[0] % 2 == shape[1] % 2 == 0 else "yuv444p"


def frame_rate(file: Path) -> float:
    """Return the frames per second of a video; one that states none raises DataError."""
    rate = next(_opened(file, lambda container: iter([container.streams.video[0].average_rate])))
    if not rate:
        raise DataError(f"{file} states no frame rate")
    return float(rate)


def frame_times(file: Path) -> np.ndarray:
    """Return when each picture of a video is shown, (pictures,) s after the first, in order; nothing is decoded."""
    stamps, tick = _stamps(file, regular(file).stat().st_mtime_ns)
    return (stamps - stamps[0]) * tick


@lru_cache(maxsize=256)
def _stamps(file: Path, mtime: int) -> tuple[np.ndarray, float]:
    """Return the time stamps of a file's pictures, ascending, and the seconds of one tick."""

    def read(container: Any) -> Iterator[tuple[list[int], float]]:
        stream = container.streams.video[0]
        packets = container.demux(stream)
        yield [p.pts for p in packets if p.pts is not None and not p.is_discard], float(stream.time_base)

    stamps, tick = next(_opened(file, read))
    if not stamps:
        raise DataError(f"{file} has no pictures")
    return np.unique(np.array(stamps, np.int64)), tick


def _decode(file: Path, wanted: Sequence[int]) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (number, picture) of the wanted frames, which ascend; jumps where the next one is far."""
    stamps, _ = _stamps(file, regular(file).stat().st_mtime_ns)

    def missing(number: int) -> DataError:
        return DataError(f"{file} has no frame {number}; it is cut short or not the video of this episode")

    def frames(container: Any) -> Iterator[tuple[int, Any]]:
        stream = container.streams.video[0]
        stream.thread_count = 1
        at = -1
        decoder: Iterator[Any] = iter(())
        for number in wanted:
            if number >= len(stamps):
                raise missing(number)
            if at < 0 or number > at + SKIP:
                container.seek(int(stamps[number]), stream=stream, backward=True)
                decoder = container.decode(stream)
            frame = next((f for f in decoder if f.pts is not None and f.pts >= stamps[number]), None)
            if frame is None or frame.pts != stamps[number]:
                raise missing(number)
            if frame.is_corrupt:
                raise DataError(f"{file} is damaged at picture {number}")
            at = number
            yield number, frame

    for number, frame in _opened(file, frames):
        yield number, frame.to_ndarray(format="rgb24")


def _opened(file: Path, use: Any) -> Iterator[Any]:
    import av

    if not file.exists():
        raise DataError(f"the video {file} is absent")
    try:
        with av.open(str(regular(file)), options=ONLY_FILES) as container:
            if not container.streams.video:
                raise DataError(f"{file} has no video stream")
            size = container.streams.video[0].codec_context
            if size is None:
                raise DataError(f"{file} is in a codec that is unknown here")
            if size.width * size.height > MAX_PIXELS:
                raise DataError(
                    f"{file} claims pictures of {size.width} x {size.height}; this reads up to {MAX_PIXELS} pixels"
                )
            yield from use(container)
    except (av.error.FFmpegError, MemoryError) as error:
        raise DataError(
            f"the video {file} cannot be read: {getattr(error, 'strerror', 'it needs too much memory')}"
        ) from error


def _stream(container: Any, shape: tuple[int, ...], fps: float, keyframe_every: int) -> Any:
    options = {"crf": CRF, "preset": "veryfast", "g": str(keyframe_every), "bf": "0"}
    stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001), options=options)
    stream.height, stream.width = shape[:2]
    stream.pix_fmt = pixel_format(shape)
    stream.codec_context.thread_count = 1
    return stream
