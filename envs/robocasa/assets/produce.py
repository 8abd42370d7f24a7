"""Recipes for fruit and vegetables: one function per shape, `Draft` -> `Model`. Long ones lie along x."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from envs.robocasa.assets.context import Draft
from envs.robocasa.assets.mesh import Mesh, Vec, arc, ball, cylinder, join, lathe, loft, tube
from envs.robocasa.assets.model import Geom, Model, Part, lying_capsule, rgba

STEM = rgba("#5a4326")
LEAF = rgba("#3f7a34")


def _solid(d: Draft, parts: Sequence[Part]) -> Model:
    """A body that collides as one ellipsoid of the draft's size."""
    return Model(parts, [Geom("ellipsoid", (d.a, d.b, d.c))], d.mass)


def _standing(d: Draft, parts: Sequence[Part]) -> Model:
    """A round body with a flat foot, so that a taller than wide one does not roll away."""
    foot = Geom("cylinder", (d.a * 0.45, d.c * 0.2), (0, 0, -d.c * 0.8))
    return Model(parts, [Geom("ellipsoid", (d.a, d.b, d.c * 0.985), (0, 0, d.c * 0.015)), foot], d.mass)


def _lying(profile: Sequence[Vec], d: Draft, sides: int = 16, around=None) -> Mesh:
    """A lathe along +x; profile heights -1..1 span the length, radii 0..1 the width."""
    return lathe(profile, sides, around).along_x().scaled(d.a, d.b, d.c)


def _stem(x: float, y: float, z: float, length: float, radius: float) -> Mesh:
    return cylinder(radius, length, 7, radius * 0.8).moved(x, y, z + length / 2)


def _calyx(radius: float, z: float, points: int = 5, droop: float = 0.3) -> Mesh:
    """A flat star of sepals at height z."""
    star = [
        (radius * (1 if k % 2 == 0 else 0.42) * np.cos(t), radius * (1 if k % 2 == 0 else 0.42) * np.sin(t))
        for k, t in enumerate(np.arange(2 * points) * np.pi / points)
    ]
    top = [(x * 0.2, y * 0.2) for x, y in star]
    return loft([(star, z - droop * radius), (star, z - droop * radius + 0.001), (top, z + 0.001)])


def apple(d: Draft) -> Model:
    profile = [(0, -0.86), (0.3, -1), (0.68, -0.86), (0.93, -0.4), (1, 0.1), (0.9, 0.6), (0.62, 0.92), (0.3, 0.98)]
    body = lathe([*profile, (0.1, 0.8), (0, 0.72)], 18).scaled(d.a, d.b, d.c)
    leaf = ball(8, 5).scaled(d.a * 0.32, d.a * 0.15, 0.0012).turned("y", -20).moved(d.a * 0.32, 0, d.c * 1.06)
    return _standing(
        d, [Part(body, d.paint(), 0.5), Part(_stem(0, 0, d.c * 0.72, d.c * 0.5, 0.0016), STEM), Part(leaf, LEAF)]
    )


def orange(d: Draft) -> Model:
    body = ball(18, 11).scaled(d.a, d.b, d.c)
    return _standing(d, [Part(body, d.paint()), Part(_calyx(d.a * 0.22, d.c * 1.01), LEAF)])


def peach(d: Draft) -> Model:
    t = np.linspace(-np.pi / 2, np.pi / 2, 11)
    crease = lathe(
        list(zip(np.cos(t), np.sin(t), strict=True)), 22, lambda a: 1 - 0.13 * np.exp(-(((a - np.pi) / 0.28) ** 2))
    )
    blush = ball(12, 7).scaled(d.a * 0.8, d.b * 0.7, d.c * 0.75).moved(d.a * 0.225, 0, d.c * 0.1)
    leaf = ball(8, 5).scaled(d.a * 0.45, d.a * 0.17, 0.0012).moved(d.a * 0.4, 0, d.c * 1.0)
    parts = [
        Part(crease.scaled(d.a, d.b, d.c), d.paint()),
        Part(blush, d.paint(0.82)),
        Part(_stem(0, 0, d.c * 0.95, d.c * 0.2, 0.0016), STEM),
        Part(leaf, LEAF),
    ]
    return _standing(d, parts)


def lemon(d: Draft) -> Model:
    profile = [(0, -1), (0.14, -0.97), (0.24, -0.84), (0.62, -0.62), (0.93, -0.25), (1, 0.05), (0.9, 0.36)]
    body = _lying([*profile, (0.58, 0.66), (0.22, 0.84), (0.13, 0.96), (0, 1)], d)
    tip = ball(8, 5).scaled(d.a * 0.06, d.b * 0.12, d.c * 0.12).moved(-d.a * 0.97)
    return _solid(d, [Part(body, d.paint(), 0.4), Part(tip, LEAF)])


def tomato(d: Draft) -> Model:
    t = np.linspace(-np.pi / 2, np.pi / 2, 11)
    profile = [(np.cos(x), np.sin(x) - 0.14 * (x > 1.3)) for x in t]
    body = lathe(profile, 25, lambda a: 1 - 0.035 * np.abs(np.cos(2.5 * a))).scaled(d.a, d.b, d.c)
    green = join(_calyx(d.a * 0.62, d.c * 1.0), _stem(0, 0, d.c * 0.9, d.c * 0.3, 0.0022))
    return _standing(d, [Part(body, d.paint(), 0.6), Part(green, LEAF)])


def bell_pepper(d: Draft) -> Model:
    profile = [(0.25, -0.92), (0.55, -1), (0.72, -0.8), (0.84, -0.3), (0.98, 0.3), (1, 0.55), (0.85, 0.85)]
    body = lathe([*profile, (0.55, 0.95), (0.25, 0.8), (0, 0.72)], 24, lambda a: 1 - 0.13 * np.cos(2 * a) ** 2)
    stem = tube(np.array([[0, 0, 0.72], [0.02, 0, 0.95], [0.16, 0, 1.25], [0.24, 0, 1.3]]), [0.16, 0.1, 0.09, 0.11], 8)
    cap = ball(10, 5).scaled(0.34, 0.34, 0.1).moved(z=0.78)
    green = join(stem, cap).scaled(d.a, d.b, d.c)
    return _standing(d, [Part(body.scaled(d.a, d.b, d.c), d.paint(), 0.7), Part(green, LEAF)])


def _two_lobes(d: Draft, parts: Sequence[Part], fat: float, neck: float) -> Model:
    """A fat end at -x and a neck at +x, as two ellipsoids; `fat` is the share of the length, `neck` the width ratio."""
    reach = 1 - fat
    thin = Geom("ellipsoid", (d.a * 0.62, d.b * neck, d.c * neck), (d.a * 0.38, 0, d.c * (neck - 1) * 0.5))
    return Model(parts, [Geom("ellipsoid", (d.a * fat, d.b, d.c), (-d.a * reach, 0, 0)), thin], d.mass)


def pear(d: Draft) -> Model:
    profile = [(0, -0.96), (0.25, -1), (0.66, -0.9), (0.95, -0.55), (1, -0.25), (0.86, 0.1), (0.6, 0.42), (0.45, 0.7)]
    body = _lying([*profile, (0.33, 0.92), (0.12, 1), (0, 0.97)], d)
    stem = cylinder(0.0018, d.a * 0.26, 7).along_x().moved(d.a * 1.1, 0, 0.002)
    return _two_lobes(d, [Part(body, d.paint(), 0.35), Part(stem, STEM)], 0.72, 0.55)


def squash(d: Draft) -> Model:
    profile = [(0, -0.97), (0.35, -1), (0.78, -0.84), (1, -0.48), (0.95, -0.2), (0.7, 0.08), (0.58, 0.35), (0.56, 0.7)]
    ribs = None if d.family == 0 else (lambda a: 1 - 0.09 * np.cos(4 * a) ** 2)
    body = _lying([*profile, (0.48, 0.88), (0.2, 0.95), (0, 0.95)], d, 24, ribs)
    stem = cylinder(d.b * 0.2, d.a * 0.14, 8, d.b * 0.13).along_x().moved(d.a * 0.99)
    return _two_lobes(d, [Part(body, d.paint(), 0.3), Part(stem, rgba("#6a5a34"))], 0.66, 0.62)


def eggplant(d: Draft) -> Model:
    profile = [(0, -1), (0.42, -0.95), (0.8, -0.78), (1, -0.42), (0.97, -0.15), (0.76, 0.25), (0.55, 0.55), (0.42, 0.8)]
    body = _lying([*profile, (0.3, 0.86), (0, 0.86)], d)
    cap = lathe(
        [(0.44, 0.6), (0.53, 0.66), (0.46, 0.82), (0.22, 0.93), (0, 0.95)], 10, lambda a: 1 + 0.16 * np.cos(5 * a)
    )
    stem = tube(np.array([[0.9, 0, 0], [1.02, 0, 0.02], [1.12, 0, 0.18]]), [0.09, 0.07, 0.08], 8)
    green = join(cap.along_x(), stem.scaled(1, 1.6, 1.6)).scaled(d.a, d.b, d.c)
    return _two_lobes(d, [Part(body, d.paint(), 0.8), Part(green, LEAF)], 0.7, 0.6)


def carrot(d: Draft) -> Model:
    profile = [(0, -1), (0.12, -0.97), (0.3, -0.75), (0.5, -0.35), (0.72, 0.1), (0.92, 0.55), (1, 0.75), (0.8, 0.86)]
    rings = [(r * (0.97 if k % 2 else 1.0), z) for k, (r, z) in enumerate(profile)]
    body = _lying([*rings, (0.3, 0.88), (0, 0.86)], d)
    leaves = [
        tube(np.array([[0.84, 0, 0], [1.1, y * 0.5, z * 0.5], [1.34, y, z]]), [0.09, 0.14, 0.02], 6)
        for y, z in ((0, 0.2), (0.5, -0.1), (-0.5, 0.0), (0.25, 0.3))
    ]
    tail = Geom("ellipsoid", (d.a * 0.6, d.b * 0.55, d.c * 0.55), (-d.a * 0.4, 0, -d.c * 0.25))
    head = Geom("ellipsoid", (d.a * 0.6, d.b, d.c), (d.a * 0.4, 0, 0))
    return Model([Part(body, d.paint()), Part(join(*leaves).scaled(d.a, d.b, d.c), LEAF)], [head, tail], d.mass)


def corn(d: Draft) -> Model:
    profile = [(0, -0.98), (0.7, -0.92), (0.92, -0.6), (1, -0.1), (0.95, 0.3), (0.75, 0.68), (0.42, 0.92), (0, 1)]
    z = np.linspace(-0.92, 0.98, 15)
    r = np.interp(z, [p[1] for p in profile], [p[0] for p in profile]) * (1 - 0.045 * (np.arange(15) % 2))
    ear = _lying([(0, -0.95), *zip(r, z, strict=True)], d, 16, lambda a: 1 - 0.05 * (np.round(a / (np.pi / 8)) % 2))
    husk = [
        tube(
            np.array([[-1.12, 0, 0], [-0.7, y, z], [-0.2, y * 1.25, z * 1.25], [0.15, y * 1.1, z * 1.1]]),
            [0.05, 0.3, 0.26, 0.02],
            7,
            0.35,
        )
        for y, z in ((0.62, -0.35), (-0.62, -0.35))
    ]
    stalk = cylinder(d.b * 0.3, d.a * 0.24, 8).along_x().moved(-d.a * 1.05)
    parts = [Part(ear, d.paint(), 0.4), Part(join(join(*husk).scaled(d.a, d.b, d.c), stalk), rgba("#86a84a"))]
    return Model(parts, [Geom("ellipsoid", (d.a, d.b, d.c))], d.mass)


def cucumber(d: Draft) -> Model:
    x = np.linspace(-1, 1, 13)
    path = np.stack([x * (d.a - d.b * 0.35), 0.0 * x, np.zeros(13)], -1)
    r = d.b * np.array([0.35, 0.75, 0.93, 0.98, 1, 1, 1, 1, 1, 0.98, 0.93, 0.75, 0.3])
    body = tube(path, r, 14, d.c / d.b)
    stripes = [
        tube(path[2:-2] + [0, np.cos(t) * d.b * 0.9, np.sin(t) * d.c * 0.9], d.b * 0.12, 4) for t in (0.5, 1.6, 2.7)
    ]
    knob = cylinder(d.b * 0.3, d.a * 0.1, 8).along_x().moved(d.a * 0.93)
    parts = [Part(body, d.paint(), 0.5), Part(join(*stripes), d.paint(1.3)), Part(knob, STEM)]
    return Model(parts, [Geom("ellipsoid", (d.a, d.b, d.c))], d.mass)


def _bumpy(d: Draft, wobble: float, taper: float) -> Mesh:
    """A ball pushed in and out by three slow waves, narrower towards +x by `taper`."""
    phase = d.roll.uniform(0, 2 * np.pi, 3)

    def bend(v: np.ndarray) -> np.ndarray:
        x, y, z = v.T
        bump = 1 + wobble * (np.sin(3 * x + phase[0]) + np.sin(4 * y + phase[1]) + np.sin(3.5 * z + phase[2])) / 2
        width = bump * (1 - taper * np.maximum(x, 0) - taper * 0.5 * np.maximum(-x, 0))
        return np.stack([x, y * width, z * width], -1)

    return ball(16, 11).along_x().warped(bend).scaled(d.a, d.b, d.c)


def potato(d: Draft) -> Model:
    spots = [
        ball(6, 4).scaled(0.0028, 0.0028, 0.0012).moved(d.a * x, d.b * y, d.c * 0.9 * (1 - x * x - y * y) ** 0.5)
        for x, y in d.roll.uniform(-0.55, 0.55, (5, 2))
    ]
    return _solid(d, [Part(_bumpy(d, 0.07, 0.0), d.paint(), 0.05), Part(join(*spots), d.paint(0.62))])


def sweet_potato(d: Draft) -> Model:
    marks = [
        tube(
            np.array([[d.a * x, -d.b * 0.4, d.c * 0.86], [d.a * x, 0, d.c * 0.97], [d.a * x, d.b * 0.4, d.c * 0.86]]),
            0.0011,
            5,
        )
        for x in (-0.35, -0.05, 0.2)
    ]
    return _solid(d, [Part(_bumpy(d, 0.09, 0.35), d.paint(), 0.05), Part(join(*marks), d.paint(0.6))])


def mango(d: Draft) -> Model:
    profile = [(0, -1), (0.45, -0.9), (0.85, -0.55), (1, -0.1), (0.92, 0.3), (0.66, 0.68), (0.3, 0.94), (0, 1)]
    blush = ball(12, 7).scaled(d.a * 0.6, d.b * 0.8, d.c * 0.8).moved(-d.a * 0.25, d.b * 0.12, d.c * 0.19)
    stem = cylinder(0.0022, d.a * 0.14, 7).along_x().moved(d.a * 1.02)
    return _solid(d, [Part(_lying(profile, d), d.paint(), 0.4), Part(blush, d.paint(0.85)), Part(stem, STEM)])


def banana(d: Draft) -> Model:
    depth, thick = 2 * d.b, d.c
    radius = (d.a**2 + (depth - 2 * thick) ** 2) / (2 * (depth - 2 * thick))
    span = np.rad2deg(np.arcsin(min(0.98, (d.a - thick * 0.3) / radius)))
    path = arc(radius, 270 - span, 270 + span, 13)
    path[:, 1] -= path[:, 1].mean()
    r = thick * np.array([0.3, 0.5, 0.8, 0.95, 1, 1, 1, 1, 1, 0.95, 0.78, 0.42, 0.3])
    peel = tube(path, r, 6)
    ends = join(
        tube(path[:2] - (path[1] - path[0]) * 0.5, thick * 0.32, 6),
        tube(path[-2:] + (path[-1] - path[-2]) * 0.5, thick * 0.26, 6),
    )
    geoms = []
    for i, j in ((1, 4), (4, 8), (8, 11)):
        step = path[j] - path[i]
        middle, turn = (path[i] + path[j]) / 2, np.rad2deg(np.arctan2(step[1], step[0]))
        half = float(np.linalg.norm(step)) / 2
        geoms.append(lying_capsule(thick * 0.94, half, (float(middle[0]), float(middle[1]), 0.0), float(turn)))
    return Model([Part(peel, d.paint(), 0.3), Part(ends, rgba("#5a4a20"))], geoms, d.mass)


def garlic(d: Draft) -> Model:
    profile = [(0.2, -0.95), (0.7, -0.9), (1, -0.5), (0.95, -0.1), (0.7, 0.25), (0.32, 0.5), (0.16, 0.75), (0.14, 1.15)]
    bulb = lathe([*profile, (0, 1.15)], 24, lambda a: 1 - 0.13 * np.abs(np.sin(3 * a))).scaled(d.a, d.b, d.c)
    roots = cylinder(d.a * 0.25, d.c * 0.12, 8).moved(z=-d.c * 0.96)
    return _standing(d, [Part(bulb, d.paint()), Part(roots, rgba("#b89a6a"))])


def onion(d: Draft) -> Model:
    profile = [(0, -1), (0.3, -0.97), (0.75, -0.72), (1, -0.15), (0.9, 0.38), (0.5, 0.74), (0.2, 0.9), (0.12, 1.2)]
    body = lathe([*profile, (0, 1.22)], 18).scaled(d.a, d.b, d.c)
    roots = _calyx(d.a * 0.25, -d.c * 0.97, 7, 0.1)
    return _standing(d, [Part(body, d.paint(), 0.5), Part(roots, rgba("#cdbb92"))])


def mushroom(d: Draft) -> Model:
    cap = lathe([(0.4, 0.0), (0.92, -0.08), (1, 0.1), (0.9, 0.5), (0.6, 0.85), (0, 1)], 18).scaled(d.a, d.b, d.c)
    stem = lathe([(0.5, -1), (0.46, -0.6), (0.42, 0.05)], 14).scaled(d.a, d.b, d.c)
    gills = cylinder(d.a * 0.9, 0.001, 18).moved(z=-d.c * 0.08)
    geoms = [
        Geom("cylinder", (d.a * 0.5, d.c * 0.5), (0, 0, -d.c * 0.5)),
        Geom("ellipsoid", (d.a, d.b, d.c * 0.58), (0, 0, d.c * 0.42)),
    ]
    return Model([Part(cap, d.paint()), Part(stem, rgba("#efe6d6")), Part(gills, d.paint(0.6))], geoms, d.mass)


def broccoli(d: Draft) -> Model:
    spots = [(0, 0, 0.62, 0.42), *((0.55 * np.cos(t), 0.55 * np.sin(t), 0.3, 0.42) for t in np.arange(6) * np.pi / 3)]
    spots += [(0.32 * np.cos(t), 0.32 * np.sin(t), 0.55, 0.38) for t in np.arange(3) * 2.1 + 0.5]
    crown = join(*(ball(9, 6).scaled(r, r, r * 0.9).moved(x, y, z) for x, y, z, r in spots)).scaled(d.a, d.b, d.c)
    stalk = lathe([(0.42, -1), (0.36, -0.6), (0.45, -0.1), (0.75, 0.25)], 10).scaled(d.a, d.b, d.c)
    geoms = [
        Geom("cylinder", (d.a * 0.46, d.c * 0.5), (0, 0, -d.c * 0.5)),
        Geom("ellipsoid", (d.a, d.b, d.c * 0.6), (0, 0, d.c * 0.4)),
    ]
    return Model([Part(crown, d.paint(), 0.05), Part(stalk, d.paint(1.7))], geoms, d.mass)
