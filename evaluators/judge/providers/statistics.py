"""Motion statistics of a clip, from dense optical flow: how much moves, where, and which way, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SIDE = 96  # px: every frame is brought to this square, so that clips of any size compare
FINE, COARSE = 24, 8  # cells per side of the maps of lines and of flow
NOISE_PX = 0.35  # flow below this is camera noise
COLOUR_BINS = 8
HUES = 0.1, 0.6  # the range of red and green parts that is told apart


@dataclass(frozen=True)
class Motion:
    """Statistics of n frames. Displacements are fractions of the picture's side;
    maps are blurred over neighbouring cells."""

    speed: np.ndarray  # (n-1,) mean length of the flow
    flow: np.ndarray  # (n-1, COARSE, COARSE, 2) mean flow per cell: which way
    lines: np.ndarray  # (n-1, FINE, FINE, 3) cos², sin² and √2 cos sin, times length: along which line, either way
    colours: np.ndarray  # (COLOUR_BINS ** 2,) share of the hues of what moves


def measure(frames: tuple[np.ndarray, ...]) -> Motion:
    """Return the statistics of at least two frames, uint8 (h, w, 3) RGB."""
    import cv2

    small = [cv2.resize(f, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for f in frames]
    flows = np.stack([flow(a, b) for a, b in zip(small, small[1:], strict=False)])
    length = np.linalg.norm(flows, axis=-1, keepdims=True)
    moving = length > NOISE_PX
    flows, length = flows * moving / SIDE, length * moving / SIDE
    x, y = flows[..., :1], flows[..., 1:]
    lines = np.concatenate([x * x, y * y, 2**0.5 * x * y], -1) / np.maximum(length, 1e-9)
    return Motion(length.mean((1, 2, 3)), _cells(flows, COARSE), _cells(lines, FINE), _colours(small, length[..., 0]))


def mirrored(motion: Motion) -> Motion:
    """Return the statistics of the same clip with left and right exchanged."""
    flow = motion.flow[:, :, ::-1] * np.array([-1.0, 1.0])
    lines = motion.lines[:, :, ::-1] * np.array([1.0, 1.0, -1.0])
    return Motion(motion.speed, flow, lines, motion.colours)


def flow(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the displacement (h, w, 2) in px that takes the first picture to the second (Farnebäck 2003)."""
    import cv2

    a, b = (cv2.cvtColor(f, cv2.COLOR_RGB2GRAY) for f in (first, second))
    return cv2.calcOpticalFlowFarneback(a, b, None, 0.5, 4, 13, 4, 7, 1.5, 0)  # type: ignore[call-overload]


def _cells(maps: np.ndarray, count: int) -> np.ndarray:
    """Return means per cell (n, count, count, c) of maps (n, SIDE, SIDE, c), each spread over its neighbours.

    The spread makes an offset of half a cell a small difference, not a miss.
    """
    size = SIDE // count
    cells = maps.reshape(len(maps), count, size, count, size, -1).mean((2, 4))
    for axis in (1, 2):
        padded = np.pad(cells, [(1, 1) if i == axis else (0, 0) for i in range(4)])
        before, here, after = (np.take(padded, range(k, k + count), axis) for k in range(3))
        cells = 0.25 * before + 0.5 * here + 0.25 * after
    return cells


def _colours(frames: list[np.ndarray], length: np.ndarray) -> np.ndarray:
    """Return the shares of hues (red and green parts of the sum, so that light does not count), weighted by motion."""
    pixels = np.stack(frames[:-1]).astype(float) + 1
    parts = pixels[..., :2] / pixels.sum(-1, keepdims=True)
    bins = np.clip(((parts - HUES[0]) / (HUES[1] - HUES[0]) * COLOUR_BINS).astype(int), 0, COLOUR_BINS - 1)
    counts = np.bincount((bins[..., 0] * COLOUR_BINS + bins[..., 1]).ravel(), length.ravel(), COLOUR_BINS**2)
    return _share(counts)


def _share(amounts: np.ndarray) -> np.ndarray:
    total = amounts.sum()
    return amounts / total if total > 0 else np.zeros_like(amounts)
