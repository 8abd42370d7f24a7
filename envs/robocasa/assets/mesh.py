"""Triangle meshes from a few parameters: lathes, tubes, boxes, prisms. Metres, z up, outward faces, deterministic.

Only numpy's basic arithmetic is used, and vertices are rounded when they are written, so the bytes are the same on
every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

Vec = Sequence[float] | np.ndarray


@dataclass(frozen=True)
class Mesh:
    """Vertices (n, 3) in metres and faces (m, 3) as vertex indices, counter-clockwise seen from outside."""

    vertices: np.ndarray
    faces: np.ndarray

    def scaled(self, x: float, y: float | None = None, z: float | None = None) -> Mesh:
        factors = np.array([x, x if y is None else y, x if z is None else z])
        faces = self.faces if np.prod(factors) > 0 else self.faces[:, ::-1]
        return Mesh(self.vertices * factors, faces)

    def moved(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Mesh:
        return Mesh(self.vertices + np.array([x, y, z]), self.faces)

    def turned(self, axis: str, degrees: float) -> Mesh:
        """Rotated about a coordinate axis by the right-hand rule."""
        i, j = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
        c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
        v = self.vertices.copy()
        v[:, i], v[:, j] = (
            c * self.vertices[:, i] - s * self.vertices[:, j],
            s * self.vertices[:, i] + c * self.vertices[:, j],
        )
        return Mesh(v, self.faces)

    def along_x(self) -> Mesh:
        """The z axis laid along +x."""
        return self.turned("y", 90)

    def warped(self, bend: Callable[[np.ndarray], np.ndarray]) -> Mesh:
        """Each vertex moved by a function of the (n, 3) array."""
        return Mesh(bend(self.vertices.copy()), self.faces)

    def obj(self, scale: Vec = (1.0, 1.0, 1.0)) -> str:
        """Wavefront text, the coordinates divided by `scale`, to a hundredth of a millimetre."""
        v = self.vertices / np.asarray(scale, dtype=float)
        rows = [f"v {x:.5f} {y:.5f} {z:.5f}" for x, y, z in v + 0.0]
        rows += [f"f {a} {b} {c}" for a, b, c in self.faces + 1]
        return "\n".join(rows).replace("-0.00000", "0.00000") + "\n"


def join(*meshes: Mesh) -> Mesh:
    """All meshes as one."""
    starts = np.cumsum([0] + [len(m.vertices) for m in meshes[:-1]])
    return Mesh(
        np.concatenate([m.vertices for m in meshes]),
        np.concatenate([m.faces + s for m, s in zip(meshes, starts, strict=True)]),
    )


def _skin(rings: np.ndarray) -> np.ndarray:
    """Faces between consecutive rings of an (n rings, k points) grid, closed around."""
    n, k = rings.shape
    a, b = rings[:-1], np.roll(rings[:-1], -1, axis=1)
    c, d = rings[1:], np.roll(rings[1:], -1, axis=1)
    return np.concatenate([np.stack([a, b, d], -1).reshape(-1, 3), np.stack([a, d, c], -1).reshape(-1, 3)])


def lathe(profile: Sequence[Vec], sides: int = 18, around: Callable[[np.ndarray], np.ndarray] | None = None) -> Mesh:
    """A surface of revolution about z from (radius, height) points going up; `around(angle)` scales the radius.

    Ends with a radius above zero are closed with a flat cap. A profile that goes up outside and down inside makes
    an open vessel.
    """
    angle = np.arange(sides) * (2 * np.pi / sides)
    factor = np.ones(sides) if around is None else around(angle)
    r, z = np.array([p[0] for p in profile]), np.array([p[1] for p in profile])
    xy = np.stack([np.cos(angle) * factor, np.sin(angle) * factor], -1)
    points = np.concatenate([r[:, None, None] * xy[None], np.broadcast_to(z[:, None, None], (len(r), sides, 1))], -1)
    vertices = points.reshape(-1, 3)
    faces = _skin(np.arange(len(vertices)).reshape(len(r), sides))
    return _caps(vertices, faces, sides)


def band(profile: Sequence[Vec], sides: int = 22) -> Mesh:
    """A surface of revolution without caps, for rings and coatings; the profile runs counter-clockwise around."""
    angle = np.arange(sides) * (2 * np.pi / sides)
    vertices = np.array([(r * np.cos(a), r * np.sin(a), z) for r, z in profile for a in angle])
    return _tidy(Mesh(vertices, _skin(np.arange(len(vertices)).reshape(len(profile), sides))))


def _caps(vertices: np.ndarray, faces: np.ndarray, sides: int) -> Mesh:
    first, last = vertices[:sides].mean(0), vertices[-sides:].mean(0)
    n = len(vertices)
    ring = np.arange(sides)
    bottom = np.stack([np.full(sides, n), np.roll(ring, -1), ring], -1)
    ring = ring + n - sides
    top = np.stack([np.full(sides, n + 1), ring, np.roll(ring, -1)], -1)
    return _tidy(Mesh(np.concatenate([vertices, [first, last]]), np.concatenate([faces, bottom, top])))


def _tidy(mesh: Mesh) -> Mesh:
    """Coinciding vertices merged, faces without area and vertices without a face dropped."""
    keys = np.round(mesh.vertices, 7) + 0.0
    unique, index = np.unique(keys, axis=0, return_inverse=True)
    faces = index.reshape(-1)[mesh.faces]
    f = faces[(faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 0] != faces[:, 2])]
    used, f = np.unique(f, return_inverse=True)
    return Mesh(unique[used], f.reshape(-1, 3))


def ball(sides: int = 16, rings: int = 9) -> Mesh:
    """The unit sphere."""
    t = np.linspace(-np.pi / 2, np.pi / 2, rings)
    return lathe(list(zip(np.cos(t), np.sin(t), strict=True)), sides)


def cylinder(radius: float, height: float, sides: int = 18, top: float | None = None) -> Mesh:
    """A cylinder (or frustum with another `top` radius) centred at the origin."""
    return lathe([(radius, -height / 2), (radius if top is None else top, height / 2)], sides)


def box(x: float, y: float, z: float, bevel: float = 0.0) -> Mesh:
    """A box with full edge lengths, centred; `bevel` metres cut off the four upright edges and the rims."""
    if bevel <= 0:
        return prism([(-x / 2, -y / 2), (x / 2, -y / 2), (x / 2, y / 2), (-x / 2, y / 2)], z)
    outline = rounded_rectangle(x, y, bevel, 2)
    inner = rounded_rectangle(x - 2 * bevel * 0.6, y - 2 * bevel * 0.6, bevel, 2)
    return loft([(inner, -z / 2), (outline, -z / 2 + bevel * 0.6), (outline, z / 2 - bevel * 0.6), (inner, z / 2)])


def tile(x: float, y: float) -> Mesh:
    """A rectangle facing up, for stickers and labels."""
    corners = np.array([(-x, -y, 0), (x, -y, 0), (x, y, 0), (-x, y, 0)]) / 2
    return Mesh(corners, np.array([(0, 1, 2), (0, 2, 3)]))


def rounded_rectangle(x: float, y: float, radius: float, steps: int = 3) -> list[tuple[float, float]]:
    """Outline points, counter-clockwise, of a rectangle with round corners."""
    radius = min(radius, x / 2, y / 2)
    points = []
    for quarter, (sx, sy) in enumerate(((1, 1), (-1, 1), (-1, -1), (1, -1))):
        for t in np.linspace(0, np.pi / 2, steps):
            a = quarter * np.pi / 2 + t
            points.append((sx * (x / 2 - radius) + radius * np.cos(a), sy * (y / 2 - radius) + radius * np.sin(a)))
    return points


def loft(sections: Sequence[tuple[Sequence[Vec], float]]) -> Mesh:
    """A closed body through outlines of equal length at rising heights (or up and then down inside, for a tub)."""
    k = len(sections[0][0])
    vertices = np.array([(x, y, z) for outline, z in sections for x, y in outline], dtype=float)
    return _caps(vertices, _skin(np.arange(len(vertices)).reshape(-1, k)), k)


def prism(outline: Sequence[Vec], height: float) -> Mesh:
    """A (star-shaped) outline extruded along z, centred."""
    return loft([(outline, -height / 2), (outline, height / 2)])


def tube(path: np.ndarray, radius: Vec | float, sides: int = 12, flat: float = 1.0) -> Mesh:
    """A tube of varying radius along an (n, 3) path, which may not fold back; `flat` squeezes it along z."""
    path = np.asarray(path, dtype=float)
    r = np.broadcast_to(np.asarray(radius, dtype=float), len(path))
    forward = np.gradient(path, axis=0)
    forward /= np.linalg.norm(forward, axis=1, keepdims=True)
    upright = np.abs(forward[:, 2]).max() > 0.95
    side = np.cross(np.array([0.0, 1.0, 0.0] if upright else [0.0, 0.0, 1.0]), forward)
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    up = np.cross(forward, side)
    a = np.arange(sides) * (2 * np.pi / sides)
    ring = np.cos(a)[None, :, None] * side[:, None] + flat * np.sin(a)[None, :, None] * up[:, None]
    vertices = (path[:, None] + r[:, None, None] * ring).reshape(-1, 3)
    return _caps(vertices, _skin(np.arange(len(vertices)).reshape(-1, sides)), sides)


def arc(radius: float, start: float, stop: float, steps: int = 9, plane: str = "xy") -> np.ndarray:
    """Points (n, 3) on a circle, angles in degrees, in the plane "xy" or "xz"."""
    t = np.deg2rad(np.linspace(start, stop, steps))
    u, v, o = radius * np.cos(t), radius * np.sin(t), np.zeros(steps)
    return np.stack([u, v, o] if plane == "xy" else [u, o, v], -1)
