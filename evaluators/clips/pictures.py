"""Clips that are folders of png or jpg pictures."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from evaluators.clips.info import ClipError, ClipInfo, check_file, check_size

if TYPE_CHECKING:
    import numpy as np

KINDS = (".png", ".jpg", ".jpeg")
LARGEST_FILE = 256 * 2**20  # bytes
MOST_PIXELS = 100_000_000  # of one picture; 8K video has 33 million


def info_of(folder: Path) -> ClipInfo:
    """Return what a folder of pictures is; they say no rate."""
    files = pictures(folder)
    height, width, _ = picture(files[0]).shape
    return check_size(folder, ClipInfo(height, width, len(files), math.nan))


def frames_of(folder: Path) -> np.ndarray:
    """Return the pictures of a folder as RGB frames (t, h, w, 3), uint8; ClipError when their sizes or kinds differ."""
    import numpy as np

    files = pictures(folder)
    kinds = {"jpg" if f.suffix.lower() != ".png" else "png" for f in files}
    if len(kinds) > 1:
        raise ClipError(f"{folder} holds png and jpg pictures: which of them are the clip is unknown. Move one kind.")
    info_of(folder)
    frames = [picture(file) for file in files]
    for file, frame in zip(files, frames, strict=True):
        if frame.shape != frames[0].shape:
            raise ClipError(f"{file} is {size_text(frame)}, and the first picture of its clip {size_text(frames[0])}")
    return np.stack(frames)


def pictures(folder: Path) -> list[Path]:
    """Return the png or jpg files of a folder, frame_2 before frame_10."""
    if not folder.is_dir():
        return []
    files = [f for f in folder.iterdir() if f.suffix.lower() in KINDS and not f.name.startswith(".")]
    return sorted(files, key=lambda f: list(_natural(f.name)))


def _natural(name: str) -> Iterator[tuple[int, str]]:
    for text in re.split(r"(\d+)", name):
        yield (int(text), "") if text.isdigit() else (-1, text)


def picture(file: Path) -> np.ndarray:
    """Return one picture, RGB uint8 (h, w, 3); ClipError when it is damaged, too large or of another kind."""
    import cv2
    import numpy as np

    check_file(file)
    if file.stat().st_size > LARGEST_FILE:
        raise ClipError(f"{file} has {file.stat().st_size:,} bytes; a picture has at most {LARGEST_FILE:,}")
    _check_header(file)
    content = np.frombuffer(file.read_bytes(), np.uint8)
    try:
        picture = cv2.imdecode(content, cv2.IMREAD_UNCHANGED) if content.size else None
    except cv2.error:
        picture = None
    if picture is None:
        raise ClipError(f"{file} cannot be decoded: it is damaged, or not what its name says")
    if picture.dtype != np.uint8:
        raise ClipError(f"{file} is {picture.dtype}, expected 8 bits per channel")
    if picture.ndim == 2:
        return cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB)
    if picture.shape[2] == 4 and picture[..., 3].min() < 255:
        raise ClipError(f"{file} is partly transparent, and what lies behind it is unknown. Save it without alpha.")
    return np.ascontiguousarray(picture[..., 2::-1])


def size_text(picture: np.ndarray) -> str:
    return f"{picture.shape[1]}x{picture.shape[0]}"


def _check_header(file: Path) -> None:
    """Refuse a picture by the size that its header states, before anything of that size is allocated."""
    with file.open("rb") as source:
        head = source.read(64 * 1024)
    size = _png_size(head) or _jpeg_size(head)
    if size and size[0] * size[1] > MOST_PIXELS:
        raise ClipError(f"{file} says that it is {size[0]}x{size[1]}; at most {MOST_PIXELS:,} pixels are read")


def _png_size(head: bytes) -> tuple[int, int] | None:
    return struct.unpack(">II", head[16:24]) if head[:8] == b"\x89PNG\r\n\x1a\n" and len(head) >= 24 else None


def _jpeg_size(head: bytes) -> tuple[int, int] | None:
    """Return width and height of the frame header (ITU T.81, B.2.2), None where it is not among these bytes."""
    at = 2
    while head[:2] == b"\xff\xd8" and at + 9 <= len(head) and head[at] == 0xFF:
        marker, length = head[at + 1], int.from_bytes(head[at + 2 : at + 4])
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", head[at + 5 : at + 9])
            return width, height
        at += 2 + length
    return None
