"""The smallest data that the UniT family learns from: two short episodes in which a square wanders and an arm
follows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from agents.nets.checkpoint import Checkpoint, rounded_weights
from agents.unit.config import load_size, to_dict
from agents.unit.tokenizer import UniT
from tasks import gr1
from training.data.demonstration import Demonstration
from training.data.formats.lerobot2 import Writer
from training.data.layout import Layout
from training.gr1 import frames
from training.unit.options import UnitOptions
from training.unit.ready import Needs, make_ready, open_sets

EPISODES, FRAMES, SIDE = 2, 18, 64


def squares(folder: Path, seed: int) -> Path:
    """Write a LeRobot set of GR1 and return its folder."""
    root = folder / "squares"
    layout = frames.layout()
    writer = Writer(root, layout)
    for episode in range(EPISODES):
        writer.add(_episode(layout, np.random.default_rng([seed, episode])))
    writer.close()
    return root


def random_tokenizer(folder: Path, data: Path, seed: int) -> Path:
    """Write a tokenizer that has the data's statistics and has learned nothing, and return its folder."""
    config, options = load_size("tiny").tokenizer, UnitOptions(data=(data,), seed=seed)
    needs = Needs(
        config.embodiments, config.visual, config.horizon, 1, {"demonstrations": 1.0, "frames": 0.0}, goal=True
    )
    ready = make_ready(options, open_sets(options), needs)
    torch.manual_seed(seed)
    weights, made = rounded_weights(UniT(config)), {"options": {"size": "tiny"}, **ready.card}
    Checkpoint("tokenizer", to_dict(config), weights, ready.scalings, ready.features, made).save(folder)
    return folder


def _episode(layout: Layout, random: np.random.Generator) -> Demonstration:
    values = {n: random.normal(size=(FRAMES, p.width)).astype(np.float32).cumsum(0) for n, p in layout.parts.items()}
    for name in values:
        if name.endswith(("camera", "wrist")):
            values[name][:, 3:9] = [1, 0, 0, 0, 1, 0]  # two columns of no rotation
    columns = random.integers(0, SIDE - 12, FRAMES)
    pictures = [np.full((SIDE, SIDE, 3), 120, np.uint8) for _ in columns]
    for picture, column in zip(pictures, columns, strict=True):
        picture[26:38, column : column + 12] = (220, 30, 30)
    return Demonstration(values, {gr1.EGO.name: pictures}, "pick the red square")
