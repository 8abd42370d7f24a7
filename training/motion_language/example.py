"""Small data for the recipes' smallest runs: people-like figures that wave about, and tokenizers of random weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from agents.humanoid_vla.tokens import PartCodes, WholeCodes, save
from agents.nets.checkpoint import rounded_weights
from agents.nets.motion_codes import CodeSizes
from envs.humanoid.motions import packed
from envs.humanoid.motions.packed import Clip
from tasks.motion.keypoints import NAMES
from tasks.motion.parts import FPS

STANDING = {
    "pelvis": (0, 0, 0.78),
    "left_hip": (0, 0.12, 0.70),
    "left_knee": (0.03, 0.12, 0.40),
    "left_ankle": (0, 0.12, 0.08),
    "torso": (0, 0, 0.94),
    "head": (0, 0, 1.24),
    "left_shoulder": (0, 0.16, 1.1),
    "left_elbow": (0, 0.2, 0.92),
    "left_wrist": (0.1, 0.2, 0.76),
}
"""The left and the middle of a standing figure, m; the right is its mirror image."""


def figure() -> np.ndarray:
    """Return the key points (15, 3) of a standing figure of the G1's size."""
    right = {n.replace("left", "right"): (x, -y, z) for n, (x, y, z) in STANDING.items()}
    return np.array([(right | STANDING)[name] for name in NAMES], float)


def clips(seed: int, seeds: int = 5) -> list[Clip]:
    """Return two kinds of clips: one hand waves, or the body squats."""
    made = []
    for number in range(seeds):
        rng = np.random.default_rng([seed, number])
        t = np.arange(72 + 8 * number) / FPS
        for kind, texts in (
            ("wave", ("a person waves the left hand", "someone waves with the left hand")),
            ("squat", ("a person squats",)),
        ):
            points = np.repeat(figure()[None], len(t), 0)
            swing = rng.uniform(0.05, 0.2) * np.sin(2 * np.pi * t / rng.uniform(1, 2))
            joints = (
                [NAMES.index("left_wrist")] if kind == "wave" else [i for i, n in enumerate(NAMES) if "ankle" not in n]
            )
            points[:, joints, 2] += swing[:, None]
            points[..., 0] += 0.1 * t[:, None]
            made.append(Clip(kind, number, points, texts))
    return made


def pack(folder: Path, seed: int) -> Path:
    """Write a pack of such clips."""
    file = folder / "motions.npz"
    packed.write(clips(seed), file)
    return file


def tokens(folder: Path, seed: int, whole: bool = False) -> Path:
    """Write tokenizers of random weights."""
    torch.manual_seed(seed)
    made = (WholeCodes if whole else PartCodes)(
        CodeSizes(frames_per_code=4 if whole else 8, codes=512 if whole else 1024, width=8, dim=4)
    )
    for name in made.parts:
        made.of(name).book.normal_()
    save(made, folder / "tokens", rounded_weights(made.eval()), {})
    return folder / "tokens"
