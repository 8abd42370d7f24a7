"""Recipes for the things that are neither food nor vessels: toys, boxes, bags, books, candles."""

from __future__ import annotations

import numpy as np

from envs.robocasa.assets.context import Draft
from envs.robocasa.assets.mesh import ball, box, cylinder, join, lathe, loft, rounded_rectangle, tile, tube
from envs.robocasa.assets.model import Geom, Model, Part, rgba

STICKERS = ("#c41e3a", "#009b48", "#0051ba", "#ffd500", "#ff5800", "#ffffff")
PASTELS = ("#e86a92", "#5ac8a8", "#6a8ae8", "#f4d86a", "#f49a5a", "#9a9aa4")


def rubix_cube(d: Draft) -> Model:
    body = box(2 * d.a, 2 * d.a, 2 * d.a, d.a * 0.06)
    by_colour: dict[str, list] = {}
    turns = [("x", 0), ("x", 90), ("x", 180), ("x", 270), ("y", 90), ("y", 270)]
    shades = STICKERS if d.family == 0 else PASTELS
    for face, (axis, angle) in enumerate(turns):
        mixed = d.roll.uniform(size=9) < 0.55
        for k in range(9):
            shade = shades[int(d.roll.integers(6))] if mixed[k] else shades[face]
            sticker = (
                tile(d.a * 0.56, d.a * 0.56)
                .moved((k % 3 - 1) * d.a * 0.65, (k // 3 - 1) * d.a * 0.65, d.a * 1.006)
                .turned(axis, angle)
            )
            by_colour.setdefault(shade, []).append(sticker)
    parts = [Part(body, d.paint(), 0.5), *(Part(join(*tiles), rgba(c), 0.5) for c, tiles in sorted(by_colour.items()))]
    return Model(parts, [Geom("box", (d.a, d.a, d.a))], d.mass)


def cereal(d: Draft) -> Model:
    carton = box(2 * d.a, 2 * d.b, 2 * d.c, 0.0015)
    front = box(d.a * 1.5, 2 * d.b * 1.01, d.c * 0.55).moved(z=d.c * 0.55)
    bowl = lathe([(0.4, -0.5), (0.9, 0.1), (1, 0.4), (0, 0.4)], 16).scaled(d.a * 0.62, d.b * 0.2, d.a * 0.62)
    bowls = join(bowl.moved(0, -d.b, -d.c * 0.35), bowl.moved(0, d.b, -d.c * 0.35))
    loops = [
        ball(7, 5).scaled(d.a * 0.11, 0.003, d.a * 0.11).moved(x * d.a * 0.5, s * d.b, z * d.c * 0.16 - d.c * 0.08)
        for s in (-1, 1)
        for x, z in ((-0.7, 0.0), (-0.1, 0.5), (0.5, 0.1), (0.9, 0.8), (-0.5, 1.0))
    ]
    seam = box(2 * d.a * 1.01, 0.003, 0.001).moved(z=d.c)
    parts = [
        Part(carton, d.paint(), 0.3),
        Part(front, rgba("#fbf3dc"), 0.3),
        Part(bowls, d.paint(0.65)),
        Part(join(*loops), rgba("#e0a040")),
        Part(seam, d.paint(0.6)),
    ]
    return Model(parts, [Geom("box", (d.a, d.b, d.c))], d.mass)


def chips(d: Draft) -> Model:
    """A stuffed bag: flat seams at top and bottom, round in the middle."""
    heights = (-1, -0.92, -0.7, -0.3, 0.3, 0.7, 0.92, 1)
    widths = (0.96, 0.95, 1, 1, 1, 1, 0.95, 0.96)
    depths = (0.05, 0.12, 0.7, 0.98, 0.98, 0.7, 0.12, 0.05)
    rows = [
        (rounded_rectangle(2 * d.a * w, 2 * d.b * t, d.b * t * 0.9, 4), d.c * z)
        for w, t, z in zip(widths, depths, heights, strict=True)
    ]
    badge = cylinder(1, 2, 20).turned("x", 90).scaled(d.a * 0.7, d.b, d.c * 0.3).moved(z=d.c * 0.18)
    chip = (
        cylinder(1, 2, 16).turned("x", 90).scaled(d.a * 0.4, d.b * 1.02, d.c * 0.2).turned("y", 20).moved(z=-d.c * 0.12)
    )
    seams = join(*(box(2 * d.a * 0.96, d.b * 0.12, d.c * 0.07).moved(z=s * d.c * 0.965) for s in (1, -1)))
    parts = [
        Part(loft(rows), d.paint(), 0.8),
        Part(badge, rgba("#f6eed2"), 0.6),
        Part(chip, rgba("#dca840")),
        Part(seams, d.paint(0.7), 0.8),
    ]
    return Model(parts, [Geom("box", (d.a * 0.9, d.b * 0.85, d.c))], d.mass)


def book(d: Draft) -> Model:
    cover = 0.0035
    boards = join(*(box(2 * d.a, 2 * d.b, cover).moved(z=s * (d.c - cover / 2)) for s in (1, -1)))
    spine = box(cover, 2 * d.b, 2 * d.c).moved(-d.a + cover / 2)
    pages = box(2 * d.a - 0.008, 2 * d.b - 0.008, 2 * d.c - 2 * cover)
    title = box(d.a * 1.1, d.b * 0.4, 0.0008).moved(0, d.b * 0.45, d.c + 0.0002)
    rule = box(d.a * 1.1, d.b * 0.05, 0.0008).moved(0, -d.b * 0.4, d.c + 0.0002)
    gold = rgba("#d8b85a" if d.family == 0 else "#f0e8d8")
    parts = [Part(join(boards, spine), d.paint(), 0.3), Part(pages, rgba("#f2ecdc")), Part(join(title, rule), gold)]
    return Model(parts, [Geom("box", (d.a, d.b, d.c))], d.mass)


def candle(d: Draft) -> Model:
    wick = tube(np.array([[0, 0, d.c * 0.86], [0.0008, 0, d.c * 0.98], [0.002, 0, d.c * 1.06]]), 0.0012, 6)
    flame = (
        lathe([(0, -0.3), (0.7, 0), (1, 0.35), (0.6, 1), (0, 2)], 10)
        .scaled(0.0045, 0.0045, 0.008)
        .moved(0.002, 0, d.c * 1.1)
    )
    if d.family == 0:
        jar = lathe([(0.9, -1), (1, -0.94), (1, 1), (0.95, 1), (0.95, -0.9), (0, -0.9)], 20).scaled(d.a, d.b, d.c)
        wax = cylinder(d.a * 0.94, d.c * 1.7, 20).moved(z=-d.c * 0.06)
        parts = [Part(wax, d.paint()), Part(jar, rgba("#dfe8ea", 1.0, 0.35), 0.9)]
    else:
        wax = lathe([(0.98, -0.96), (1, 0.8), (0.94, 0.92), (0.6, 0.84), (0, 0.84)], 20).scaled(d.a, d.b, d.c)
        dish = lathe([(1.0, -1), (1.0, -0.94), (0.9, -0.9)], 20).scaled(d.a * 1.15, d.b * 1.15, d.c)
        parts = [Part(wax, d.paint(), 0.3), Part(dish, rgba("#b0884a"), 0.6)]
    parts += [Part(wick, rgba("#241c18")), Part(flame, rgba("#f8c04a"))]
    return Model(parts, [Geom("cylinder", (d.a, d.c))], d.mass)
