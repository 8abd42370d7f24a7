"""What a pack holds for each category and registry, read from its folder the way the simulator package reads it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from envs.robocasa import package
from envs.robocasa.assets.catalogue import REGISTRIES, table


@dataclass(frozen=True)
class Shelf:
    """The models of one category in one registry, sorted as the package sorts them; the first `split` are split A."""

    category: str
    registry: str
    scale: np.ndarray
    models: tuple[Path, ...]

    @property
    def split(self) -> int:
        return max(len(REGISTRIES) - 3, math.ceil(len(self.models) / 2))


def shelves(root: Path) -> Iterator[Shelf]:
    """Every category and registry of the 97 tasks with the models that the pack at `root` has for it."""
    stock = package.object_table()
    for category in table():
        for registry in REGISTRIES:
            if registry not in stock[category]:
                continue
            known = stock[category][registry]
            folders = known.get("model_folders", [f"{registry}/{category}"])
            found = sorted(
                str(p)
                for f in folders
                for p in (root / "objects" / f).rglob("model.xml")
                if p.parent.name not in (known.get("exclude") or [])
            )
            yield Shelf(category, registry, np.ones(3) * known.get("scale", 1.0), tuple(map(Path, found)))
