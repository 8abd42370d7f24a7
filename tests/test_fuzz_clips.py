"""Generated variants of clips: the right frames, or one sentence. CROSSBODY_FUZZ=500 tries more of them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from evaluators.clips.reading import ClipError, probe, read
from tests.clips import container, moving, png, retimed, trimmed

VARIANTS = int(os.environ.get("CROSSBODY_FUZZ", "20"))
variants = pytest.mark.parametrize("number", range(VARIANTS))
LOSSY = 14  # mean difference of 8-bit values that coding at full size leaves at most


def made(folder: Path, rng: np.random.Generator) -> tuple[Path, np.ndarray]:
    """Return a clip of a random kind and the frames that it is to show."""
    frames = moving(int(rng.integers(3, 14)))
    kind = rng.choice(["mp4", "mov", "mkv", "webm", "avi", "turned", "trimmed", "gif", "npy", "png"])
    if kind == "turned":
        quarters = int(rng.integers(1, 4))
        return container(folder / "c.mp4", frames, 90 * quarters), np.rot90(frames, quarters, axes=(1, 2))
    if kind == "trimmed":
        first = int(rng.integers(1, len(frames) - 1))
        return trimmed(folder / "c.mp4", frames, first), frames[first:]
    if kind == "gif":
        lasts = [int(n) for n in rng.integers(3, 90, len(frames))]
        return retimed(folder / "c.gif", frames, lasts), frames
    if kind == "npy":
        np.save(folder / "c.npy", frames)
        return folder / "c.npy", frames
    if kind == "png":
        (folder / "c").mkdir()
        for i in range(len(frames)):
            (folder / "c" / f"{i}.png").write_bytes(png(8, 8))
        return folder / "c", np.zeros((len(frames), 8, 8, 3), np.uint8)
    return container(folder / f"c.{kind}", frames), frames


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """Return bytes cut, flipped, doubled or filled at a random place."""
    at, end = sorted(int(n) for n in rng.integers(0, len(content) + 1, 2))
    flipped = bytearray(content)
    for place in rng.integers(0, len(content), 4):
        flipped[int(place)] ^= int(rng.integers(1, 256))
    ways = [
        content[:at],
        bytes(flipped),
        content[:end] + content[at:],
        content[:at] + b"\xff" * (end - at) + content[end:],
    ]
    return ways[int(rng.integers(len(ways)))]


@variants
def test_fuzz_a_clip_shows_its_own_frames(tmp_path, number):
    file, frames = made(tmp_path, np.random.default_rng([1, number]))
    found = probe(file)
    assert (found.frames, found.height, found.width) == frames.shape[:3]
    shown = read(file)
    assert shown.shape == frames.shape
    errors = [np.abs(shown[i].astype(int) - frame).mean() for i, frame in enumerate(frames)]
    assert max(errors) < LOSSY


@variants
def test_fuzz_a_damaged_clip_is_one_sentence_or_as_long_as_it_says(tmp_path, number):
    rng = np.random.default_rng([2, number])
    file, _ = made(tmp_path, rng)
    part = sorted(file.iterdir())[0] if file.is_dir() else file
    part.write_bytes(damaged(part.read_bytes(), rng))
    try:
        found = probe(file)
        assert read(file).shape == (found.frames, found.height, found.width, 3)
    except ClipError as error:
        assert str(part.parent) in str(error) and "\n" not in str(error)
