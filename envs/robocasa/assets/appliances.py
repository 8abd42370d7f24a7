"""Shapes of the microwaves, toasters, plants and towel holders, in the units of the shipped XML (about one long).

Each function takes the body's collision geoms or its outer box and returns coloured parts by role; the roles are the
keys of fixtures.toml and of `SHARED`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from envs.robocasa.assets.mesh import Mesh, box, cylinder, join, lathe, tube

SHARED = {
    "black": "#141518",
    "green": "#3f8f57",
    "red": "#b4453c",
    "key": "#d7d9db",
    "display": "#7fd0a5",
    "tray": "#cfe0e4",
    "soil": "#4a3527",
    "card": "#a88a66",
    "toast": "#c58f4e",
}
Parts = list[tuple[Mesh, str]]


@dataclass(frozen=True)
class Solid:
    """A collision geom of the shipped XML: kind "box" or "cylinder", half sizes, position, name (or "")."""

    kind: str
    size: np.ndarray
    pos: np.ndarray
    name: str

    def mesh(self, bevel: float = 0.0, grow: float = 0.0) -> Mesh:
        """Its shape, `grow` larger on every side."""
        if self.kind == "cylinder":
            return cylinder(self.size[0] + grow, 2 * (self.size[1] + grow), 24).moved(*self.pos)
        x, y, z = 2 * (self.size + grow)
        return box(x, y, z, bevel).moved(*self.pos)

    def front(self) -> float:
        """The y of its face towards the user."""
        return float(self.pos[1] - self.size[1])


ROLES = {"tray": "tray", "start_button": "green", "stop_button": "red", "door_handle": "handle"}


def microwave(solids: list[Solid], inner: np.ndarray) -> Parts:
    """The case: walls, an inner lining (interior corners `inner` (4, 3)), a control panel above its two buttons."""
    named = {s.name: s for s in solids}
    parts: Parts = [
        (s.mesh(0.008 if not s.name else 0.0, 0.004 if s.name else 0.0), ROLES.get(s.name, "shell")) for s in solids
    ]
    parts.append((_lining(inner), "lining"))
    start, stop = named["start_button"], named["stop_button"]
    front = min(start.front(), stop.front())
    x, width = (start.pos[0] + stop.pos[0]) / 2, abs(start.pos[0] - stop.pos[0]) + 0.05
    low, high = start.pos[2] + 0.05, max(s.pos[2] + s.size[-1] for s in solids if s.kind == "box") - 0.05
    height = high - low
    panel = box(width + 0.03, 0.004, height + 0.03).moved(x, front - 0.001, (low + high) / 2)
    screen = box(width, 0.006, height * 0.22).moved(x, front - 0.002, high - height * 0.14)
    keys = [
        box(width * 0.24, 0.008, height * 0.1).moved(
            x + c * width * 0.34, front - 0.002, low + height * (0.1 + 0.16 * r)
        )
        for r in range(4)
        for c in (-1, 0, 1)
    ]
    return [*parts, (panel, "panel"), (screen, "display"), (join(*keys), "key")]


def _lining(inner: np.ndarray) -> Mesh:
    """Five thin sheets just inside the oven's room; the front stays open."""
    p0, px, py, pz = inner
    low, high = p0, np.array([px[0], py[1], pz[2]])
    middle, size = (low + high) / 2, high - low
    sheets = [box(0.004, size[1], size[2]).moved(x, middle[1], middle[2]) for x in (low[0], high[0])]
    sheets += [box(size[0], size[1], 0.002).moved(middle[0], middle[1], z) for z in (low[2] - 0.0015, high[2])]
    return join(*sheets, box(size[0], 0.004, size[2]).moved(middle[0], high[1], middle[2]))


def microwave_door(solids: list[Solid]) -> Parts:
    """A frame with a dark window on both sides, and the bar with its two posts."""
    door = max(solids, key=lambda s: float(np.prod(s.size)))
    window = box(2 * door.size[0] * 0.72, 2 * door.size[1] + 0.006, 2 * door.size[2] * 0.66)
    window = window.moved(door.pos[0] - door.size[0] * 0.08, door.pos[1], door.pos[2])
    rest = [(s.mesh(0.006), "handle") for s in solids if s is not door]
    return [(door.mesh(0.01), "door"), (window, "glass"), *rest]


def toaster(half: np.ndarray) -> Parts:
    """A two-slot toaster filling the box of half sizes `half`; slots along y, lever at -y."""
    x, y, z = half
    feet = [
        cylinder(x * 0.12, z * 0.12, 10).moved(sx * x * 0.7, sy * y * 0.8, -z * 0.94)
        for sx in (1, -1)
        for sy in (1, -1)
    ]
    shell = box(2 * x, 2 * y * 0.94, 1.76 * z, x * 0.3).moved(z=-z * 0.02)
    band = box(2 * x * 1.005, 2 * y * 0.945, z * 0.16, x * 0.3).moved(z=-z * 0.8)
    slots = [box(x * 0.34, y * 1.4, z * 0.02).moved(s * x * 0.42, 0, z * 0.86) for s in (1, -1)]
    toast = box(x * 0.2, y * 1.0, z * 0.36, x * 0.09).moved(x * 0.42, 0, z * 0.82)
    rail = box(x * 0.12, y * 0.02, z * 0.9).moved(0, -y * 0.945, 0)
    lever = box(x * 0.5, y * 0.1, z * 0.14, x * 0.05).moved(0, -y * 0.95, z * 0.3)
    knob = cylinder(x * 0.18, y * 0.06, 14).turned("x", 90).moved(x * 0.55, -y * 0.96, -z * 0.45)
    return [
        (shell, "shell"),
        (join(band, lever, knob, *feet), "trim"),
        (join(rail, *slots), "black"),
        (toast, "toast"),
    ]


def plant(half: np.ndarray, leaves: int = 16, curl: float = 1.0) -> Parts:
    """A pot with a rosette of leaves that bend outwards by `curl` (0 upright, 1 wide)."""
    x, y, z = half
    pot = lathe([(0.5, -1), (0.72, -0.24), (0.8, -0.24), (0.8, -0.14), (0.7, -0.14), (0.66, -0.22)], 20)
    soil = cylinder(0.66, 0.01, 20).moved(z=-0.2)
    blades = []
    for k in range(leaves):
        ring = k / leaves
        t = np.linspace(0, 1, 8)[:, None]
        reach, rise = (0.35 + 0.62 * (1 - ring)) * curl, 0.5 + 0.65 * ring
        path = np.concatenate([0.12 + reach * t**1.3, 0 * t, -0.22 + rise * (t - 0.12 * curl * t**3)], axis=1)
        width = 0.14 * np.array([0.7, 1.0, 1.05, 1.0, 0.85, 0.6, 0.3, 0.03])
        blades.append(tube(path, width, 7, 0.45).turned("z", 137.5 * k))
    return [(pot.scaled(x, y, z), "pot"), (soil.scaled(x, y, z), "soil"), (join(*blades).scaled(x, y, z), "leaf")]


def towel_holder(half: np.ndarray) -> Parts:
    """A roll of paper on an upright stand."""
    x, y, z = half
    base = lathe([(1, -1), (1, -0.955), (0.92, -0.94)], 24)
    rod = lathe([(0.07, -0.96), (0.07, 0.9), (0.12, 0.92), (0.12, 0.97), (0.06, 1)], 12)
    roll = lathe([(0.86, -0.92), (0.86, 0.78)], 28)
    core = lathe([(0.3, 0.7), (0.3, 0.784)], 16)
    sheet = box(0.5, 0.01, 1.7).moved(0.28, -0.86, -0.07)
    return [
        (join(base, rod).scaled(x, y, z), "stand"),
        (join(roll, sheet).scaled(x, y, z), "paper"),
        (core.scaled(x, y, z), "card"),
    ]
