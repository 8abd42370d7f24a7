"""A drawer on the table that a hand can push shut: a case with one sliding tray, as MJCF of boxes."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np

from envs.human.flesh import text

WALL_M = 0.012
JOINT = "drawer_slide"


@dataclass(frozen=True)
class Drawer:
    """A case with its front at ``place`` (3,), turned by ``yaw`` about z;
    its tray slides out by ``room`` towards the person."""

    place: np.ndarray  # middle of the case's front at the table, m
    yaw: float
    width: float
    depth: float
    height: float
    open_m: float
    colours: tuple[tuple[float, float, float], ...]  # case, front, handle

    def axes(self) -> np.ndarray:
        """Return the rotation (3, 3) of the case: x goes into it."""
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])

    def floor(self) -> np.ndarray:
        """Return the middle of the open tray's floor (3,)."""
        return self.place + self.axes() @ [-0.5 * self.open_m, 0.0, 0.02 + WALL_M]

    def push_point(self, opened: float) -> np.ndarray:
        """Return where a hand pushes (3,), on the tray's front, when it is open by so much."""
        return self.place + self.axes() @ [-opened - WALL_M - 0.035, 0.0, 0.62 * self.height]

    def in_the_way(self, point: np.ndarray) -> bool:
        """Whether a hand at a point (3,) would be where the tray slides or is pushed."""
        local = self.axes().T @ (point - self.place)
        return bool(local[0] > -self.open_m - 0.12 and abs(local[1]) < self.width / 2 + 0.06)

    def room(self) -> float:
        """Return the height of what can lie in the tray when it is shut."""
        return self.height - 2 * WALL_M - 0.025

    def mjcf(self) -> str:
        """Return the case and its tray, whose joint is 0 when it is shut and ``-open_m`` when it is open."""
        w, d, h, wall = self.width, self.depth, self.height, WALL_M
        case, front, handle = (f'rgba="{text(c)} 1"' for c in self.colours)
        shell = [
            _box((d / 2, 0, wall / 2), (d, w, wall), case),
            _box((d / 2, 0, h - wall / 2), (d, w, wall), case),
            _box((d / 2, w / 2 - wall / 2, h / 2), (d, wall, h), case),
            _box((d / 2, wall / 2 - w / 2, h / 2), (d, wall, h), case),
            _box((d - wall / 2, 0, h / 2), (wall, w, h), case),
        ]
        inner, deep, low = w - 2.4 * wall, d - 2 * wall, 0.02
        tray = [
            _box((deep / 2, 0, low + wall / 2), (deep, inner, wall), front),
            _box((deep / 2, inner / 2 - wall / 2, 0.45 * h), (deep, wall, 0.6 * h), front),
            _box((deep / 2, wall / 2 - inner / 2, 0.45 * h), (deep, wall, 0.6 * h), front),
            _box((deep - wall / 2, 0, 0.45 * h), (wall, inner, 0.6 * h), front),
            _box((-wall / 2, 0, h / 2), (wall, w, h - 0.004), front),
            f'<geom class="seen" type="capsule" fromto="{-wall - 0.022} {-w / 6} {h / 2} {-wall - 0.022} '
            f'{w / 6} {h / 2}" size="0.006" {handle}/>',
            _box((-wall - 0.011, w / 6, h / 2), (0.022, 0.008, 0.008), handle),
            _box((-wall - 0.011, -w / 6, h / 2), (0.022, 0.008, 0.008), handle),
        ]
        return (
            f'<body name="drawer_case" pos="{text(self.place)}" euler="0 0 {self.yaw:.6g}">{"".join(shell)}'
            f'<body name="drawer"><joint name="{JOINT}" type="slide" axis="1 0 0"/>{"".join(tray)}</body></body>'
        )


def draw(random: np.random.Generator, side: float) -> Drawer:
    """Return an open drawer; ``side`` is -1 to have it on the right, 1 on the left."""
    width, depth, height = random.uniform((0.22, 0.2, 0.09), (0.32, 0.26, 0.14))
    place = np.array([random.uniform(0.29, 0.37), side * random.uniform(0.06, 0.22), 0.0])
    colours = tuple(
        colorsys.hls_to_rgb(random.random(), random.uniform(0.2, 0.9), random.beta(1, 2.5)) for _ in range(3)
    )
    yaw = -side * random.uniform(-0.05, 0.25)
    return Drawer(place, yaw, width, depth, height, float(random.uniform(0.6, 0.75) * depth), colours)


def _box(middle: tuple[float, ...], size: tuple[float, ...], colour: str) -> str:
    return f'<geom class="seen" type="box" pos="{text(middle)}" size="{text(np.array(size) / 2)}" {colour}/>'
