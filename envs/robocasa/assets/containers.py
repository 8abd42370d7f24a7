"""Recipes for the tasks' containers: `Draft` and outline -> `Model`.

Walls are boxes that begin 2 mm above the foot of the base plate, so that only the plate touches the table: flush walls
would add dozens of contacts to every step of the simulation.
"""

from __future__ import annotations

import numpy as np

from envs.robocasa.assets.context import Draft
from envs.robocasa.assets.mesh import Mesh, arc, box, cylinder, join, lathe, loft, prism, rounded_rectangle, tube
from envs.robocasa.assets.model import Geom, Model, Part, Region, rgba

LIFT = 0.002
Outline = list[tuple[float, float]]


def ring_walls(foot: float, rim: float, height: float, thick: float, sides: int = 8) -> list[Geom]:
    """Boxes around a round vessel, from radius `foot` at z = 0 out to `rim` at `height`."""
    lean = np.arctan2(rim - foot, height - LIFT)
    length, middle = np.hypot(rim - foot, height - LIFT), (foot + rim) / 2 - thick / 2
    half = (thick / 2, float(rim * np.tan(np.pi / sides)), float(length / 2))
    out = []
    for t in (np.arange(sides) + 0.5) * 2 * np.pi / sides:
        pos = (float(middle * np.cos(t)), float(middle * np.sin(t)), float((height + LIFT + thick * np.sin(lean)) / 2))
        out.append(_leaning(half, pos, float(np.rad2deg(t)), float(np.rad2deg(lean))))
    return out


def _leaning(half: tuple[float, float, float], pos: tuple[float, float, float], turn: float, lean: float) -> Geom:
    """A box turned about z, then leaned outwards (about its own y axis)."""
    c, s = np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn))
    cl, sl = np.cos(np.deg2rad(lean)), np.sin(np.deg2rad(lean))
    matrix = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ np.array([[cl, 0, sl], [0, 1, 0], [-sl, 0, cl]])
    y = np.arcsin(np.clip(matrix[0, 2], -1, 1))
    x = np.arctan2(-matrix[1, 2], matrix[2, 2])
    z = np.arctan2(-matrix[0, 1], matrix[0, 0])
    return Geom("box", half, pos, (float(np.rad2deg(x)), float(np.rad2deg(y)), float(np.rad2deg(z))))


def tub_walls(x: float, y: float, height: float, thick: float, base: float = 0.0) -> list[Geom]:
    """Four upright walls of a rectangular tub (outer half lengths x and y), standing from `base` to `base + height`."""
    mid, half = base + (height + LIFT) / 2, (height - LIFT) / 2
    sides = [Geom("box", (thick / 2, y, half), (s * (x - thick / 2), 0, mid)) for s in (1, -1)] + [
        Geom("box", (x - thick, thick / 2, half), (0, s * (y - thick / 2), mid)) for s in (1, -1)
    ]
    return sides


def plate_base(x: float, y: float, thick: float, z: float = 0.0) -> Geom:
    """A flat floor with half lengths x and y whose underside is at z."""
    return Geom("box", (x, y, thick / 2), (0, 0, z + thick / 2))


def bowl(d: Draft, outline: str) -> Model:
    r, h = d.a, 2 * d.c
    foot = 0.5 * r
    if outline == "flared":
        outer = [(0.46, 0), (0.5, 0.04), (0.58, 0.25), (0.7, 0.6), (1, 1)]
        inner = [(0.96, 1.0), (0.66, 0.62), (0.5, 0.25), (0.3, 0.12), (0, 0.1)]
    else:
        outer = [(0.46, 0), (0.5, 0.03), (0.72, 0.2), (0.92, 0.55), (1, 1)]
        inner = [(0.96, 1.0), (0.87, 0.57), (0.66, 0.25), (0.4, 0.12), (0, 0.1)]
    shell = lathe([*outer, *inner], 22).scaled(r, r, h)
    rim = tube(arc(r * 0.985, 0, 360, 25), 0.0026, 6).moved(z=h - 0.001)
    walls = ring_walls(foot, r, h, 0.006)
    return Model(
        [Part(shell, d.paint(), 0.6), Part(rim, d.paint(0.75), 0.6)],
        [plate_base(0.36 * r, 0.36 * r, 0.008), *walls],
        d.mass,
    )


def plate(d: Draft, outline: str) -> Model:
    r, h = d.a, 2 * d.c
    if outline == "square":
        rows = [(0.66, 0.0), (0.7, 0.12), (1.0, 0.94), (1.0, 1.0), (0.7, 0.42), (0.6, 0.34)]
        dish = loft([(rounded_rectangle(2 * r * f, 2 * r * f, 0.25 * r * f, 4), h * z) for f, z in rows])
        well = loft([(rounded_rectangle(1.2 * r, 1.2 * r, 0.15 * r, 4), h * z) for z in (0.345, 0.36)])
        tilt = float(np.rad2deg(np.arctan2(0.6 * h, 0.3 * r)))
        walls = [
            _leaning(
                (0.0025, 0.9 * r, 0.17 * r),
                (float(0.83 * r * np.cos(t)), float(0.83 * r * np.sin(t)), 0.62 * h),
                float(np.rad2deg(t)),
                90 - tilt,
            )
            for t in np.arange(4) * np.pi / 2
        ]
    else:
        dish = lathe([(0.64, 0), (0.68, 0.12), (1, 0.94), (1, 1), (0.68, 0.42), (0.6, 0.34), (0, 0.34)], 28).scaled(
            r, r, h
        )
        well = lathe([(0.62, 0.345), (0.66, 0.4), (0.6, 0.37), (0, 0.37)], 28).scaled(r, r, h)
        walls = [
            _leaning(
                (0.0025, 0.3 * r, 0.17 * r),
                (float(0.82 * r * np.cos(t)), float(0.82 * r * np.sin(t)), 0.62 * h),
                float(np.rad2deg(t)),
                90 - float(np.rad2deg(np.arctan2(0.6 * h, 0.3 * r))),
            )
            for t in (np.arange(8) + 0.5) * np.pi / 4
        ]
    parts = [Part(dish, d.paint(), 0.6), Part(well, d.paint(0.9 if d.family == 0 else 1.25), 0.6)]
    return Model(parts, [plate_base(0.6 * r, 0.6 * r, 0.36 * h), *walls], d.mass)


def pot(d: Draft, outline: str) -> Model:
    r, h = d.a, 2 * d.c
    if outline == "belly":
        outer, inner = (
            [(0.74, 0), (0.92, 0.15), (1, 0.5), (0.96, 1)],
            [(0.92, 1.0), (0.95, 0.5), (0.86, 0.15), (0, 0.08)],
        )
    else:
        outer, inner = (
            [(0.94, 0), (0.97, 0.03), (0.97, 0.95), (1, 1)],
            [(0.94, 1.0), (0.93, 0.06), (0.85, 0.05), (0, 0.05)],
        )
    shell = lathe([*outer, *inner], 24).scaled(r, r, h)
    ears = [
        tube(arc(0.022, -90, 90, 9) * [1, 1.3, 1] + [r * 0.95, 0, 0], 0.005, 7).turned("z", a).moved(z=h * 0.8)
        for a in (0, 180)
    ]
    lining = cylinder(r * 0.85, 0.001, 24).moved(z=h * 0.085)
    parts = [Part(shell, d.paint(), 0.9), Part(join(*ears), rgba("#26282c"), 0.4), Part(lining, d.paint(0.8), 0.5)]
    grips = [Geom("box", (0.012, 0.026, 0.005), (s * (r + 0.012), 0, h * 0.8)) for s in (1, -1)]
    return Model(parts, [plate_base(0.64 * r, 0.64 * r, 0.006), *ring_walls(0.97 * r, r, h, 0.006), *grips], d.mass)


def pan(d: Draft, outline: str) -> Model:
    r, h = d.a, 2 * d.c
    if outline == "square":
        rows = [(0.84, 0.0), (0.9, 0.1), (1, 1), (0.95, 1.0), (0.86, 0.2), (0.8, 0.12)]
        shell = loft([(rounded_rectangle(2 * r * f, 2 * r * f, 0.3 * r, 5), h * z) for f, z in rows])
        walls = tub_walls(r, r, h, 0.006)
    else:
        shell = lathe([(0.76, 0), (0.8, 0.04), (1, 1), (0.96, 1), (0.78, 0.14), (0.7, 0.12), (0, 0.12)], 26).scaled(
            r, r, h
        )
        walls = ring_walls(0.8 * r, r, h, 0.006)
    reach = 0.085
    handle = tube(
        np.array([[r * 0.96, 0, h * 0.8], [r + 0.02, 0, h * 0.9], [r + reach * 0.6, 0, h * 1.0], [r + reach, 0, h]]),
        [0.006, 0.007, 0.009, 0.008],
        9,
        0.6,
    )
    grip = Geom("box", (reach / 2, 0.009, 0.005), (r + reach / 2, 0, h * 0.93))
    parts = [Part(shell, d.paint(), 0.5), Part(handle, rgba("#1e1c1a") if d.family == 0 else rgba("#8a5f38"), 0.4)]
    return Model(
        parts,
        [
            plate_base(
                0.56 * r if outline != "square" else 0.84 * r, 0.56 * r if outline != "square" else 0.84 * r, 0.005
            ),
            *walls,
            grip,
        ],
        d.mass,
    )


def _loop(outline: Outline, z: float, radius: float) -> Mesh:
    """A rod along a closed outline at height z."""
    points = np.array([(*p, z) for p in [*outline, outline[0], outline[1]]], dtype=float)
    keep = np.concatenate([[True], np.linalg.norm(np.diff(points, axis=0), axis=1) > 1e-6])
    return tube(points[keep], radius, 4)


def _woven(x: float, y: float, h: float, round_corner: float, base: float = 0.0) -> tuple[Mesh, Mesh]:
    """A basket of rods: (weave, ribs), outer half lengths x and y."""
    rows = [0.15, 0.4, 0.65, 0.92]
    weave = [
        _loop(
            rounded_rectangle(
                2 * x * (0.88 + 0.12 * f), 2 * y * (0.88 + 0.12 * f), round_corner, 6 if round_corner > 0.05 else 3
            ),
            base + h * f,
            h * 0.1,
        )
        for f in rows
    ]
    floor = prism(rounded_rectangle(2 * x * 0.88, 2 * y * 0.88, round_corner * 0.88, 6), 0.005).moved(z=base + 0.0045)
    low, high = (rounded_rectangle(2 * x * f, 2 * y * f, round_corner, 4) for f in (0.88, 1.0))
    ribs = [
        tube(
            np.array(
                [[*a, base + 0.003], [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2 + 1e-5, base + h / 2], [*b, base + h * 0.97]]
            ),
            0.004,
            5,
        )
        for a, b in zip(_spread(low, 14), _spread(high, 14), strict=True)
    ]
    return join(*weave, floor), join(*ribs)


def _spread(outline: Outline, count: int) -> np.ndarray:
    """Points (count, 2) at equal distances along a closed outline."""
    points = np.array([*outline, outline[0]])
    walked = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    at = np.arange(count) * walked[-1] / count
    return np.stack([np.interp(at, walked, points[:, i]) for i in (0, 1)], -1)


def basket(d: Draft, outline: str) -> Model:
    h = 2 * d.c
    corner = min(d.a, d.b) if outline == "round" else 0.03
    weave, ribs = _woven(d.a, d.b, h, corner)
    if outline == "round":
        r = (d.a + d.b) / 2
        walls = ring_walls(0.9 * r, r, h, 0.008)
        floor = plate_base(0.62 * d.a, 0.62 * d.b, 0.007)
    else:
        walls, floor = tub_walls(d.a, d.b, h, 0.009), plate_base(0.9 * d.a, 0.9 * d.b, 0.007)
    return Model([Part(weave, d.paint(), 0.05), Part(ribs, d.paint(0.8), 0.05)], [floor, *walls], d.mass)


def cardboard_box(d: Draft, outline: str) -> Model:
    h, t = 2 * d.c, 0.004
    outer, inner = (
        rounded_rectangle(2 * d.a, 2 * d.b, 0.002, 2),
        rounded_rectangle(2 * d.a - 2 * t, 2 * d.b - 2 * t, 0.002, 2),
    )
    shell = loft([(outer, 0), (outer, h), (inner, h), (inner, t)])
    flap = 0.45 * h
    flaps = join(
        *(
            box(0.003, 2 * d.b * 0.97, flap).turned("y", -s * 9).moved(s * (d.a + 0.006), 0, h - flap / 2)
            for s in (1, -1)
        ),
        *(
            box(2 * d.a * 0.97, 0.003, flap).turned("x", s * 9).moved(0, s * (d.b + 0.006), h - flap / 2)
            for s in (1, -1)
        ),
    )
    floor_tape = box(2 * d.a * 0.97, 0.03, 0.0008).moved(z=t + 0.0006)
    parts = [Part(shell, d.paint(), 0.05), Part(flaps, d.paint(1.12), 0.05), Part(floor_tape, d.paint(0.8), 0.3)]
    if outline == "printed":
        band = join(*(box(d.a * 1.1, 0.0008, h * 0.26).moved(0, s * (d.b + 0.0004), h * 0.3) for s in (1, -1)))
        parts.append(Part(band, rgba("#2f6a4a"), 0.1))
    return Model(parts, [plate_base(d.a, d.b, t), *tub_walls(d.a, d.b, h, t)], d.mass)


def tray(d: Draft, outline: str) -> Model:
    h, t = 2 * d.c, 0.007
    corner = 0.045 if outline == "rounded" else 0.012
    rows = [(0.97, 0.0), (1.0, 0.3), (1.0, 1.0), (0.955, 1.0), (0.945, 0.34)]
    shell = loft(
        [(rounded_rectangle(2 * d.a * f, 2 * d.b * (f if f > 0.99 else f - 0.01), corner, 4), h * z) for f, z in rows]
    )
    bed = loft([(rounded_rectangle(2 * d.a * 0.94, 2 * d.b * 0.93, corner, 4), h * z) for z in (0.3, 0.36)])
    grips = join(
        *(
            tube(arc(0.03, -90, 90, 9) * [0.45, 1.1, 1], 0.004, 7).turned("z", a).moved(x=s * d.a * 0.98, z=h)
            for s, a in ((1, 0), (-1, 180))
        )
    )
    metal = rgba("#8a8e94") if d.family == 0 else d.paint(0.7)
    parts = [Part(shell, d.paint(0.85), 0.3), Part(bed, d.paint(1.1), 0.2), Part(grips, metal, 0.7)]
    return Model(parts, [plate_base(d.a * 0.97, d.b * 0.97, 0.36 * h), *tub_walls(d.a, d.b, h, t)], d.mass)


def cutting_board(d: Draft, outline: str) -> Model:
    h = 2 * d.c
    board = box(2 * d.a, 2 * d.b, h, 0.006).moved(z=h / 2)
    parts = [Part(board, d.paint(), 0.1)]
    if outline == "handle":
        planks = [box(2 * d.a * 0.98, d.b * 0.3, 0.0006).moved(0, y * d.b, h + 0.0001) for y in (-0.66, 0.0, 0.66)]
        hole = cylinder(0.012, 0.001, 14).moved(d.a * 0.86, 0, h + 0.0002)
        parts += [Part(join(*planks), d.paint(0.88), 0.1), Part(hole, d.paint(0.4))]
    else:
        groove = _loop(rounded_rectangle(2 * d.a * 0.88, 2 * d.b * 0.84, 0.02, 4), h - 0.001, 0.003)
        parts += [Part(groove, d.paint(0.7), 0.1)]
    return Model(parts, [Geom("box", (d.a, d.b, d.c), (0, 0, d.c))], d.mass)


def placemat(d: Draft, outline: str) -> Model:
    h = 2 * d.c
    parts = [Part(box(2 * d.a, 2 * d.b, h, 0.002).moved(z=h / 2), d.paint(), 0.05)]
    if outline == "stripes":
        bars = [
            box(2 * d.a * 0.03, 2 * d.b * 0.99, 0.0008).moved(x * d.a, 0, h + 0.0002)
            for x in np.linspace(-0.92, 0.92, 13)
        ]
        parts.append(Part(join(*bars), d.paint(0.78), 0.05))
    else:
        frame = [box(2 * d.a * 0.92, 0.006, 0.0008).moved(0, s * d.b * 0.86, h) for s in (1, -1)]
        frame += [box(0.006, 2 * d.b * 0.86, 0.0008).moved(s * d.a * 0.91, 0, h) for s in (1, -1)]
        middle = box(2 * d.a * 0.72, 2 * d.b * 0.64, 0.0006).moved(z=h)
        parts += [Part(join(*frame), rgba("#e8dcc0"), 0.05), Part(middle, d.paint(1.18), 0.05)]
    return Model(parts, [Geom("box", (d.a, d.b, d.c), (0, 0, d.c))], d.mass)


def _posts(x: float, y: float, h: float, radius: float) -> tuple[Mesh, list[Geom]]:
    """Four upright posts at the corners, from 2 mm above the table."""
    at = [(sx * x, sy * y) for sx in (1, -1) for sy in (1, -1)]
    mesh = join(*(cylinder(radius, h, 8).moved(px, py, h / 2) for px, py in at))
    return mesh, [Geom("cylinder", (radius, (h - LIFT) / 2), (px, py, (h + LIFT) / 2)) for px, py in at]


def tiered_basket(d: Draft, outline: str) -> Model:
    """Two open baskets, the upper one set back and smaller, on four posts."""
    wall, level = 0.034, 2 * d.c - 0.034
    up_x, up_y, shift = 0.88 * d.a, 0.86 * d.b, 0.0
    lower, upper = _level(d.a, d.b, wall, 0.0, outline), _level(up_x, up_y, wall, level, outline)
    posts, post_geoms = _posts(up_x - 0.006, up_y - 0.006, level + wall * 0.9, 0.004)
    shell = join(lower[0], upper[0].moved(y=shift))
    ribs = join(lower[1], upper[1].moved(y=shift), posts)
    parts = [Part(shell, d.paint(), 0.4), Part(ribs, d.paint(0.75), 0.4)]
    geoms = [plate_base(d.a, d.b, 0.006), *tub_walls(d.a, d.b, wall, 0.006), *post_geoms]
    geoms += [plate_base(up_x, up_y, 0.006, level), *tub_walls(up_x, up_y, wall, 0.006, level)]
    regions = [_room(d.a, d.b, 0.006, level - 0.006), _room(up_x, up_y, level + 0.006, level + 0.1)]
    return Model(parts, geoms, d.mass, regions)


def _level(x: float, y: float, wall: float, base: float, outline: str) -> tuple[Mesh, Mesh]:
    if outline == "woven":
        return _woven(x, y, wall, 0.02, base)
    rods = [_loop(rounded_rectangle(2 * x, 2 * y, 0.014, 4), base + z, 0.003) for z in (0.004, wall * 0.5, wall)]
    grid = [box(2 * x, 0.003, 0.003).moved(0, f * y, base + 0.004) for f in np.linspace(-0.8, 0.8, 7)]
    uprights = [
        cylinder(0.0018, wall, 4).moved(px, py, base + wall / 2)
        for px, py in _spread(rounded_rectangle(2 * x, 2 * y, 0.014, 4), 16)
    ]
    floor = box(2 * x * 0.98, 2 * y * 0.98, 0.002).moved(z=base + 0.003)
    return join(*rods, *grid), join(*uprights, floor)


def _room(x: float, y: float, low: float, high: float) -> Region:
    """The room of a level: where things are placed and where the tasks look for them."""
    return Region((x - 0.008, y - 0.008, (high - low) / 2), (0.0, 0.0, (low + high) / 2))


def tiered_shelf(d: Draft, outline: str) -> Model:
    """Two boards with a low rim on four posts; nothing above the upper one."""
    rim, thick = 0.010, 0.008
    level = 2 * d.c - rim - thick
    boards, lips = [], []
    for base in (0.0, level):
        boards.append(box(2 * d.a, 2 * d.b, thick, 0.002).moved(z=base + thick / 2))
        outer, inner = (
            rounded_rectangle(2 * d.a, 2 * d.b, 0.004),
            rounded_rectangle(2 * d.a - 0.01, 2 * d.b - 0.01, 0.003),
        )
        lips.append(
            loft(
                [
                    (outer, base + thick),
                    (outer, base + thick + rim),
                    (inner, base + thick + rim),
                    (inner, base + thick + 0.0005),
                ]
            )
        )
    posts, post_geoms = _posts(d.a - 0.008, d.b - 0.008, level, 0.006)
    frame = rgba("#3a3430") if outline == "wood" else rgba("#b0b4b8")
    parts = [Part(join(*boards), d.paint(), 0.2), Part(join(*lips), d.paint(0.85), 0.2), Part(posts, frame, 0.6)]
    geoms = [plate_base(d.a, d.b, thick), plate_base(d.a, d.b, thick, level), *post_geoms]
    geoms += tub_walls(d.a, d.b, rim, 0.005, level + thick - LIFT)
    regions = [_room(d.a, d.b, thick, level - 0.004), _room(d.a, d.b, level + thick, level + thick + 0.1)]
    return Model(parts, geoms, d.mass, regions)
