"""What of a clip a judge is shown: frames at even times, encoded without names or metadata."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from evaluators.clips.info import check_even
from evaluators.clips.pictures import pictures
from evaluators.clips.reading import ClipError, probe, read
from evaluators.scoring.videos.pairing import SAME_RATE

JPEG_QUALITY = 95
Align = Literal["none", "cut", "stretch"]


@dataclass(frozen=True)
class Clip:
    """All frames of a clip, uint8 (n, height, width, 3) RGB, with its rate where it is known and the hash of its
    bytes."""

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
    """Return a clip of a video file, a .npy array (n, h, w, 3), or a folder of png pictures; ClipError when it is none.

    The hash is that of the file's bytes, of a folder that of its pictures in order: names never enter.
    """
    if path.is_dir() and not pictures(path):
        raise ClipError(f"{path} is a folder without png or jpg pictures")
    try:
        info, frames = check_even(path, probe(path)), read(path)
        content = np.ascontiguousarray(frames).data if path.is_dir() else path.read_bytes()
    except OSError as error:
        raise ClipError(f"{path} cannot be read: {error.strerror or error}") from error
    if len(frames) < 2:
        raise ClipError(f"{path} has {len(frames)} frame; a motion needs at least two")
    if frames.dtype != np.uint8:
        frames = np.round(frames * 255).astype(np.uint8)
    sha = hashlib.sha256(str(frames.shape).encode())
    sha.update(content)
    return Clip(frames, None if math.isnan(info.fps) else info.fps, sha.hexdigest())


def shots(reference: Clip, generated: Clip, count: int, pixels: int, align: Align) -> tuple[Shot, Shot]:
    """Return both clips sampled at ``count`` times, their longer side at most ``pixels``.

    ``align``: none refuses clips of different length or rate; cut ends the longer one where the shorter one ends (in
    seconds where both rates are known, else in frames); stretch takes each clip's own duration as the whole.
    """
    lengths, rates = (len(reference.frames), len(generated.frames)), (reference.fps, generated.fps)
    if align == "none" and (lengths[0] != lengths[1] or _rates_differ(rates)):
        raise ClipError(
            f"the reference has {lengths[0]} frames at {_rate(rates[0])}, the generated clip {lengths[1]} at "
            f"{_rate(rates[1])}. "
            f"Make them alike, or choose --align cut or --align stretch."
        )
    ends = _cut(lengths, rates) if align == "cut" else lengths
    return _shot(reference, ends[0], count, pixels), _shot(generated, ends[1], count, pixels)


def _cut(lengths: tuple[int, int], rates: tuple[float | None, float | None]) -> tuple[int, int]:
    a, b = rates
    if a is None or b is None:
        return min(lengths), min(lengths)
    seconds = min(lengths[0] / a, lengths[1] / b)
    return max(2, round(seconds * a)), max(2, round(seconds * b))


def _rates_differ(rates: tuple[float | None, float | None]) -> bool:
    a, b = rates
    return a is not None and b is not None and not math.isclose(a, b, rel_tol=SAME_RATE)


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


def _rate(fps: float | None) -> str:
    return f"{fps:g} frames/s" if fps else "an unknown rate"
