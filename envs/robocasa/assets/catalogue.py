"""The list of everything the generated pack holds for objects: where each instance lies and how it is made."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from envs.robocasa import package
from envs.robocasa.assets import bakery, containers, context, drinks, household, produce
from envs.robocasa.assets.model import Model, files

REGISTRIES = ("objaverse", "sketchfab", "lightwheel")
COUNT = 8
# The pot of the objaverse registry shares a folder with the pan; the package tells them apart by the last folder's
# name.
POT_NAMES = ("pan_0", "pan_12", "pan_17", "pan_22")


@dataclass(frozen=True)
class Instance:
    """One object model: `folder` is below the pack's `objects`, `scale` what the package and the task multiply it
    with."""

    category: str
    registry: str
    index: int
    folder: str
    scale: tuple[float, float, float]
    graspable: bool

    @property
    def split(self) -> str:
        """The split the package's arithmetic puts it in: max(registries - 3, ceil(n / 2)) of the sorted list is A."""
        return "A" if self.index < max(len(REGISTRIES) - 3, (COUNT + 1) // 2) else "B"

    def model(self) -> Model:
        """The geometry, in metres as the task sees it at its scale."""
        entry = table()[self.category]
        drawn = context.draft(f"{self.registry}/{self.category}", entry, self.index, COUNT)
        appearance = entry["b" if drawn.family else "a"]
        extra = [appearance["outline"]] if "outline" in appearance else []
        return recipes()[entry["shape"]](drawn, *extra)

    def files(self) -> dict[str, str]:
        """The text of the instance's files by name."""
        return files(self.category, self.model(), self.scale)


@cache
def recipes() -> dict[str, Callable[..., Model]]:
    """The recipes by the name that `shape` has in the tables."""
    return {
        name: value
        for module in (produce, bakery, drinks, household, containers)
        for name, value in vars(module).items()
        if getattr(value, "__module__", None) == module.__name__ and value.__annotations__.get("return") == "Model"
    }


@cache
def table() -> dict[str, dict]:
    """The categories of objects.toml and containers.toml."""
    here = Path(__file__).parent
    return {
        k: v
        for f in ("objects", "containers")
        for k, v in tomllib.loads((here / f"{f}.toml").read_text("utf8")).items()
    }


def instances() -> Iterator[Instance]:
    """Every instance of every category and registry that the 97 tasks can sample, in the pack's order."""
    stock = package.object_table()
    for category, entry in table().items():
        for registry in REGISTRIES:
            if registry not in stock[category]:
                continue
            known = stock[category][registry]
            folder = known.get("model_folders", [f"{registry}/{category}"])[0]
            scale = np.ones(3) * known.get("scale", 1.0) * entry.get("task_scale", 1.0)
            for i in range(COUNT):
                path = f"{folder}/{_name(category, registry, folder, i)}"
                yield Instance(category, registry, i, path, tuple(scale.tolist()), "outline" not in entry["a"])


def _name(category: str, registry: str, folder: str, index: int) -> str:
    """A folder name that sorts by index and that no exclusion list of the package contains."""
    if (category, registry) == ("pot", "objaverse"):
        return f"pot_{index:02d}/{POT_NAMES[index % 4]}"
    if (category, registry) == ("pan", "objaverse"):
        return f"pan_{index + 1}"
    return f"{folder.split('/')[-1]}_{index:02d}"
