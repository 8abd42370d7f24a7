"""Clips in a container: mp4, mov, webm, mkv, avi, gif. Frames are shown as the container says: turned, cut,
each at its time."""

from __future__ import annotations

import math
import struct
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluators.clips.info import ClipError, ClipInfo, check_file, check_size

if TYPE_CHECKING:
    import numpy as np

UNEVEN = 0.25
"""Frames whose time is off an even grid by less than this share of a step are even: containers round times to ticks."""

ONE = 1 << 16
"""1 in the fixed-point numbers of a display matrix (ISO/IEC 14496-12)."""


def info_of(path: Path) -> ClipInfo:
    """Return what a clip is; one frame is decoded, for the way it is turned. ClipError when it cannot be told."""
    with _Opened(path) as (container, stream):
        shown, whole, ends = [], 0, []
        for packet in container.demux(stream):
            if packet.size:
                whole += 1
                if not packet.is_discard:  # an edit list cuts away what it does not show
                    shown.append(packet.pts)
                    ends.append((packet.pts or 0) + (packet.duration or 0))
        if stream.frames > whole and not _fills(stream.duration, shown, ends):
            raise ClipError(f"{path} holds {whole} of the {stream.frames} frames that its header names: it is cut off")
        if not shown:
            raise ClipError(f"{path} holds no frame")
        rate = stream.average_rate or stream.guessed_rate
        height, width, base = stream.height, stream.width, stream.time_base
    if not 0 < height * width:
        raise ClipError(f"{path} does not say how large its pictures are: it is damaged, or not what its name says")
    check_size(path, ClipInfo(height, width, 1, math.nan))
    if swaps(_matrix(path)):
        height, width = width, height
    times = _times(shown, max(ends), base, path.suffix.lower() == ".gif")
    fps = len(shown) / times[-1] if times else float(rate) if rate else math.nan
    return check_size(path, ClipInfo(height, width, len(shown), fps, times))


def frames_of(path: Path) -> np.ndarray:
    """Return RGB frames (t, h, w, 3), uint8, turned as the container says; ClipError when some cannot be decoded."""
    import numpy as np

    expected = info_of(path).frames
    with _Opened(path) as (container, stream):
        frames = [
            _turned(frame.to_ndarray(format="rgb24"), _matrix_of(path, frame)) for frame in container.decode(stream)
        ]
    if len(frames) != expected:
        raise ClipError(f"{path} decodes to {len(frames)} of its {expected} frames: it is damaged")
    if len({frame.shape for frame in frames}) > 1:
        raise ClipError(f"{path} changes its size on the way: {' and '.join(sorted({str(f.shape) for f in frames}))}")
    return np.stack(frames)


def _fills(duration: int | None, shown: list[int | None], ends: list[int]) -> bool:
    """Return whether the frames last as long as the header says: an edit list may hide others,
    which are then left out."""
    starts = [pts for pts in shown if pts is not None]
    if not starts or not duration:
        return False
    return max(ends) - min(starts) > duration - 0.75 * duration / len(shown)


def _times(shown: list[int | None], end: int, base: Fraction | None, says_last: bool) -> tuple[float, ...]:
    """Return the seconds at which frames begin, and the end; () when they are even, or when the container does not say.

    ``says_last``: how long the last frame lasts is stated and no guess of the container, as in a gif.
    """
    known = sorted(pts for pts in shown if pts is not None)
    if len(known) < len(shown) or len(known) < 2 or not base:
        return ()
    step = (known[-1] - known[0]) / (len(known) - 1)
    near = max(1.0, UNEVEN * step)
    off = max(abs(pts - known[0] - i * step) for i, pts in enumerate(known))
    last = end - known[-1] if end > known[-1] else step
    if step > 0 and off <= near and not (says_last and abs(last - step) > near):
        return ()
    return tuple(float((t - known[0]) * base) for t in (*known, known[-1] + last))


Matrix = tuple[int, int, int, int]


def swaps(matrix: Matrix) -> bool:
    """Return whether a display matrix exchanges height and width."""
    return not matrix[0]


def _matrix(path: Path) -> Matrix:
    with _Opened(path) as (container, stream):
        return _matrix_of(path, next(iter(container.decode(stream)), None))


def _matrix_of(path: Path, frame: Any) -> Matrix:
    """Return (a, b, c, d), of which a place (x, y) is shown at (a x + c y, b x + d y), as signs;
    ClipError for other angles."""
    found = [bytes(d) for d in frame.side_data if getattr(d.type, "name", "") == "DISPLAYMATRIX"] if frame else []
    if not found:
        return 1, 0, 0, 1
    a, b, _, c, d = struct.unpack("=5i", found[0][:20])
    scaled = tuple(round(v / ONE) if abs(abs(v) - ONE) <= 1 or abs(v) <= 1 else 2 for v in (a, b, c, d))
    if scaled not in QUARTERS:
        raise ClipError(
            f"{path} is to be shown turned by {frame.rotation:g} degrees or scaled; only quarter turns are read"
        )
    return QUARTERS[scaled]


QUARTERS: dict[tuple[int, ...], Matrix] = {
    (a, b, c, d): (a, b, c, d)
    for a, b, c, d in [(s, 0, 0, t) for s in (-1, 1) for t in (-1, 1)]
    + [(0, s, t, 0) for s in (-1, 1) for t in (-1, 1)]
}


def _turned(frame: np.ndarray, matrix: Matrix) -> np.ndarray:
    """Return a picture (h, w, 3) as it is to be shown."""
    a, b, c, d = matrix
    if swaps(matrix):
        frame, a, d = frame.transpose(1, 0, 2), c, b
    return frame[:: d or 1, :: a or 1]


class _Opened:
    """An open container and its video stream; whatever the decoder raises becomes ClipError."""

    def __init__(self, path: Path):
        self._path = path
        self._container: Any = None

    def __enter__(self) -> tuple[Any, Any]:
        import av
        from av.error import FFmpegError

        check_file(self._path)
        try:
            self._container = av.open(str(self._path))
        except (FFmpegError, OSError) as error:
            raise self._broken(error) from error
        if not self._container.streams.video:
            self._container.close()
            raise ClipError(f"{self._path} has no video stream")
        stream = self._container.streams.video[0]
        if stream.codec_context is None:
            self._container.close()
            raise ClipError(
                f"{self._path} is coded in a way that is not known: it is damaged, or not what its name says"
            )
        stream.codec_context.thread_count = 1  # clips are decoded side by side
        stream.codec_context.options = {"err_detect": "explode"}  # otherwise damage is painted over
        return self._container, stream

    def __exit__(self, kind: Any, error: Any, _: Any) -> None:
        from av.error import FFmpegError

        self._container.close()
        if isinstance(error, FFmpegError):
            raise self._broken(error) from error

    def _broken(self, error: Exception) -> ClipError:
        reason = getattr(error, "strerror", None) or error
        return ClipError(f"{self._path} cannot be decoded ({reason}): it is damaged, or not what its name says")
