"""Videos made by a few lines, for the tests of readers."""

from __future__ import annotations

import csv
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from crossbody.main import main

HEIGHT, WIDTH, RATE = 32, 48, 25
CODECS = {".webm": "libvpx-vp9", ".avi": "mpeg4", ".gif": "gif"}


def moving(count: int) -> np.ndarray:
    """Return frames (count, 32, 48, 3) of a bright block that moves over a slope; no two are alike,
    nor any turn of one."""
    slope = np.add.outer(np.arange(HEIGHT), np.arange(WIDTH))[..., None] + np.array([0, 40, 80])
    frames = np.repeat(slope[None], count, axis=0).astype(np.uint8)
    for t, frame in enumerate(frames):
        frame[4:12, 2 + 3 * t : 10 + 3 * t] = (220, 180, 30)
    return frames


def container(file: Path, frames: np.ndarray, angle: int = 0) -> Path:
    """Write a clip in the container that the name says, to be shown turned by an angle in degrees, anticlockwise."""
    import av

    with av.open(str(file), "w") as out:
        stream = out.add_stream(CODECS.get(file.suffix, "libx264"), rate=RATE)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = frames.shape[2], frames.shape[1]
        stream.pix_fmt = "yuv420p"
        if file.suffix in (".mp4", ".mov", ".mkv"):
            stream.options = {"qp": "0", "g": "6", "bf": "0"}
        if angle:
            stream.set_display_rotation(angle)
        for frame in frames:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        out.mux(stream.encode())
    return file


def turned(file: Path, frames: np.ndarray, angle: int) -> Path:
    """Write a clip that is to be shown turned."""
    return container(file, frames, angle)


def retimed(file: Path, frames: np.ndarray, lasts: Sequence[int]) -> Path:
    """Write a gif whose frames last so many hundredths of a second."""
    from PIL import Image

    pictures = [Image.fromarray(f) for f in frames]
    pictures[0].save(file, save_all=True, append_images=pictures[1:], duration=[10 * n for n in lasts], loop=0)
    return file


def trimmed(file: Path, frames: np.ndarray, first: int) -> Path:
    """Write a clip whose frames before ``first`` are there and hidden by an edit list,
    as a cut by stream copy leaves it."""
    import av

    whole = container(file.with_name(f"of-{file.name}"), frames)
    with av.open(str(whole)) as source, av.open(str(file), "w") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.size and packet.pts is not None and packet.dts is not None and packet.time_base:
                shift = round(first / RATE / packet.time_base)
                packet.pts, packet.dts, packet.stream = packet.pts - shift, packet.dts - shift, stream
                out.mux(packet)
    whole.unlink()
    return file


def png(width: int, height: int) -> bytes:
    """Return a picture that claims a size; its pixels are black where there are any."""
    rows = zlib.compress(b"\0" * (1 + 3 * width) * height) if width * height < 10**6 else b""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b""))
    chunks = (struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def score_rows(folder: Path, pred: Path, ref: Path, *more: str) -> tuple[int, dict[tuple[str, str], dict[str, str]]]:
    """Score by PSNR and return the exit code and the rows by system and metric."""
    out = folder / "out"
    code = main(
        ["score", "video", "--pred", str(pred), "--ref", str(ref), "--out", str(out), "--metrics", "psnr_db", *more]
    )
    with (out / "table.csv").open() as file:
        return code, {(row["system"], row["metric"]): row for row in csv.DictReader(file)}
