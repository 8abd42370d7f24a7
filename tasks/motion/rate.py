"""Motions of other frame rates at the twenty frames a second that models of motion read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.motion.parts import FPS

if TYPE_CHECKING:
    import numpy as np


def at_20_fps(points: np.ndarray, fps: float) -> np.ndarray:
    """Return key points (T >= 2, 15, 3) of another rate at 20 a second, interpolated linearly; two frames at least."""
    import numpy as np

    if fps == FPS:
        return points
    times = np.arange(max(2, int(np.floor((len(points) - 1) / fps * FPS + 1e-6)) + 1)) / FPS * fps
    before = np.minimum(times.astype(int), len(points) - 2)
    share = np.minimum(times - before, 1.0)[:, None, None]
    return points[before] * (1 - share) + points[before + 1] * share
