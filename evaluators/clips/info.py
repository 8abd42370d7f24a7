"""What a clip is, before it is read, and why one cannot be."""

from __future__ import annotations

import math
import os
import stat
from pathlib import Path
from typing import NamedTuple

from crossbody.errors import CrossbodyError

LARGEST_CLIP = 4 * 2**30
"""Bytes that the frames of a clip may take: a minute of 30 fps in 720p takes 5 GB, and clips here have seconds."""


class ClipError(CrossbodyError):
    """A clip that cannot be read: its rows are missing, with this as the reason."""


class ClipInfo(NamedTuple):
    """What a clip is, before it is read."""

    height: int
    width: int
    frames: int
    fps: float  # NaN when the file does not say; the mean where frames last differently
    times: tuple[float, ...] = ()  # seconds at which each frame begins and, last, at which the clip ends; () when even
    assumed: bool = False  # the rate is what the user says, for the file says none

    @property
    def text(self) -> str:
        """As a message shows it."""
        if self.times:
            return (
                f"{self.width}x{self.height}, {self.frames} frames that last differently ({self.times[-1]:g} s in all)"
            )
        rate = "unknown fps" if math.isnan(self.fps) else f"{self.fps:g} fps"
        return f"{self.width}x{self.height}, {self.frames} frames, {rate}"


def check_file(path: Path) -> None:
    """Raise ClipError unless the path is a regular file that may be opened; a pipe would wait for ever."""
    try:
        there = os.stat(path)
    except (OSError, ValueError) as error:
        raise ClipError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if not stat.S_ISREG(there.st_mode):
        raise ClipError(f"{path} is not a file but a pipe or a device")


def check_size(path: Path, info: ClipInfo, bytes_per_value: int = 1) -> ClipInfo:
    """Return the info; ClipError when the frames would take more memory than a clip may."""
    needed = info.height * info.width * 3 * info.frames * bytes_per_value
    if needed > LARGEST_CLIP:
        raise ClipError(
            f"{path} is {info.text}: {needed / 1e9:,.1f} GB of pictures, and at most {LARGEST_CLIP / 1e9:.1f} are read"
        )
    return info


def check_even(path: Path, info: ClipInfo) -> ClipInfo:
    """Return the info; ClipError when the frames last differently, for those who show frames at even times."""
    if info.times:
        raise ClipError(
            f"{path} has frames that last differently ({info.frames} in {info.times[-1]:g} s). Give it one rate: "
            f"`ffmpeg -i {path.name} -vf fps=RATE OUT.mp4`."
        )
    return info
