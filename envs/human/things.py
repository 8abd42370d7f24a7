"""Things on a person's table: the kinds that the robot knows, in other sizes and colours,
and some that it never meets."""

from __future__ import annotations

import colorsys
from collections.abc import Callable

import numpy as np

from envs.robocasa.assets.catalogue import recipes, table
from envs.robocasa.assets.context import Draft
from envs.robocasa.assets.mesh import ball, band, box, cylinder, join, lathe, prism
from envs.robocasa.assets.model import Geom, Model, Part, rgba

SUPPORTS = ("plate", "tray", "cutting_board", "placemat")
"""Flat things that an object can lie on."""
CONTAINERS = ("bowl", "plate", "pot", "pan", "basket", "cardboard_box", "tray", "tiered_basket", "tiered_shelf")
TOO_LARGE = ("book", "cereal", "chips")
WIDEST_M = 0.085  # that a hand reaches around


def kinds() -> tuple[str, ...]:
    """Return the kinds of things that a hand can carry."""
    known = [k for k, e in table().items() if "outline" not in e["a"] and k not in TOO_LARGE]
    return (*known, *SIMPLE)


def spoken(kind: str) -> str:
    """Return a kind's name as one says it."""
    return kind.replace("_", " ")


def make(kind: str, random: np.random.Generator, widest: float | None = None) -> Model:
    """Return a thing of a kind in a size and colour of its own; ``widest`` is the most, m,
    that its narrower side may measure."""
    for _ in range(20):
        model = SIMPLE[kind](random) if kind in SIMPLE else _known(kind, random)
        low, high = model.bounds()
        if widest is None or min((high - low)[:2]) <= widest:
            break
    return model


def surface(model: Model, x: float, y: float) -> float:
    """Return how high a model's surface is above its own origin at a place, m; -inf beside it."""
    return max(_top(part.mesh.vertices, part.mesh.faces, np.array([x, y])) for part in model.parts)


def _known(kind: str, random: np.random.Generator) -> Model:
    entry = table()[kind]
    family = int(random.integers(2))
    appearance = entry["ab"[family]]
    half = np.array(entry["size"]) / 2 * np.array(appearance.get("stretch", (1, 1, 1))) * random.uniform(0.92, 1.08, 3)
    half *= random.uniform(0.85, 1.1) if "outline" in appearance else random.uniform(0.95, 1.3)
    if entry.get("round", entry["size"][0] == entry["size"][1]):
        half[1] = half[0]
    colour = appearance["colours"][random.integers(len(appearance["colours"]))]
    colour = _shifted(colour, random) if random.random() < 0.75 else _any(random)
    a, b, c = half.tolist()
    draft = Draft(a, b, c, colour, family, entry["mass"], random)
    return recipes()[entry["shape"]](draft, *([appearance["outline"]] if "outline" in appearance else []))


def _top(vertices: np.ndarray, faces: np.ndarray, at: np.ndarray) -> float:
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    u, v, w = (b - a)[:, :2], (c - a)[:, :2], at - a[:, :2]
    area = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
    flat = np.abs(area) > 1e-12
    safe = np.where(flat, area, 1.0)
    s = (w[:, 0] * v[:, 1] - w[:, 1] * v[:, 0]) / safe
    t = (u[:, 0] * w[:, 1] - u[:, 1] * w[:, 0]) / safe
    hit = flat & (s >= 0) & (t >= 0) & (s + t <= 1)
    height = a[:, 2] + s * (b - a)[:, 2] + t * (c - a)[:, 2]
    return float(height[hit].max()) if hit.any() else -np.inf


def _shifted(colour: str, random: np.random.Generator) -> str:
    """A colour near another."""
    h, lightness, s = colorsys.rgb_to_hls(*rgba(colour)[:3])
    h, lightness = h + random.normal(0, 0.05), np.clip(lightness * random.uniform(0.75, 1.3), 0.05, 0.95)
    return _hex(colorsys.hls_to_rgb(h % 1, float(lightness), float(np.clip(s * random.uniform(0.7, 1.3), 0, 1))))


def _any(random: np.random.Generator) -> str:
    return _hex(colorsys.hls_to_rgb(random.random(), random.uniform(0.2, 0.8), random.uniform(0.1, 0.9)))


def _hex(rgb: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(255 * c):02x}" for c in rgb)


def _block(random: np.random.Generator) -> Model:
    x, y, z = random.uniform(0.03, 0.075, 3)
    return _solid([Part(box(x, y, z, 0.003), rgba(_any(random)))], "box", (x, y, z))


def _ball(random: np.random.Generator) -> Model:
    r = random.uniform(0.02, 0.036)
    main, stripe = rgba(_any(random)), rgba(_any(random))
    ring = band([(1.01 * r, -0.15 * r), (1.01 * r, 0.15 * r)])
    return _solid([Part(ball(20, 13).scaled(r), main), Part(ring, stripe)], "ellipsoid", (2 * r, 2 * r, 2 * r))


def _sponge(random: np.random.Generator) -> Model:
    x, y, z = random.uniform((0.08, 0.05, 0.025), (0.12, 0.075, 0.045))
    soft = Part(box(x, y, 0.7 * z, 0.004).moved(z=-0.15 * z), rgba(_any(random)), 0.05)
    rough = Part(box(x, y, 0.3 * z, 0.002).moved(z=0.35 * z), rgba(_any(random)), 0.05)
    return _solid([soft, rough], "box", (x, y, z))


def _tape(random: np.random.Generator) -> Model:
    r, z = random.uniform(0.03, 0.042), random.uniform(0.018, 0.05)
    outside = band([(r, -z / 2), (r, z / 2), (0.72 * r, z / 2), (0.72 * r, -z / 2)])
    inside = band([(0.72 * r, -z / 2), (0.72 * r, z / 2), (0.66 * r, z / 2), (0.66 * r, -z / 2)])
    return _solid(
        [Part(outside, rgba(_any(random)), 0.5), Part(inside, rgba("#c9a878"))], "cylinder", (2 * r, 2 * r, z)
    )


def _jar(random: np.random.Generator) -> Model:
    r, z = random.uniform(0.024, 0.038), random.uniform(0.06, 0.11)
    lid = Part(cylinder(0.9 * r, 0.2 * z).moved(z=0.4 * z), rgba(_any(random)), 0.6)
    body = lathe([(0.8 * r, -0.5 * z), (r, -0.42 * z), (r, 0.2 * z), (0.8 * r, 0.32 * z)])
    label = Part(cylinder(1.01 * r, 0.3 * z).moved(z=-0.1 * z), rgba(_any(random)))
    return _solid([Part(body, rgba(_any(random)), 0.6), label, lid], "cylinder", (2 * r, 2 * r, z))


def _toy_brick(random: np.random.Generator) -> Model:
    unit, length = random.uniform(0.016, 0.024), int(random.integers(2, 5))
    x, y, z = unit * length, 2 * unit, 1.2 * unit
    knobs = [
        cylinder(0.3 * unit, 0.25 * unit, 12).moved((i + 0.5) * unit - x / 2, (j - 0.5) * unit, 0.62 * z)
        for i in range(length)
        for j in range(2)
    ]
    return _solid([Part(join(box(x, y, z, 0.001), *knobs), rgba(_any(random)), 0.4)], "box", (x, y, z))


def _marker(random: np.random.Generator) -> Model:
    r, x = random.uniform(0.008, 0.013), random.uniform(0.11, 0.15)
    colour = rgba(_any(random))
    shaft, cap = cylinder(r, 0.66 * x).along_x().moved(-0.17 * x), cylinder(1.1 * r, 0.34 * x).along_x()
    return _solid([Part(shaft, rgba("#e9e9e4")), Part(cap.moved(0.33 * x), colour)], "box", (x, 2.2 * r, 2.2 * r))


def _gift(random: np.random.Generator) -> Model:
    x, y, z = random.uniform(0.045, 0.075, 3)
    ribbon = rgba(_any(random))
    strips = [Part(box(x * 1.01, 0.008, z * 1.01), ribbon, 0.5), Part(box(0.008, y * 1.01, z * 1.01), ribbon, 0.5)]
    return _solid([Part(box(x, y, z, 0.001), rgba(_any(random))), *strips], "box", (x, y, z))


def _star(random: np.random.Generator) -> Model:
    r, z, points = random.uniform(0.028, 0.04), random.uniform(0.02, 0.035), int(random.integers(5, 8))
    angle = np.arange(2 * points) * np.pi / points
    radius = np.where(np.arange(2 * points) % 2, 0.6 * r, r)
    outline = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return _solid([Part(prism(list(outline), z), rgba(_any(random)))], "cylinder", (2 * r, 2 * r, z))


def _solid(parts: list[Part], shape: str, size: tuple[float, float, float]) -> Model:
    half = tuple(s / 2 for s in size)
    return Model(parts, [Geom(shape, half if shape != "cylinder" else (half[0], half[2]))], 0.1)


SIMPLE: dict[str, Callable[[np.random.Generator], Model]] = {
    "block": _block,
    "ball": _ball,
    "sponge": _sponge,
    "roll_of_tape": _tape,
    "jar": _jar,
    "toy_brick": _toy_brick,
    "marker": _marker,
    "gift_box": _gift,
    "star": _star,
}
"""Kinds that no task of the robot has."""
