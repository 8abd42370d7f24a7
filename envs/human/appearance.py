"""Appearance of a scene: the person's skin and clothes, table, floor and light,
all drawn at random and wider than the robot's kitchen."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np

from envs.human.flesh import Flesh, text
from envs.robocasa.assets.textures import SEAM, field, png

PATTERNS = (
    "grain",
    "planks",
    "parquet",
    "marble",
    "speckle",
    "tiles",
    "diamonds",
    "bricks",
    "brushed",
    "plaster",
    "flat",
)
CLOTHS = ("checks", "stripes", "dots")
# Skin from light to dark, as it is under a light that adds nothing.
SKINS = ("#e8c4ae", "#e2b597", "#d9a67f", "#cf9a70", "#bd8760", "#a87453", "#8f5e40", "#744a33", "#573828", "#3c2a21")


@dataclass(frozen=True)
class Appearance:
    """What is seen of a scene besides its things."""

    flesh: Flesh
    textures: dict[str, bytes]  # table and floor, PNG
    repeats: dict[str, float]  # times that a texture is repeated per metre
    shine: float  # of the table
    lights: str  # MJCF
    headlight: str  # MJCF


def draw(random: np.random.Generator) -> Appearance:
    """Return the appearance of one scene."""
    pictures = {"table": _texture(random, cloth=random.random() < 0.2), "floor": _texture(random)}
    repeats = {"table": random.uniform(0.6, 2.2), "floor": random.uniform(0.5, 1.5)}
    lights, headlight = _light(random)
    return Appearance(flesh(random), pictures, repeats, random.uniform(0, 0.25), lights, headlight)


def flesh(random: np.random.Generator) -> Flesh:
    """Return a person's skin, somewhere between two neighbours of the scale, and clothes."""
    place = random.uniform(0, len(SKINS) - 1.001)
    low, share = int(place), place % 1
    a, b = (np.array([int(SKINS[i][j : j + 2], 16) / 255 for j in (1, 3, 5)]) for i in (low, low + 1))
    skin = np.clip((1 - share) * a + share * b + random.normal(0, 0.012, 3), 0.05, 1)
    nails = np.clip(0.75 * skin + 0.25 * np.array([0.98, 0.78, 0.74]), 0, 1)
    if random.random() < 0.15:  # painted
        nails = np.array(colorsys.hls_to_rgb(random.random(), random.uniform(0.3, 0.6), 0.7))
    sleeve = colorsys.hls_to_rgb(random.random(), random.beta(1.6, 2), random.beta(1.2, 2.5))
    covered = random.choice([0.15, 0.35, 0.75, 0.93], p=[0.25, 0.15, 0.2, 0.4])
    return Flesh(tuple(skin), tuple(nails), sleeve, float(covered))


def _texture(random: np.random.Generator, cloth: bool = False) -> bytes:
    pattern = random.choice(CLOTHS if cloth else PATTERNS)
    shades = _cloth(str(pattern), random) if cloth else field(str(pattern), random, int(random.integers(2, 9)))
    h, light = random.random(), random.uniform(0.15, 0.92)
    strong = random.beta(1.1, 2.2)
    if not cloth and random.random() < 0.45:  # wood's hues
        h, strong = random.uniform(0.05, 0.11), random.uniform(0.25, 0.6)
    other = np.clip(light + random.choice([-1, 1]) * random.uniform(0.05, 0.3), 0.05, 0.97)
    ends = [
        np.array(colorsys.hls_to_rgb(h, light, strong)),
        np.array(colorsys.hls_to_rgb((h + random.normal(0, 0.02)) % 1, other, strong)),
    ]
    seam = np.clip(ends[0] * random.uniform(0.4, 1.3), 0, 1)
    t = np.linspace(0, 1, SEAM)[:, None]
    palette = np.concatenate([ends[0] * (1 - t) + ends[1] * t, seam[None]])
    return png(shades, (255 * palette).round().astype(np.uint8))


def _cloth(pattern: str, random: np.random.Generator) -> np.ndarray:
    """Palette indices (256, 256) of a woven pattern."""
    y, x = np.mgrid[0:256, 0:256]
    size = int(random.choice([16, 32, 64]))
    a, b = x // size % 2, y // size % 2
    if pattern == "checks":
        value = (a + b) / 2
    elif pattern == "stripes":
        value = a.astype(float)
    else:
        value = (np.hypot(x % size - size / 2, y % size - size / 2) < 0.28 * size).astype(float)
    weave = 0.04 * random.random((256, 256))
    return np.clip((0.1 + 0.8 * value + weave) * (SEAM - 1), 0, SEAM - 1).astype(np.uint8)


def _light(random: np.random.Generator) -> tuple[str, str]:
    """One or two lights from above, warm or cold, and some light from everywhere."""
    total = random.uniform(0.75, 1.15)
    ambient = random.uniform(0.25, 0.5)
    lights = []
    for share in (0.65, 0.35)[: int(random.integers(1, 3))]:
        warm = random.normal(0, 0.07)
        colour = np.clip(total * (1 - ambient) * share * 1.3 * np.array([1 + warm, 1.0, 1 - warm]), 0, 1)
        direction = (*random.uniform(-0.8, 0.8, 2), -1.0)
        lights.append(
            f'<light directional="true" castshadow="false" pos="0 0 2" dir="{text(direction)}"'
            f' diffuse="{text(colour)}" specular="0.1 0.1 0.1"/>'
        )
    everywhere = total * ambient * np.clip(1 + random.normal(0, 0.03, 3), 0.8, 1.2)
    headlight = f'<headlight ambient="{text(everywhere)}" diffuse="{text([0.25 * total] * 3)}" specular="0 0 0"/>'
    return "".join(lights), headlight
