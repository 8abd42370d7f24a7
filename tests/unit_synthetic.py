"""Chunks without a simulator: a bright square that an arm reaches for, behind the interface of real data sets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.nets.embodiments import find_embodiment
from crossbody import catalog
from training.running import train
from training.unit import ready

STEPS = 40


class SquareChunks:
    """Episodes in which the first joint follows a square's column; the instruction names its colour."""

    instructions = ("pick the red square", "pick the green square")

    def __init__(self, episodes: int = 3, embodiment: str = "gr1", acts: bool = True, seed: int = 0):
        random = np.random.default_rng(seed)
        self.embodiment, self._seed = embodiment, seed
        rows = episodes * STEPS
        self.last = np.repeat(np.arange(1, episodes + 1) * STEPS - 1, STEPS)
        self.first = self.last - STEPS + 1
        self.instruction = np.repeat(np.arange(episodes) % 2, STEPS)
        self.has_picture = np.ones(rows, bool)
        self.where = np.repeat(random.uniform(-1, 1, episodes), STEPS).astype(np.float32)
        progress = np.tile(np.linspace(0, 1, STEPS, dtype=np.float32), episodes)
        body = find_embodiment(embodiment)
        self.values = {f"state.{p}": np.zeros((rows, n), np.float32) for p, n in body.parts.items()}
        self.values[f"state.{next(iter(body.parts))}"][:, 0] = self.where * progress
        if acts:
            self.values |= {k.replace("state", "action"): v + 0.05 for k, v in self.values.items()}
        self.values["privileged.object"] = np.stack([self.where, self.where, 0 * self.where], 1)

    def pictures(self, rows: np.ndarray) -> Iterator[np.ndarray]:
        for row in rows:
            picture = np.full((256, 256, 3), 120, np.uint8)
            column = int(128 + 100 * self.where[row])
            picture[100:130, max(column - 15, 0) : column + 15] = (
                (220, 30, 30) if self.instruction[row] == 0 else (30, 220, 30)
            )
            yield picture

    def videos(self) -> list[str]:
        return [f"{self.fingerprint()}/{i}" for i in range(len(np.unique(self.first)))]

    def fingerprint(self) -> str:
        return f"squares {self.embodiment} {len(self.last)} {'action.waist' in self.values} {self._seed}"


def train_on(name: str, sets: Sequence[SquareChunks], **options: Any) -> Path:
    """Run a recipe of the UniT family on these chunks and return its folder."""
    recipe = catalog.resolve("recipes", name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ready, "open_folders", lambda folders, shares: list(sets))
        return train(name, recipe, recipe.options(data=(Path("squares"),), **options))
