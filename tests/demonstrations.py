"""Small demonstrations made of numbers, for tests of formats and loaders."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from training.data.demonstration import Demonstration
from training.data.formats import lerobot2
from training.data.layout import Layout
from training.gr1 import frames as gr1

FRAMES = 24
LAYOUT = gr1.layout()
CAMERA = "video.ego_view"


def demonstration(seed: int = 0, frames: int = FRAMES, layout: Layout = LAYOUT, side: int = 64) -> Demonstration:
    """Return an episode whose pictures are grey, brighter from frame to frame: 8 per frame."""
    random = np.random.default_rng(seed)
    values = {
        name: random.normal(size=(frames, part.width)).astype(np.float32).cumsum(0)
        for name, part in layout.parts.items()
    }
    for name in values:
        if name.endswith(("camera", "wrist")):
            values[name][:, 3:9] = _rotations(random, frames)
        if name.startswith("action.") and (eef := name.removeprefix("action.")) in gr1.END_EFFECTORS:
            state = values[f"state.{eef}"]
            values[name] = np.concatenate([state[1:], state[-1:]])
    pictures = [np.full((side, side, 3), level(n), np.uint8) for n in range(frames)]
    return Demonstration(values, {CAMERA: pictures}, f"pick number {seed}", {"seed": seed})


def level(frame: int) -> int:
    """Return the brightness of a frame's picture."""
    return 20 + 8 * (frame % 25)


def frame_of(picture: np.ndarray) -> int:
    """Return the frame number (below 25) that a decoded picture shows."""
    return round((float(np.median(picture)) - 20) / 8)


def write_set(root: Path, episodes: int = 3, layout: Layout = LAYOUT, frames: int = FRAMES) -> Path:
    """Write a LeRobot v2.1 set of demonstrations 0, 1, … and return its folder."""
    writer = lerobot2.Writer(root, layout)
    for seed in range(episodes):
        writer.add(demonstration(seed, frames + seed, layout))
    writer.close()
    return root


def _rotations(random: np.random.Generator, frames: int) -> np.ndarray:
    q = [np.linalg.qr(random.normal(size=(3, 3)))[0] for _ in range(frames)]
    return np.stack([np.concatenate([m[:, 0], m[:, 1]]) for m in q])
