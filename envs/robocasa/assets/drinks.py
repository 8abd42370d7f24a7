"""Recipes for bottles, cans, cartons and cups: one function per shape, `Draft` -> `Model`, standing on z."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from envs.robocasa.assets.context import Draft
from envs.robocasa.assets.mesh import Mesh, arc, band, box, cylinder, join, lathe, loft, tube
from envs.robocasa.assets.model import Colour, Geom, Model, Part, rgba

PAPER = rgba("#f2ead8")
STEEL = rgba("#c9ccd0")
WHITE = rgba("#f4f4f2")


def _turned(profile: Sequence[tuple[float, float]], d: Draft, sides: int = 18) -> Mesh:
    return lathe(profile, sides).scaled(d.a, d.b, d.c)


def _sleeve(d: Draft, low: float, high: float, radius: float = 1.012) -> Mesh:
    """A label around the body between two heights (in -1..1)."""
    return band([(radius, low), (radius, high)], 20).scaled(d.a, d.b, d.c)


def _necked(d: Draft, parts: Sequence[Part], shoulder: float, neck: float) -> Model:
    """Collides as a body up to `shoulder` (height in -1..1) and a neck of `neck` times the radius."""
    body = (shoulder + 1) / 2
    geoms = [
        Geom("cylinder", (d.a, d.c * body), (0, 0, -d.c * (1 - body))),
        Geom("cylinder", (d.a * neck, d.c * (1 - body)), (0, 0, d.c * body)),
    ]
    return Model(parts, geoms, d.mass)


def bottle(d: Draft) -> Model:
    glass = [
        (0.9, -1),
        (1, -0.95),
        (1, 0.2),
        (0.9, 0.36),
        (0.55, 0.54),
        (0.38, 0.64),
        (0.36, 0.88),
        (0.4, 0.9),
        (0.4, 0.93),
    ]
    neck = _sleeve(d, 0.62, 0.74, 0.4)
    cap = lathe([(0.44, 0.88), (0.44, 0.98), (0.4, 1.0)], 14, lambda a: 1 - 0.06 * (np.arange(len(a)) % 2)).scaled(
        d.a, d.b, d.c
    )
    label = PAPER if d.roll.uniform() < 0.6 else rgba("#d8b04a")
    stripe = _sleeve(d, -0.3, -0.18, 1.02)
    parts = [
        Part(_turned(glass, d), d.paint(), 0.9),
        Part(_sleeve(d, -0.62, 0.12), label),
        Part(stripe, d.paint(0.75)),
        Part(neck, label),
        Part(cap, rgba("#c8342c" if d.family == 0 else "#e0c04a"), 0.6),
    ]
    return _necked(d, parts, 0.36, 0.5)


def decanter(d: Draft) -> Model:
    """A square spirits bottle with a stopper."""
    glass = [(0.95, -1), (1, -0.96), (1, 0.25), (0.9, 0.38), (0.45, 0.5), (0.4, 0.72), (0.46, 0.75)]
    square = lathe(glass, 24, lambda a: 0.86 / np.maximum(np.abs(np.cos(a)), np.abs(np.sin(a))) ** 0.55)
    stopper = lathe([(0.4, 0.75), (0.42, 0.8), (0.62, 0.84), (0.66, 0.92), (0.5, 1.0), (0, 1.0)], 16).scaled(
        d.a, d.b, d.c
    )
    label = join(*(box(d.a * 1.2, 0.001, d.c * 0.75).moved(0, d.b * 0.9, -d.c * 0.35).turned("z", t) for t in (0, 180)))
    parts = [
        Part(square.scaled(d.a, d.b, d.c), d.paint(), 0.9),
        Part(label, PAPER),
        Part(stopper, rgba("#8a5f38" if d.family == 0 else "#c8ccd0"), 0.6),
    ]
    return _necked(d, parts, 0.36, 0.5)


def wine(d: Draft) -> Model:
    glass = [
        (0.8, -1),
        (1, -0.97),
        (1, 0.22),
        (0.9, 0.36),
        (0.5, 0.5),
        (0.38, 0.58),
        (0.36, 0.94),
        (0.4, 0.95),
        (0.4, 1),
    ]
    foil = lathe([(0.4, 0.62), (0.38, 0.93), (0.42, 0.94), (0.42, 1.0)], 16).scaled(d.a, d.b, d.c)
    emblem = _sleeve(d, -0.2, -0.05, 1.02)
    gold = rgba("#b8963c")
    parts = [
        Part(_turned(glass, d), d.paint(), 0.9),
        Part(_sleeve(d, -0.7, 0.0), PAPER),
        Part(emblem, gold),
        Part(foil, rgba("#6a1420") if d.family == 0 else gold, 0.5),
    ]
    return _necked(d, parts, 0.34, 0.46)


def water(d: Draft) -> Model:
    ribs = [(1 - 0.05 * (k % 2), z) for k, z in enumerate(np.linspace(-0.9, -0.15, 7))]
    shell = [(0.85, -1), *ribs, (1, -0.05), (1, 0.4), (0.92, 0.56), (0.6, 0.74), (0.36, 0.84), (0.36, 0.9)]
    cap = lathe([(0.42, 0.86), (0.42, 0.98), (0.38, 1.0)], 14).scaled(d.a, d.b, d.c)
    blue = rgba("#2c6ac8" if d.family == 0 else "#2c9a6a")
    parts = [
        Part(_turned(shell, d), d.paint(1.0, 0.78), 0.9),
        Part(_sleeve(d, -0.02, 0.38, 1.02), blue),
        Part(_sleeve(d, 0.1, 0.26, 1.03), WHITE),
        Part(cap, blue, 0.4),
    ]
    return _necked(d, parts, 0.56, 0.5)


def flask(d: Draft) -> Model:
    body = [(0.92, -1), (1, -0.96), (1, 0.45), (0.94, 0.58), (0.66, 0.68)]
    lid = [(0.68, 0.64), (0.68, 0.94), (0.6, 1.0)]
    ring = _sleeve(d, -0.98, -0.84, 1.015)
    loop = tube(arc(d.a * 0.36, 0, 180, 9, "xz") + [0, 0, d.c * 0.9], d.a * 0.1, 6)
    parts = [
        Part(_turned(body, d), d.paint(), 0.6),
        Part(join(_turned(lid, d), loop), rgba("#2a2c30"), 0.4),
        Part(join(ring, _sleeve(d, 0.4, 0.5, 1.015)), STEEL, 0.9),
    ]
    return _necked(d, parts, 0.6, 0.7)


def can(d: Draft) -> Model:
    side = band([(0.98, -0.9), (1, -0.84), (1, 0.82), (0.96, 0.9)], 20).scaled(d.a, d.b, d.c)
    ends = join(
        _turned([(0.82, -1), (0.86, -1), (0.98, -0.9)], d, 20),
        _turned([(0.96, 0.9), (0.88, 1), (0.84, 1), (0.82, 0.96)], d, 20),
    )
    swoosh = _wave(d)
    tab = tube(arc(d.a * 0.22, 0, 330, 8) + [d.a * 0.2, 0, d.c * 0.98], 0.0012, 5)
    parts = [Part(side, d.paint(), 0.8), Part(join(ends, tab), STEEL, 1.0), Part(swoosh, WHITE, 0.6)]
    return Model(parts, [Geom("cylinder", (d.a, d.c))], d.mass)


def _wave(d: Draft) -> Mesh:
    """A wavy stripe around a can."""
    t = np.linspace(0, 2 * np.pi, 25)[:-1]
    z = 0.28 * np.sin(t * (2 if d.family == 0 else 3))
    ring = [np.stack([1.01 * np.cos(t), 1.01 * np.sin(t), z + s * 0.2], -1) * [d.a, d.b, d.c] for s in (-1, 1)]
    k = np.arange(24)
    n = np.roll(k, -1)
    faces = np.concatenate([np.stack([k, n, n + 24], -1), np.stack([k, n + 24, k + 24], -1)])
    return Mesh(np.concatenate(ring), faces)


def carton(d: Draft) -> Model:
    """A small juice box with a straw."""
    body = box(2 * d.a, 2 * d.b, 1.8 * d.c, 0.002).moved(z=-0.1 * d.c)
    stripe = box(2 * d.a * 1.006, 2 * d.b * 1.006, d.c * 0.5, 0.002).moved(z=-d.c * 0.45)
    fruit = lathe([(0, -1), (0.7, -0.7), (1, 0), (0.7, 0.7), (0, 1)], 14).scaled(d.a * 0.42, 0.0015, d.a * 0.42)
    badges = join(fruit.moved(0, -d.b, d.c * 0.25), fruit.moved(0, d.b, d.c * 0.25))
    x, z = d.a * 0.5, d.c * 0.8
    straw = tube(
        np.array([[x, 0, z], [x + 0.001, 0, z + 0.012], [x - 0.004, 0, z + 0.019], [x - 0.012, 0, z + 0.022]]), 0.002, 7
    )
    parts = [
        Part(body, d.paint(), 0.3),
        Part(stripe, WHITE),
        Part(badges, d.paint(0.6)),
        Part(straw, rgba("#e8e8f0")),
    ]
    return Model(parts, [Geom("box", (d.a, d.b, 0.9 * d.c), (0, 0, -0.1 * d.c))], d.mass)


def milk(d: Draft) -> Model:
    """A gable-top carton."""
    body = box(2 * d.a, 2 * d.b, 1.35 * d.c).moved(z=-0.325 * d.c)
    square = [(-d.a, -d.b), (d.a, -d.b), (d.a, d.b), (-d.a, d.b)]
    ridge = [(-d.a, -0.002), (d.a, -0.002), (d.a, 0.002), (-d.a, 0.002)]
    roof = loft([(square, 0.35 * d.c), (ridge, 0.8 * d.c), (ridge, d.c)])
    panel = box(2 * d.a * 1.01, 2 * d.b * 1.01, d.c * 0.62).moved(z=-d.c * 0.55)
    spot = lathe([(0, -1), (0.7, -0.7), (1, 0), (0.7, 0.7), (0, 1)], 12).scaled(d.a * 0.45, 0.0015, d.a * 0.36)
    spots = join(spot.moved(-d.a * 0.2, -d.b, d.c * 0.05), spot.moved(d.a * 0.2, d.b, d.c * 0.05))
    cap = cylinder(d.a * 0.3, 0.008, 12).turned("x", 32).moved(0, -d.b * 0.5, d.c * 0.62)
    parts = [
        Part(join(body, roof), WHITE, 0.2),
        Part(panel, d.paint(), 0.2),
        Part(spots, d.paint(0.8)),
        Part(cap, d.paint(0.8), 0.3),
    ]
    top = Geom("box", (d.a, d.b * 0.55, 0.225 * d.c), (0, 0, 0.575 * d.c))
    fin = Geom("box", (d.a, 0.002, 0.1 * d.c), (0, 0, 0.9 * d.c))
    return Model(parts, [Geom("box", (d.a, d.b, 0.675 * d.c), (0, 0, -0.325 * d.c)), top, fin], d.mass)


def paper_cup(d: Draft) -> Model:
    cup = _turned([(0.72, -1), (0.96, 0.78)], d, 20)
    lid = _turned([(1, 0.76), (1, 0.86), (0.92, 0.88), (0.88, 1), (0.8, 1), (0.76, 0.94)], d, 20)
    sleeve = band([(0.79, -0.55), (0.925, 0.4)], 20).scaled(d.a, d.b, d.c)
    tint = rgba("#8a5f3c" if d.family == 0 else "#d8c4a0")
    parts = [
        Part(cup, d.paint()),
        Part(lid, WHITE if d.family == 0 else rgba("#2c2622"), 0.4),
        Part(sleeve, tint, 0.05),
    ]
    return Model(
        parts,
        [
            Geom("cylinder", (d.a * 0.86, d.c * 0.9), (0, 0, -d.c * 0.1)),
            Geom("cylinder", (d.a, 0.12 * d.c), (0, 0, d.c * 0.88)),
        ],
        d.mass,
    )


def mug(d: Draft) -> Model:
    """An open cup with a small handle at +x; it collides as a solid cylinder and a thin block for the handle."""
    foot = 0.82 if d.family == 0 else 0.66
    wall = [(foot, -1), (0.95, -0.8), (1, -0.4), (1, 1), (0.9, 1), (0.9, -0.7), (0.5, -0.86), (0, -0.86)]
    cup = _turned(wall, d, 20)
    drink = cylinder(d.a * 0.9, 0.001, 20).moved(z=d.c * 0.45)
    handle = tube(arc(1.0, -75, 75, 9, "xz") * [0.012, 1, d.c * 0.55] + [d.a * 0.93, 0, 0], 0.0038, 8)
    stripe = _sleeve(d, 0.35, 0.6)
    tint: Colour = d.paint(0.6) if d.family == 0 else WHITE
    parts = [Part(join(cup, handle), d.paint(), 0.7), Part(drink, rgba("#4a2c18"), 0.8), Part(stripe, tint, 0.7)]
    grip = Geom("box", (0.007, 0.003, d.c * 0.55), (d.a + 0.005, 0, 0))
    return Model(parts, [Geom("cylinder", (d.a, d.c)), grip], d.mass)
