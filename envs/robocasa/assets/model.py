"""An object model: coloured visual meshes, a few convex collision geoms,
and the MJCF text the package expects of it."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import quoteattr

import numpy as np

from envs.robocasa.assets.mesh import Mesh, Vec

Colour = tuple[float, float, float, float]


def rgba(colour: str, light: float = 1.0, alpha: float = 1.0) -> Colour:
    """A colour from "#rrggbb", its lightness multiplied by `light`."""
    r, g, b = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    h, lightness, s = colorsys.rgb_to_hls(r, g, b)
    return *colorsys.hls_to_rgb(h, min(1.0, lightness * light), s), alpha


@dataclass(frozen=True)
class Part:
    """A visual mesh of one colour."""

    mesh: Mesh
    colour: Colour
    shine: float = 0.2


@dataclass(frozen=True)
class Geom:
    """A convex collision primitive: size as MuJoCo wants it (half extents), euler angles in degrees (x, y, z)."""

    kind: str
    size: tuple[float, ...]
    pos: tuple[float, float, float] = (0.0, 0.0, 0.0)
    euler: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def rotation(self) -> np.ndarray:
        """Rotation matrix (3, 3) of the intrinsic x-y-z euler angles."""
        matrix = np.eye(3)
        for axis, angle in enumerate(np.deg2rad(self.euler)):
            c, s, turn = np.cos(angle), np.sin(angle), np.eye(3)
            i, j = [(1, 2), (2, 0), (0, 1)][axis]
            turn[i, i], turn[i, j], turn[j, i], turn[j, j] = c, -s, s, c
            matrix = matrix @ turn
        return matrix

    def half_extents(self) -> np.ndarray:
        """Half lengths (3,) of the bounding box along the model's axes."""
        matrix = self.rotation()
        if self.kind == "box":
            return np.abs(matrix) @ np.array(self.size)
        if self.kind == "ellipsoid":
            return np.sqrt((matrix**2) @ np.array(self.size) ** 2)
        radius, half = self.size
        axis = matrix[:, 2]
        round_part = radius if self.kind == "capsule" else radius * np.sqrt(np.maximum(0.0, 1 - axis**2))
        return half * np.abs(axis) + round_part

    def volume(self) -> float:
        if self.kind == "box":
            return float(8 * np.prod(self.size))
        if self.kind == "ellipsoid":
            return float(4 / 3 * np.pi * np.prod(self.size))
        radius, half = self.size
        ends = 4 / 3 * np.pi * radius**3 if self.kind == "capsule" else 0.0
        return float(2 * np.pi * radius**2 * half + ends)


def lying_capsule(radius: float, half: float, pos: tuple[float, float, float], turn: float) -> Geom:
    """A capsule in the xy plane, its axis `turn` degrees from +x."""
    return Geom("capsule", (radius, half), pos, (90.0, turn + 90.0, 0.0))


@dataclass(frozen=True)
class Region:
    """A box in which the tasks may place things: half extents and centre."""

    size: tuple[float, float, float]
    pos: tuple[float, float, float]


@dataclass(frozen=True)
class Model:
    """What one instance is made of, in metres at scale 1; `mass` in kg is spread over the geoms by volume."""

    parts: Sequence[Part]
    geoms: Sequence[Geom]
    mass: float
    regions: Sequence[Region] = field(default_factory=tuple)

    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest corner (3,) of a box around the collision geoms, its middle on the model's z axis."""
        pos = np.array([g.pos for g in self.geoms])
        half = np.array([g.half_extents() for g in self.geoms])
        low, high = (pos - half).min(0), (pos + half).max(0)
        reach = np.maximum(-low, high)[:2]
        return np.array([*-reach, low[2]]), np.array([*reach, high[2]])


VISUAL = '<geom group="1" conaffinity="0" contype="0" mass="0"/>'
# The contact numbers are those of the package's own fixture geoms. They must stand here: the package means to set them
# per category in MJCFObject._get_geoms, which robosuite 1.5.2 no longer calls.
# condim 4 gives torsional friction: without it an ellipsoid spins out of a two-finger pinch.
COLLISION = (
    '<geom group="0" condim="4" friction="0.95 0.3 0.1" solref="0.001 1" solimp="0.998 0.998 0.001" rgba="0.5 0 0 0"/>'
)


def files(name: str, model: Model, scale: Vec) -> dict[str, str]:
    """The model's files by name: `model.xml` and one mesh per visual part.

    `scale` is what the package will multiply the model with, so every length is divided by it. The body's origin is
    the centre of the collision geoms' bounding box.
    """
    low, high = model.bounds()
    centre = (low + high) / 2
    out, assets, visuals = {}, [], []
    for i, part in enumerate(model.parts):
        out[f"visual_{i}.obj"] = part.mesh.moved(*-centre).obj(scale)
        assets.append(f'<mesh name="visual_{i}" file="visual_{i}.obj" inertia="shell"/>')
        shine = _text((part.shine,))
        assets.append(
            f'<material name="colour_{i}" rgba="{_text(part.colour)}" specular="{shine}" shininess="{shine}"/>'
        )
        visuals.append(f'<geom class="visual" type="mesh" mesh="visual_{i}" material="colour_{i}"/>')
    body = visuals + _collisions(model, centre, scale) + _regions(model, centre, scale)
    half = (high - low) / 2 / np.asarray(scale, dtype=float)
    out["model.xml"] = _document(name, assets, body, half)
    return out


def _collisions(model: Model, centre: np.ndarray, scale: Vec) -> list[str]:
    total = sum(g.volume() for g in model.geoms)
    return [
        f'<geom class="collision" type="{g.kind}" size="{_text(_unscaled(g, scale))}"'
        f' pos="{_text((np.array(g.pos) - centre) / scale)}"{_quat(g)} '
        f'mass="{_text((model.mass * g.volume() / total,))}"/>'
        for g in model.geoms
    ]


def _regions(model: Model, centre: np.ndarray, scale: Vec) -> list[str]:
    return [
        f'<geom name="spawn_{i}" class="visual" type="box" size="{_text(np.array(r.size) / scale)}"'
        f' pos="{_text((np.array(r.pos) - centre) / scale)}" rgba="0 0 0 0"/>'
        for i, r in enumerate(model.regions)
    ]


def _document(name: str, assets: list[str], body: list[str], half: np.ndarray) -> str:
    x, y, z = half
    sites = {"bottom_site": (0, 0, -z), "top_site": (0, 0, z), "horizontal_radius_site": (x, y, 0)}
    lines = [
        f"<mujoco model={quoteattr(name)}>",
        "  <asset>",
        *(f"    {a}" for a in assets),
        "  </asset>",
        f'  <default><default class="visual">{VISUAL}</default>'
        f'<default class="collision">{COLLISION}</default></default>',
        "  <worldbody>",
        "    <body>",
        '      <body name="object">',
        *(f"        {g}" for g in body),
        "      </body>",
        *(f'      <site name="{n}" pos="{_text(p)}" size="0.005" rgba="0 0 0 0"/>' for n, p in sites.items()),
        "    </body>",
        "  </worldbody>",
        "</mujoco>",
    ]
    return "\n".join(lines) + "\n"


def _unscaled(geom: Geom, scale: Vec) -> np.ndarray:
    """The size before the package scales it: it multiplies two numbers by mean(x, y) and z, three by x, y and z."""
    if len(geom.size) == 3:
        return np.array(geom.size) / np.asarray(scale)
    return np.array(geom.size) / np.array([np.mean(np.asarray(scale)[:2]), scale[2]])


def _quat(geom: Geom) -> str:
    """The rotation as an attribute, since the package reads euler angles in either unit."""
    half = np.deg2rad(geom.euler) / 2
    q = np.array([1.0, 0.0, 0.0, 0.0])
    for axis, angle in enumerate(half):
        w, v = np.cos(angle), np.zeros(3)
        v[axis] = np.sin(angle)
        q = np.concatenate([[q[0] * w - q[1:] @ v], q[0] * v + w * q[1:] + np.cross(q[1:], v)])
    return "" if np.allclose(q, [1, 0, 0, 0]) else f' quat="{_text(q)}"'


def _text(values: Vec | np.ndarray) -> str:
    return " ".join(f"{round(float(v), 6) + 0.0:.6g}" for v in values)
