"""Clean clips as a video's pose estimator would have seen them: the first stage's data,
by the numbers of ``lowquality.toml``."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tasks.motion import parts
from tasks.motion.keypoints import ANKLES, INDEX, KEYPOINTS

ENDS = (*ANKLES, INDEX["left_wrist"], INDEX["right_wrist"])
LIMBS = parts.PARTS[1:]


@cache
def settings() -> dict[str, Any]:
    """Return the numbers of the file."""
    return tomllib.loads(Path(__file__).with_suffix(".toml").read_text())


def has_caption(rng: np.random.Generator) -> bool:
    """Return whether a clip of low quality comes with words."""
    return bool(rng.random() < settings()["captions"]["share"])


def worsened(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return key points (T, 15, 3) with another person's limbs, jitter, errors of depth,
    drift and perhaps a hidden limb."""
    s = settings()
    height = rng.uniform(*s["person"]["height"])
    out = _other_limbs(points, rng)
    if rng.random() < s["hidden"]["share"]:
        _hide(out, rng)
    out = out + _jitter(out.shape, rng) / height + _depth(out.shape, rng) / height
    return _drifted(out, rng)


def _other_limbs(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Every limb longer or shorter, and the lowest ankle as high as it was."""
    factors = {part: rng.uniform(*settings()["person"]["limb"]) for part in parts.PARTS}
    out = points.copy()
    for number, point in enumerate(KEYPOINTS):
        if point.parent >= 0:
            out[:, number] = out[:, point.parent] + factors[point.part] * (points[:, number] - points[:, point.parent])
    out[..., 2] += points[:, ANKLES, 2].min() - out[:, ANKLES, 2].min()
    return out


def _hide(points: np.ndarray, rng: np.random.Generator) -> None:
    """Hold a limb, as it is to the pelvis, for a while; in place."""
    joints = parts.JOINTS[LIMBS[rng.integers(len(LIMBS))]]
    frames = min(len(points) - 1, int(rng.uniform(*settings()["hidden"]["seconds"]) * parts.FPS))
    start = int(rng.integers(len(points) - frames))
    held = points[start, joints] - points[start, 0]
    points[start : start + frames, joints] = points[start : start + frames, :1] + held


def _jitter(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    j = settings()["jitter"]
    size = np.full((shape[1], 1), j["size"])
    size[list(ENDS)] = j["ends"]
    return size * _correlated(shape, j["correlation"], rng) + j["white"] * rng.standard_normal(shape)


def _depth(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    d, angle = settings()["depth"], rng.uniform(0, 2 * np.pi)
    axis = np.array([np.cos(angle), np.sin(angle), 0.0])
    return d["size"] * _correlated((*shape[:2], 1), d["correlation"], rng) * axis


def _drifted(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The whole body carried off and turned away, as a random walk."""
    d, frames = settings()["drift"], len(points)
    walk = np.cumsum(rng.standard_normal((frames, 3)), 0) / np.sqrt(parts.FPS)
    root = points[:, :1] * [1.0, 1.0, 0.0]
    way = np.zeros((frames, 1, 3))
    way[:, 0, :2] = d["way"] * walk[:, :2]
    return parts.turned(points - root, d["heading"] * walk[:, 2]) + root + way


def _correlated(shape: tuple[int, ...], correlation: float, rng: np.random.Generator) -> np.ndarray:
    """Noise of variance one whose neighbours in time are alike to this degree."""
    from scipy.signal import lfilter

    fresh = rng.standard_normal(shape)
    fresh[1:] *= np.sqrt(1 - correlation**2)
    return np.asarray(lfilter([1.0], [1.0, -correlation], fresh, axis=0))
