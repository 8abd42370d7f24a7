"""How things move in time: minimum-jerk passages, flowing curves, swings with a beginning and an end, idle sway."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.interpolate import CubicSpline

FPS = 50


def ease(u: np.ndarray) -> np.ndarray:
    """Return the minimum-jerk passage from 0 to 1 over u in 0..1; it stays at its ends outside (Flash and Hogan
    1985)."""
    u = np.clip(u, 0.0, 1.0)
    return u**3 * (10 - 15 * u + 6 * u**2)


def passage(t: np.ndarray, start: float, end: float) -> np.ndarray:
    """Return the minimum-jerk passage from 0 at ``start`` to 1 at ``end``, both in seconds."""
    return ease((t - start) / max(end - start, 1e-9))


def bump(t: np.ndarray, start: float, end: float) -> np.ndarray:
    """Return 0 outside ``start``..``end`` and a smooth hill of height 1 between."""
    u = np.clip((t - start) / max(end - start, 1e-9), 0.0, 1.0)
    return 64 * (u * (1 - u)) ** 3


def keyed(t: np.ndarray, keys: Sequence[tuple[float, float]]) -> np.ndarray:
    """Return values (T,) that rest at every key (second, value) and pass between them with minimum jerk."""
    out = np.full(len(t), float(keys[0][1]))
    for (start, was), (end, becomes) in zip(keys, keys[1:], strict=False):
        if becomes != was:
            out += (becomes - was) * passage(t, start, end)
    return out


def flowing(t: np.ndarray, keys: Sequence[tuple[float, float]]) -> np.ndarray:
    """Return values (T,) that go through every key (second, value) without stopping,
    at rest before the first and after the last."""
    times, values = np.array(keys, float).T
    curve = CubicSpline(times, values, bc_type="clamped")
    return curve(np.clip(t, times[0], times[-1]))


def swings(t: np.ndarray, start: float, end: float, count: float) -> np.ndarray:
    """Return ``count`` swings of a sine between ``start`` and ``end``, faded in and out over half a swing."""
    fade = 0.5 * (end - start) / max(count, 1)
    phase = 2 * np.pi * count * np.clip((t - start) / (end - start), 0.0, 1.0)
    return np.sin(phase) * passage(t, start, start + fade) * (1 - passage(t, end - fade, end))


def settling(t: np.ndarray, moment: float, hertz: float = 1.6, seconds: float = 0.22) -> np.ndarray:
    """Return the little swing past its goal (about 1 at most) with which something that was moved comes to rest after
    ``moment``."""
    since = np.maximum(t - moment, 0.0)
    return 2.2 * np.exp(-since / seconds) * np.sin(2 * np.pi * hertz * since) * ease(since / 0.15)


def sway(t: np.ndarray, rng: np.random.Generator, size: float) -> np.ndarray:
    """Return a slow wandering (T,) of about ``size``, which is at rest at 0 at both ends."""
    waves = np.arange(3)
    hertz, phase = rng.uniform(0.12, 0.5, 3), rng.uniform(0, 2 * np.pi, 3)
    wander = sum(np.sin(2 * np.pi * hertz[i] * t + phase[i]) / (1 + i) for i in waves)
    return size * 0.6 * wander * passage(t, 0, 0.8) * (1 - passage(t, t[-1] - 0.8, t[-1]))
