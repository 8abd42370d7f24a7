"""Recipes for bread, pastry, sweets, meat and fish: one function per shape, `Draft` -> `Model`."""

from __future__ import annotations

import numpy as np

from envs.robocasa.assets.context import Draft
from envs.robocasa.assets.mesh import Mesh, arc, ball, band, cylinder, join, lathe, loft, prism, rounded_rectangle, tube
from envs.robocasa.assets.model import Geom, Model, Part, rgba

CREAM = rgba("#f4ead6")


def loaf(d: Draft) -> Model:
    """A baguette: a long loaf with slanted cuts."""
    t = np.linspace(-1, 1, 13)
    profile = list(zip((1 - np.abs(t) ** 3.2) ** 0.5, t, strict=True))
    crust = lathe(profile, 16).along_x().scaled(d.a, d.b, d.c)
    cuts = [
        ball(10, 5)
        .scaled(d.a * 0.13, d.b * 0.16, d.c * 0.1)
        .turned("z", 50)
        .moved(x * d.a, 0, d.c * 0.95 * (1 - x * x) ** 0.2)
        for x in (-0.62, -0.31, 0, 0.31, 0.62)
    ]
    return Model(
        [Part(crust, d.paint(), 0.1), Part(join(*cuts), d.paint(1.35))], [Geom("ellipsoid", (d.a, d.b, d.c))], d.mass
    )


def bread(d: Draft) -> Model:
    """A tin loaf: a box with a swollen top."""
    low = rounded_rectangle(2 * d.a * 0.94, 2 * d.b * 0.86, 0.01)
    mid = rounded_rectangle(2 * d.a * 0.97, 2 * d.b * 0.92, 0.012)
    wide = rounded_rectangle(2 * d.a, 2 * d.b, 0.016)
    top = rounded_rectangle(2 * d.a * 0.86, 2 * d.b * 0.62, 0.014)
    body = loft([(low, -d.c), (mid, d.c * 0.15)])
    dome = loft([(mid, d.c * 0.15), (wide, d.c * 0.4), (wide, d.c * 0.62), (top, d.c * 0.95), (top, d.c)])
    return Model(
        [Part(body, d.paint(1.15), 0.05), Part(dome, d.paint(0.85), 0.1)], [Geom("box", (d.a, d.b, d.c))], d.mass
    )


def croissant(d: Draft) -> Model:
    """A crescent of rolled dough: a ridged tube along an arc, bent in the xy plane."""
    n, thick = 17, d.c
    reach = d.a - thick * 0.35
    sag = 2 * d.b - 1.55 * thick
    radius = (reach**2 + sag**2) / (2 * sag)
    span = np.rad2deg(np.arcsin(min(0.97, reach / radius)))
    path = arc(radius, 90 - span, 90 + span, n)
    path[:, 1] -= (path[:, 1].max() + path[:, 1].min()) / 2
    t = np.linspace(-1, 1, n)
    r = thick * (0.34 + 0.66 * np.cos(t * np.pi / 2) ** 0.8) * (1 - 0.1 * (np.arange(n) % 3 == 0))
    roll = tube(path, r, 12, 0.98)
    seams = [tube(_hoop(path[i], r[i] * 0.99, path[i + 1] - path[i - 1]), thick * 0.05, 5) for i in (3, 6, 10, 13)]
    geoms = []
    for i, j, share in ((0, 6, 0.72), (4, 12, 0.96), (10, 16, 0.72)):
        middle, step = (path[i] + path[j]) / 2, path[j] - path[i]
        turn = float(np.rad2deg(np.arctan2(step[1], step[0])))
        half = float(np.linalg.norm(step)) / 2
        size = (half + thick * 0.2, thick * share, thick * share)
        geoms.append(
            Geom("ellipsoid", size, (float(middle[0]), float(middle[1]), thick * (share - 0.96)), (0, 0, turn))
        )
    return Model([Part(roll, d.paint(), 0.3), Part(join(*seams), d.paint(0.72))], geoms, d.mass)


def _hoop(centre: np.ndarray, radius: float, along: np.ndarray) -> np.ndarray:
    """The upper half of a circle around a path, tilted a little so that a tube can follow it."""
    side = np.array([-along[1], along[0], 0]) / np.linalg.norm(along)
    t = np.linspace(0.15, np.pi - 0.15, 9)
    points = centre + radius * (np.cos(t)[:, None] * side + np.sin(t)[:, None] * np.array([0.0, 0.0, 1.0]))
    return points + 0.0015 * t[:, None] * along / np.linalg.norm(along)


def _torus(
    major: float, minor: float, flat: float, start: float = 0.0, stop: float = 2 * np.pi, sides: int = 10
) -> Mesh:
    """A ring about z whose section runs from angle `start` to `stop` (0 = outward, pi/2 = up)."""
    t = np.linspace(start, stop, sides)
    profile = [(major + minor * np.cos(a), flat * minor * np.sin(a)) for a in t]
    return band(profile, 18)


def donut(d: Draft) -> Model:
    minor = d.a * 0.38
    flat = d.c / minor
    dough = _torus(d.a - minor, minor, flat)
    icing = _torus(d.a - minor, minor * 1.04, flat, 0.25, np.pi - 0.25, 8)
    sprinkles = [
        cylinder(0.0008, 0.005, 5)
        .turned("y", 90)
        .turned("z", 70.0 * k)
        .moved((d.a - minor) * np.cos(k * 0.9), (d.a - minor) * np.sin(k * 0.9), d.c * 1.03)
        for k in range(7)
    ]
    parts = [Part(dough, rgba("#cf9a56"), 0.1), Part(icing, d.paint(), 0.5), Part(join(*sprinkles), CREAM)]
    return Model(parts, [Geom("cylinder", (d.a, d.c))], d.mass)


def cake(d: Draft) -> Model:
    base = cylinder(d.a * 0.97, d.c * 1.5, 22).moved(z=-d.c * 0.25)
    icing = lathe(
        [(0.99, 0.1), (1, 0.45), (0.97, 0.58), (0.85, 0.62), (0, 0.62)], 22, lambda a: 1 - 0.03 * np.cos(8 * a)
    )
    layer = cylinder(d.a * 0.985, d.c * 0.14, 22).moved(z=-d.c * 0.35)
    dots = [
        ball(8, 5).scaled(0.005, 0.005, 0.006).moved(d.a * 0.72 * np.cos(t), d.a * 0.72 * np.sin(t), d.c * 0.68)
        for t in np.arange(6) * np.pi / 3
    ]
    cherry = ball(10, 7).scaled(0.008).moved(z=d.c * 0.72)
    parts = [
        Part(base, rgba("#d8ab6a")),
        Part(layer, d.paint(0.9)),
        Part(icing.scaled(d.a, d.b, d.c), d.paint(), 0.3),
        Part(join(*dots), CREAM),
        Part(cherry, rgba("#b01f2b"), 0.7),
    ]
    return Model(parts, [Geom("cylinder", (d.a, d.c * 0.83), (0, 0, -d.c * 0.17))], d.mass)


def cupcake(d: Draft) -> Model:
    paper = lathe([(0.68, -1), (0.88, -0.05)], 28, lambda a: 1 - 0.06 * (np.arange(len(a)) % 2)).scaled(d.a, d.b, d.c)
    swirl = [(0.86, -0.05), (1, 0.08), (0.95, 0.24), (0.78, 0.3), (0.8, 0.42), (0.72, 0.56), (0.54, 0.62)]
    swirl += [(0.54, 0.72), (0.42, 0.86), (0.2, 0.98), (0, 1)]
    top = lathe(swirl, 18, lambda a: 1 - 0.05 * np.cos(6 * a)).scaled(d.a, d.b, d.c)
    cherry = ball(10, 7).scaled(d.a * 0.2).moved(z=d.c * 1.06)
    wrap = rgba("#c8a06a" if d.family == 0 else "#7a5a9a")
    geoms = [
        Geom("cylinder", (d.a * 0.8, d.c * 0.5), (0, 0, -d.c * 0.5)),
        Geom("ellipsoid", (d.a, d.b, d.c * 0.62), (0, 0, d.c * 0.38)),
    ]
    return Model([Part(paper, wrap), Part(top, d.paint(), 0.3), Part(cherry, rgba("#b8202c"), 0.7)], geoms, d.mass)


def hot_dog(d: Draft) -> Model:
    half = ball(14, 9).scaled(d.a * 0.94, d.b * 0.62, d.c * 0.95)
    buns = join(half.moved(0, d.b * 0.38, -d.c * 0.05), half.moved(0, -d.b * 0.38, -d.c * 0.05))
    x = np.linspace(-1, 1, 9)
    meat = tube(
        np.stack([x * d.a * 0.95, 0 * x, 0 * x + d.c * 0.42], -1),
        d.b * 0.4 * np.array([0.5, 0.95, 1, 1, 1, 1, 1, 0.95, 0.5]),
        10,
    )
    x = np.linspace(-0.8, 0.8, 17)
    mustard = tube(
        np.stack([x * d.a, d.b * 0.2 * np.sin(np.arange(17) * 1.55), 0 * x + d.c * 0.42 + d.b * 0.4], -1), 0.0016, 5
    )
    parts = [Part(buns, d.paint(), 0.1), Part(meat, rgba("#a8442c"), 0.5), Part(mustard, rgba("#ecc227"), 0.4)]
    return Model(parts, [Geom("ellipsoid", (d.a, d.b, d.c))], d.mass)


def steak(d: Draft) -> Model:
    t = np.arange(20) * (2 * np.pi / 20)
    r = 1 - 0.1 * np.cos(2 * t + 0.6) - 0.07 * np.sin(3 * t)
    edge = [(float(x), float(y)) for x, y in np.stack([d.a * r * np.cos(t), d.b * r * np.sin(t)], -1)]
    inner = [(x * 0.94, y * 0.9) for x, y in edge]
    meat = loft([(inner, -d.c), (edge, -d.c * 0.5), (edge, d.c * 0.5), (inner, d.c)])
    rim = tube(
        np.array([(x, y, 0.0) for x, y in edge[3:17]]) * [0.99, 0.97, 1] + [0, 0, d.c * 0.45], d.c * 0.42, 8, 1.4
    )
    veins = [((-0.6, 0.1), (-0.2, 0.32), (0.2, 0.2)), ((-0.3, -0.4), (0.1, -0.15), (0.55, -0.25))]
    fat = join(rim, *(tube(np.array([(x * d.a, y * d.b, d.c) for x, y in v]), 0.002, 6, 0.5) for v in veins))
    parts = [Part(meat, d.paint(), 0.2), Part(fat, rgba("#eedccb"))]
    geoms = [Geom("ellipsoid", (d.a, d.b, d.c * 1.15)), Geom("box", (d.a * 0.62, d.b * 0.62, d.c))]
    return Model(parts, geoms, d.mass)


def fish(d: Draft) -> Model:
    profile = [(0.05, -0.82), (0.22, -0.66), (0.55, -0.3), (0.92, 0.1), (1, 0.35), (0.85, 0.65), (0.45, 0.92), (0, 1)]
    body = lathe(profile, 16).along_x().scaled(d.a, d.b, d.c)
    flat = [(-0.7, 0), (-1.0, -0.75), (-0.9, 0), (-1.0, 0.75)]
    tail = prism([(d.a * x, d.b * y) for x, y in flat], d.c * 0.25)
    fins = prism(
        [(d.a * x, d.b * y) for x, y in ((0.35, 0.8), (0.05, 1.05), (-0.25, 1.0), (-0.15, 0.5), (0.2, 0.6))], d.c * 0.2
    )
    eyes = join(*(ball(8, 6).scaled(0.004).moved(d.a * 0.7, d.b * 0.28, s * d.c * 0.72) for s in (1, -1)))
    parts = [Part(body, d.paint(), 0.7), Part(join(tail, fins), d.paint(0.75)), Part(eyes, rgba("#101014"), 0.8)]
    return Model(
        parts,
        [Geom("ellipsoid", (d.a, d.b, d.c)), Geom("box", (d.a * 0.14, d.b * 0.6, d.c * 0.15), (-d.a * 0.86, 0, 0))],
        d.mass,
    )
