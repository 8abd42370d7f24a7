"""Textures as a field of shades and a palette, and a PNG writer whose bytes depend on nothing but its input.

PNG data is stored, not compressed: compressors differ between machines, and the pack's hash must not.
"""

from __future__ import annotations

import struct
import tomllib
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

SIZE = 256
SEAM = 255  # palette index of the seams between tiles, planks and bricks


def png(shades: np.ndarray, palette: np.ndarray) -> bytes:
    """An 8-bit indexed PNG of `shades` (h, w) uint8 with `palette` (256, 3) uint8."""
    h, w = shades.shape
    rows = np.concatenate([np.zeros((h, 1), np.uint8), shades.astype(np.uint8)], axis=1).tobytes()
    blocks = [rows[i : i + 65535] for i in range(0, len(rows), 65535)]
    stored = b"".join(
        struct.pack("<BHH", i == len(blocks) - 1, len(b), len(b) ^ 0xFFFF) + b for i, b in enumerate(blocks)
    )
    data = b"\x78\x01" + stored + struct.pack(">I", zlib.adler32(rows))
    header = struct.pack(">IIBBBBB", w, h, 8, 3, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"PLTE", palette.astype(np.uint8).tobytes()), (b"IDAT", data), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


def ramp(low: str, high: str, seam: str | None = None) -> np.ndarray:
    """A palette (256, 3) from one colour to another, the last entry being the seam's colour."""
    ends = [np.array([int(c[i : i + 2], 16) for i in (1, 3, 5)], float) for c in (low, high, seam or high)]
    t = np.linspace(0, 1, SEAM)[:, None]
    return np.concatenate([ends[0] * (1 - t) + ends[1] * t, ends[2][None]]).round().astype(np.uint8)


def noise(rng: np.random.Generator, nx: int, ny: int, size: int = SIZE) -> np.ndarray:
    """Smooth noise in [0, 1] of shape (size, size) with (ny, nx) cells, tiling in both directions."""
    grid = rng.random((ny, nx))
    grid = np.concatenate([grid, grid[:1]])
    grid = np.concatenate([grid, grid[:, :1]], axis=1)
    (iy, fy), (ix, fx) = (_cells(n, size) for n in (ny, nx))
    top = grid[iy][:, ix] * (1 - fx) + grid[iy][:, ix + 1] * fx
    low = grid[iy + 1][:, ix] * (1 - fx) + grid[iy + 1][:, ix + 1] * fx
    return top * (1 - fy)[:, None] + low * fy[:, None]


def _cells(n: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    at = np.arange(size) * n / size
    i = np.floor(at).astype(int)
    f = at - i
    return i, f * f * (3 - 2 * f)


def _fibres(rng: np.random.Generator) -> np.ndarray:
    """Wood grain running along x."""
    return 0.45 * noise(rng, 2, 24) + 0.3 * noise(rng, 4, 64) + 0.25 * noise(rng, 8, 128)


def field(pattern: str, rng: np.random.Generator, count: int) -> np.ndarray:
    """Palette indices (SIZE, SIZE) uint8 of a pattern; `count` is the number of tiles or planks across."""
    y, x = np.mgrid[0:SIZE, 0:SIZE]
    seam = np.zeros((SIZE, SIZE), bool)
    if pattern == "flat":
        value = np.full((SIZE, SIZE), 0.5)
    elif pattern == "grain":
        value = _fibres(rng)
    elif pattern == "brushed":
        value = 0.5 * noise(rng, 2, 128) + 0.5 * noise(rng, 3, 256)
    elif pattern == "plaster":
        value = 0.5 * noise(rng, 6, 6) + 0.3 * noise(rng, 24, 24) + 0.2 * noise(rng, 96, 96)
    elif pattern == "speckle":
        value = 0.35 * noise(rng, 20, 20) + 0.65 * noise(rng, 128, 128)
    elif pattern == "marble":
        waves = 0.6 * noise(rng, 4, 4) + 0.28 * noise(rng, 9, 9) + 0.12 * noise(rng, 24, 24)
        value = np.clip(np.abs(waves - 0.5) * 9, 0, 1) ** 0.5 * 0.85 + 0.15 * noise(rng, 6, 6)
    elif pattern in ("planks", "parquet"):
        value, seam = _boards(pattern, rng, count, x, y)
    else:
        value, seam = _pieces(pattern, rng, count, x, y)
    shades = np.clip(value * (SEAM - 1), 0, SEAM - 1).astype(np.uint8)
    shades[seam] = SEAM
    return shades


def _boards(pattern: str, rng: np.random.Generator, count: int, x: np.ndarray, y: np.ndarray):
    """Boards side by side with staggered ends, or squares of boards laid crosswise."""
    wood = _fibres(rng)
    if pattern == "planks":
        width = SIZE / count
        row = (y / width).astype(int) % count
        shift = rng.integers(0, SIZE, count)[row]
        column = ((x + shift) % SIZE) // (SIZE // 2)
        tone = rng.random((count, 2))[row, column]
        seam = (y % width < 1.2) | ((x + shift) % (SIZE // 2) < 2)
        return 0.55 * wood + 0.45 * tone, seam
    cell = SIZE // 4
    across = ((x // cell) + (y // cell)) % 2 == 0
    u, v = np.where(across, x, y), np.where(across, y, x)
    strip = (v % cell) // (cell // 4)
    tone = rng.random((4, 4, 4))[(y // cell) % 4, (x // cell) % 4, strip]
    seam = ((v % (cell // 4)) < 1) | ((u % cell) < 1)
    return 0.5 * np.where(across, wood, wood.T) + 0.5 * tone, seam


def _pieces(pattern: str, rng: np.random.Generator, count: int, x: np.ndarray, y: np.ndarray):
    """Square tiles, tiles on their corner in two tones, or bricks."""
    mottle = 0.6 * noise(rng, 12, 12) + 0.4 * noise(rng, 48, 48)
    if pattern == "bricks":
        row = y // (SIZE // 8)
        along = x + (row % 2) * (SIZE // 8)
        tone = rng.random((8, 4))[row % 8, (along // (SIZE // 4)) % 4]
        seam = (y % (SIZE // 8) < 3) | (along % (SIZE // 4) < 3)
        return 0.45 * mottle + 0.55 * tone, seam
    size = SIZE / count
    if pattern == "tiles":
        tone = rng.random((count, count))[(y // size).astype(int) % count, (x // size).astype(int) % count]
        return 0.5 * mottle + 0.5 * tone, (x % size < 2) | (y % size < 2)
    u, v = (x + y) % size / size, (x - y) % size / size
    light = np.maximum(np.abs(u - 0.5), np.abs(v - 0.5)) < 0.3
    return np.where(light, 0.1 + 0.2 * mottle, 0.7 + 0.3 * mottle), (u < 0.03) | (v < 0.03)


def named() -> Iterator[tuple[str, bytes]]:
    """(path below the pack, PNG bytes) of every texture in textures.toml."""
    table = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf8"))
    for group, entries in table.items():
        for name, entry in entries.items():
            yield f"textures/{group}/{name}.png", texture(f"{group}/{name}", **entry)


def texture(name: str, pattern: str, low: str, high: str, seam: str | None = None, *, count: int = 6) -> bytes:
    """The PNG of one texture; `name` seeds its dice."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    shades = field(pattern, rng, count)
    return png(shades[:16, :16] if pattern == "flat" else shades, ramp(low, high, seam))
