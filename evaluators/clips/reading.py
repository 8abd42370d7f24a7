"""Clips on disk: mp4 and gif files, npy arrays, folders of png pictures. A clip is read whole; nothing is unpickled."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from crossbody.errors import CrossbodyError

if TYPE_CHECKING:
    import numpy as np

FILES = (".mp4", ".gif", ".npy")
FORMATS = "mp4, gif, npy, or a folder of png pictures for each clip"


class ClipError(CrossbodyError):
    """A clip that cannot be read: its rows are missing, with this as the reason."""


class ClipInfo(NamedTuple):
    """What a clip is, before it is read."""

    height: int
    width: int
    frames: int
    fps: float  # NaN when the file does not say

    @property
    def text(self) -> str:
        """As a message shows it."""
        rate = "unknown fps" if math.isnan(self.fps) else f"{self.fps:g} fps"
        return f"{self.width}x{self.height}, {self.frames} frames, {rate}"


def find(folder: Path) -> dict[str, Path]:
    """Return name -> path of the clips in a folder, sorted by name. None at all, or two of a name, raise CrossbodyError."""
    if not folder.is_dir():
        raise CrossbodyError(f"{folder} is not a folder; expected one that holds clips ({FORMATS})")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if not path.name.startswith(".") and (path.suffix.lower() in FILES or _pictures(path)):
            name = path.name if path.is_dir() else path.stem
            if name in found:
                raise CrossbodyError(
                    f"two clips in {folder} are called '{name}': {found[name].name} and {path.name}. Move one."
                )
            found[name] = path
    if not found:
        hint = f" It holds png pictures itself: give its parent, {folder.parent}." if _pictures(folder) else ""
        raise CrossbodyError(f"{folder} has no clips; expected {FORMATS}.{hint}")
    return found


def probe(path: Path) -> ClipInfo:
    """Return what a clip is, without decoding it; ClipError when it cannot be told."""
    if path.is_dir():
        height, width, _ = _picture(_pictures(path)[0]).shape
        return ClipInfo(height, width, len(_pictures(path)), math.nan)
    if path.suffix.lower() == ".npy":
        t, height, width, _ = _array(path).shape
        return ClipInfo(height, width, t, math.nan)
    with _Opened(path) as (container, stream):
        packets = sum(1 for p in container.demux(stream) if p.size and not p.is_discard)
        if stream.frames > packets:
            raise ClipError(
                f"{path} holds {packets} of the {stream.frames} frames that its header names: it is cut off"
            )
        if not packets:
            raise ClipError(f"{path} holds no frame")
        rate = stream.average_rate or stream.guessed_rate
        return ClipInfo(stream.height, stream.width, packets, float(rate) if rate else math.nan)


def read(path: Path) -> np.ndarray:
    """Return RGB frames (t, h, w, 3), uint8 or float32 in [0, 1]; ClipError when the file is broken or of another kind."""
    import numpy as np

    if path.is_dir():
        pictures = [_picture(p) for p in _pictures(path)]
        for file, picture in zip(_pictures(path), pictures, strict=True):
            if picture.shape != pictures[0].shape:
                raise ClipError(f"{file} is {_size(picture)}, and the first picture of its clip {_size(pictures[0])}")
        return np.stack(pictures)
    if path.suffix.lower() == ".npy":
        return _values(path, _array(path))
    expected = probe(path).frames
    with _Opened(path) as (container, stream):
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
    if len(frames) != expected:
        raise ClipError(f"{path} decodes to {len(frames)} of its {expected} frames: it is damaged")
    return np.stack(frames)


class _Opened:
    """An open container and its video stream; whatever the decoder raises becomes ClipError."""

    def __init__(self, path: Path):
        self._path = path
        self._container: Any = None

    def __enter__(self) -> tuple[Any, Any]:
        import av
        from av.error import FFmpegError

        try:
            self._container = av.open(str(self._path))
        except (FFmpegError, OSError) as error:
            raise self._broken(error) from error
        if not self._container.streams.video:
            self._container.close()
            raise ClipError(f"{self._path} has no video stream")
        stream = self._container.streams.video[0]
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


def _array(path: Path) -> np.ndarray:
    import numpy as np

    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise ClipError(f"{path} cannot be read as an array ({error})") from error
    if array.ndim != 4 or array.shape[-1] != 3 or not array.size:
        hint = " Move its channels last." if array.ndim == 4 and array.shape[1] == 3 else ""
        raise ClipError(f"{path} has the shape {array.shape}, expected (frames, height, width, 3).{hint}")
    if array.dtype != np.uint8 and array.dtype.kind != "f":
        raise ClipError(f"{path} is {array.dtype}, expected uint8, or floats in [0, 1]")
    return array


def _values(path: Path, array: np.ndarray) -> np.ndarray:
    import numpy as np

    if array.dtype == np.uint8:
        return np.array(array)
    frames = np.array(array, np.float32)
    low, high = float(frames.min()), float(frames.max())
    if not (low >= 0 and high <= 1):  # also when one is NaN
        held = f"{array.dtype} from {low:g} to {high:g}" if np.isfinite(high - low) else "numbers that are not finite"
        raise ClipError(f"{path} holds {held}, expected uint8, or floats in [0, 1]")
    return frames


def _pictures(folder: Path) -> list[Path]:
    """Return the png files of a folder, frame_2 before frame_10."""
    if not folder.is_dir():
        return []
    files = (f for f in folder.iterdir() if f.suffix.lower() == ".png" and not f.name.startswith("."))
    return sorted(files, key=lambda f: list(_natural(f.name)))


def _natural(name: str) -> Iterator[tuple[int, str]]:
    for text in re.split(r"(\d+)", name):
        yield (int(text), "") if text.isdigit() else (-1, text)


def _picture(file: Path) -> np.ndarray:
    import cv2
    import numpy as np

    content = np.frombuffer(file.read_bytes(), np.uint8)
    picture = cv2.imdecode(content, cv2.IMREAD_UNCHANGED) if content.size else None
    if picture is None:
        raise ClipError(f"{file} cannot be decoded: it is damaged, or not what its name says")
    if picture.dtype != np.uint8:
        raise ClipError(f"{file} is {picture.dtype}, expected 8 bits per channel")
    if picture.ndim == 2:
        return cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB)
    if picture.shape[2] == 4 and picture[..., 3].min() < 255:
        raise ClipError(f"{file} is partly transparent, and what lies behind it is unknown. Save it without alpha.")
    return np.ascontiguousarray(picture[..., 2::-1])


def _size(picture: np.ndarray) -> str:
    return f"{picture.shape[1]}x{picture.shape[0]}"
