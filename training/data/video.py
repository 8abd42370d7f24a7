"""H.264 files of demonstrations: written whole, read at any frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from training.data.layout import DataError

KEYFRAME_EVERY = 8
"""Frames between two keyframes: a random frame costs at most so many decodings."""
SKIP = 32
"""Frames that are rather decoded than jumped over: a jump begins at the keyframe before its goal, which may lie behind."""
CRF = "20"


class VideoFile:
    """An H.264 file under way, which has its name only once it is closed."""

    def __init__(self, file: Path, fps: float, keyframe_every: int = KEYFRAME_EVERY):
        import av

        self._file, self._fps, self._keyframe_every = file, fps, keyframe_every
        self._part = file.with_name(f".{file.stem}.part.mp4")
        self._part.parent.mkdir(parents=True, exist_ok=True)
        self._container = av.open(str(self._part), "w", format="mp4", options={"movflags": "+faststart"})
        self._stream: Any = None
        self.frames = 0

    def add(self, picture: np.ndarray) -> None:
        """Append a picture, uint8 (height, width, 3) with even sides."""
        import av

        if self._stream is None:
            self._stream = _stream(self._container, picture.shape, self._fps, self._keyframe_every)
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        self._container.mux(self._stream.encode(frame))
        self.frames += 1

    def size(self) -> int:
        """Return the bytes written so far."""
        return self._part.stat().st_size

    def close(self) -> None:
        """Complete the file."""
        if self._stream is None:
            raise DataError(f"{self._file}: there are no pictures to write")
        self._container.mux(self._stream.encode())
        self._container.close()
        self._part.replace(self._file)


def write_video(file: Path, pictures: Iterable[np.ndarray], fps: float, keyframe_every: int = KEYFRAME_EVERY) -> int:
    """Write pictures, uint8 (height, width, 3) with even sides, and return how many; the file is complete or absent."""
    video = VideoFile(file, fps, keyframe_every)
    for picture in pictures:
        video.add(picture)
    video.close()
    return video.frames


def read_frames(file: Path, indices: Sequence[int]) -> list[np.ndarray]:
    """Return frames of a file by number, uint8 (height, width, 3), decoding from the nearest keyframe before each.

    A file that cannot be opened or ends before a frame raises DataError.
    """
    wanted = sorted(set(indices))
    found: dict[int, np.ndarray] = {}
    for number, picture in _decode(file, wanted):
        found[number] = picture
    if missing := [i for i in wanted if i not in found]:
        raise DataError(f"{file} has no frame {missing[0]}; it is cut short or not the video of this episode")
    return [found[i] for i in indices]


def read_span(file: Path, first: int, frames: int) -> Iterator[np.ndarray]:
    """Yield a stretch of a file's frames in order, uint8 (height, width, 3); one that ends too early raises DataError."""
    count = 0
    for _, picture in _decode(file, range(first, first + frames)):
        count += 1
        yield picture
    if count < frames:
        raise DataError(f"{file} has no frame {first + count}; it is cut short or not the video of this episode")


def frame_rate(file: Path) -> float:
    """Return the frames per second of a video."""
    return next(_opened(file, lambda container: iter([float(container.streams.video[0].average_rate)])))


def _decode(file: Path, wanted: Sequence[int]) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (number, picture) of the wanted frames, which are sorted; jumps where the next one is far."""

    def frames(container: Any) -> Iterator[tuple[int, Any]]:
        stream = container.streams.video[0]
        stream.thread_count = 1
        tick = 1 / (stream.average_rate * stream.time_base)  # time stamps per frame
        first = stream.start_time or 0
        at = -1
        decoder: Iterator[Any] = iter(())
        for number in wanted:
            if at < 0 or number > at + SKIP:
                container.seek(int(first + number * tick), stream=stream, backward=True)
                decoder = container.decode(stream)
            while at != number:
                frame = next(decoder, None)
                if frame is None:
                    return
                at = round((frame.pts - first) / tick)
                if at > number:
                    return
            yield number, frame

    for number, frame in _opened(file, frames):
        yield number, frame.to_ndarray(format="rgb24")


def _opened(file: Path, use: Any) -> Iterator[Any]:
    import av

    if not file.is_file():
        raise DataError(f"the video {file} is absent")
    try:
        with av.open(str(file)) as container:
            if not container.streams.video:
                raise DataError(f"{file} has no video stream")
            yield from use(container)
    except av.error.FFmpegError as error:
        raise DataError(f"the video {file} cannot be read: {error.strerror}") from error


def _stream(container: Any, shape: tuple[int, ...], fps: float, keyframe_every: int) -> Any:
    options = {"crf": CRF, "preset": "veryfast", "g": str(keyframe_every), "bf": "0"}
    stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001), options=options)
    stream.height, stream.width = shape[:2]
    stream.pix_fmt = "yuv420p"
    stream.codec_context.thread_count = 1
    return stream
