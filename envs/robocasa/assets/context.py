"""What a recipe is given: the sizes and colours drawn for one instance."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from envs.robocasa.assets.model import Colour, rgba


@dataclass(frozen=True)
class Draft:
    """One instance to be made: half extents in metres, a main colour, a family (0 = split A, 1 = split B), its dice.

    `roll` is a generator seeded by the instance's name alone, so an instance does not change when others are added.
    """

    a: float
    b: float
    c: float
    colour: str
    family: int
    mass: float
    roll: np.random.Generator

    def paint(self, light: float = 1.0, alpha: float = 1.0) -> Colour:
        """The main colour, lighter or darker."""
        return rgba(self.colour, light, alpha)


def draft(name: str, entry: dict, index: int, count: int) -> Draft:
    """The draft of instance `index` of `count`: the first half is family 0, as the package splits a sorted list.

    Args: `entry` is a table of objects.toml with size, mass, and the appearances `a` and `b`.
    """
    roll = np.random.default_rng(zlib.crc32(f"{name}/{index}".encode()))
    family = int(index >= (count + 1) // 2)
    appearance = entry["b" if family else "a"]
    factor = roll.uniform(0.96, 1.04, 3)
    if entry.get("round", entry["size"][0] == entry["size"][1]):
        factor[1] = factor[0]
    a, b, c = np.array(entry["size"]) / 2 * np.array(appearance.get("stretch", (1, 1, 1))) * factor
    if a > 1.1 * b and c < 1.1 * b:
        c = min(c, 0.94 * b)  # what lies on its side is a little flat, or it would roll
    colours = appearance["colours"]
    mass = entry["mass"] * float(np.clip(roll.normal(1.0, 0.08), 0.85, 1.15))
    place = index - family * ((count + 1) // 2)
    return Draft(float(a), float(b), float(c), colours[place % len(colours)], family, mass, roll)
