"""Clips: read from video files, folders of pictures or arrays; sampled at the same times; encoded without names or metadata."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from crossbody.errors import CrossbodyError

VIDEOS = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".gif")
PICTURES = (".png", ".jpg", ".jpeg")
JPEG_QUALITY = 95
Align = Literal["none", "cut", "stretch"]


class ClipError(CrossbodyError):
    """A clip that cannot be read, or two that cannot be compared: the pair is missing, the run goes on."""


@dataclass(frozen=True)
class Clip:
    """All frames of a clip, uint8 (n, height, width, 3) RGB, with its rate where it is known and the hash of its bytes."""

    frames: np.ndarray
    fps: float | None
    sha256: str


@dataclass(frozen=True)
class Shot:
    """What of a clip is shown to a judge: frames, their indices and times, and the JPEG of each."""

    frames: tuple[np.ndarray, ...]
    indices: tuple[int, ...]
    times_s: tuple[float | None, ...]
    pictures: tuple[bytes, ...]
    sha256: str


def read_clip(path: Path) -> Clip:
    """Return a clip of a video file, a .npy array (n, h, w, 3) uint8, or a folder of pictures in the order of their names."""
    try:
        if path.is_dir():
            return _folder(path)
        content = path.read_bytes()
    except OSError as error:
        raise ClipError(f"{path} cannot be read: {error.strerror or error}") from error
    sha = hashlib.sha256(content).hexdigest()
    if path.suffix == ".npy":
        return Clip(_array(path), None, sha)
    if path.suffix.lower() in VIDEOS:
        frames, fps = _video(path)
        return Clip(frames, fps, sha)
    raise ClipError(f"{path} is no clip: expected a folder of pictures, .npy or one of {', '.join(VIDEOS)}")


def shots(reference: Clip, generated: Clip, count: int, pixels: int, align: Align) -> tuple[Shot, Shot]:
    """Return both clips sampled at ``count`` times, their longer side at most ``pixels``.

    ``align``: none refuses clips of different length or rate; cut uses what both have, frame by frame; stretch takes each
    clip's own duration as the whole.
    """
    lengths = len(reference.frames), len(generated.frames)
    rates = reference.fps, generated.fps
    differ = lengths[0] != lengths[1] or (None not in rates and not np.isclose(*rates, rtol=1e-3))
    if differ and align == "none":
        raise ClipError(
            f"the reference has {lengths[0]} frames at {_rate(rates[0])}, the generated clip {lengths[1]} at {_rate(rates[1])}. "
            f"Make them alike, or choose --align cut or --align stretch."
        )
    ends = [min(lengths)] * 2 if align == "cut" else lengths
    return _shot(reference, ends[0], count, pixels), _shot(generated, ends[1], count, pixels)


def _shot(clip: Clip, end: int, count: int, pixels: int) -> Shot:
    indices = sample(end, count)
    frames = tuple(shrink(clip.frames[i], pixels) for i in indices)
    times = tuple(round(i / clip.fps, 3) if clip.fps else None for i in indices)
    return Shot(frames, indices, times, tuple(jpeg(f) for f in frames), clip.sha256)


def sample(length: int, count: int) -> tuple[int, ...]:
    """Return at most ``count`` frame indices, evenly spaced, first and last included."""
    return tuple(int(i) for i in np.round(np.linspace(0, length - 1, min(count, length))))


def shrink(frame: np.ndarray, pixels: int) -> np.ndarray:
    """Return the picture with its longer side at most ``pixels``; never enlarged."""
    import cv2

    height, width = frame.shape[:2]
    scale = pixels / max(height, width)
    if scale >= 1:
        return frame
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(frame, size, interpolation=cv2.INTER_AREA)


def jpeg(frame: np.ndarray) -> bytes:
    """Return the picture (h, w, 3) RGB as JPEG bytes, without metadata."""
    import cv2

    done, data = cv2.imencode(".jpg", frame[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    assert done
    return data.tobytes()


def _video(path: Path) -> tuple[np.ndarray, float | None]:
    import av

    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise ClipError(f"{path} has no video stream")
            stream: Any = container.streams.video[0]
            rate = stream.average_rate
            frames = [f.to_ndarray(format="rgb24") for f in container.decode(stream)]
    except (av.FFmpegError, OSError, ValueError) as error:
        raise ClipError(f"{path} is not a video that can be decoded: {str(error).replace(str(path), path.name)}") from error
    return _checked(path, frames), float(rate) if rate else None


def _folder(path: Path) -> Clip:
    import cv2

    files = sorted(f for f in path.iterdir() if f.suffix.lower() in PICTURES)
    sha, frames = hashlib.sha256(), []
    for file in files:
        content = file.read_bytes()
        sha.update(hashlib.sha256(content).digest())
        picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) if content else None
        if picture is None:
            raise ClipError(f"{file} is not a picture that can be decoded")
        frames.append(picture[..., ::-1])
    return Clip(_checked(path, frames), None, sha.hexdigest())


def _array(path: Path) -> np.ndarray:
    try:
        frames = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ClipError(f"{path} is not a NumPy array that can be read: {error}") from error
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[-1] != 3:
        raise ClipError(f"{path}: expected uint8 (frames, height, width, 3), got {frames.dtype} {frames.shape}")
    return _checked(path, list(frames))


def _checked(path: Path, frames: list[np.ndarray]) -> np.ndarray:
    if len(frames) < 2:
        raise ClipError(f"{path} has {len(frames)} frame(s); a motion needs at least two")
    if len(sizes := {f.shape for f in frames}) > 1:
        raise ClipError(f"{path} has pictures of different sizes: {sorted(sizes)}")
    return np.stack(frames)


def _rate(fps: float | None) -> str:
    return f"{fps:g} frames/s" if fps else "an unknown rate"
