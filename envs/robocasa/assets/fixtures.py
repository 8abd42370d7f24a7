"""Meshes and textures for the fixtures whose XML the package ships: every file that this XML names is made here.

The shipped collision geoms, joints and sites stay as they are. A fixture is drawn with one mesh per body whose texture
is a strip of its colours; the other meshes that the XML names are specks inside it.
"""

from __future__ import annotations

import tomllib
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath

import numpy as np

from envs.robocasa.assets import appliances, textures
from envs.robocasa.assets.appliances import Parts, Solid
from envs.robocasa.assets.mesh import box

DRAWN = ("microwaves", "toasters", "accessories/plants", "accessories/paper_towel_holders")
PLAIN = ("cabinets", "handles", "counters")
CELL = 8  # pixels of one colour in the strip


def files(stock: Path) -> Iterator[tuple[str, bytes]]:
    """(path below the pack, content) of every mesh and texture that the fixtures of the 97 tasks name."""
    for group in DRAWN:
        for name in colours()[group.split("/")[-1]]:
            model = stock / "fixtures" / group / name / "model.xml"
            folder = PurePosixPath(model.relative_to(stock).parent.as_posix())
            yield from _drawn(ET.parse(model).getroot(), folder)
    for group in PLAIN:
        for model in sorted((stock / "fixtures" / group).rglob("*.xml")):
            folder = PurePosixPath(model.relative_to(stock).parent.as_posix())
            yield from _plain(ET.parse(model).getroot(), folder)


@cache
def colours() -> dict[str, dict]:
    """The tables of fixtures.toml."""
    return tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf8"))


def _drawn(root: ET.Element, folder: PurePosixPath) -> Iterator[tuple[str, bytes]]:
    palette = {**colours()[folder.parent.name][folder.name], **appliances.SHARED}
    roles = list(palette)
    strip = _strip([palette[r] for r in roles])
    for texture in root.iter("texture"):
        if texture.get("file"):
            yield _below(folder, texture.get("file", "")), strip
    meshes = {m.get("name"): m.get("file", "") for m in root.iter("mesh")}
    painted = {m.get("name") for m in root.iter("material") if m.get("texture")}
    for body in root.iter("body"):
        shown = [g for g in body.findall("geom") if g.get("mesh") in meshes]
        if shown:
            main = next(g for g in shown if g.get("material") in painted).get("mesh")
            parts = _parts(root, body, folder)
            yield _below(folder, meshes.pop(main)), _painted(parts, roles).encode()
    for file in meshes.values():
        yield _below(folder, file), box(0.001, 0.001, 0.001).obj().encode()


def _parts(root: ET.Element, body: ET.Element, folder: PurePosixPath) -> Parts:
    """The coloured parts of one body of a fixture."""
    kind = folder.parent.name
    if kind == "microwaves":
        solids = _solids(body)
        if body.get("name") == "door":
            return appliances.microwave_door(solids)
        return appliances.microwave(solids, _sites(root, "int"))
    p0, px, py, pz = _sites(root, "ext")
    half = np.array([px[0] - p0[0], py[1] - p0[1], pz[2] - p0[2]]) / 2
    centre = p0 + half
    if kind == "toasters":
        parts = appliances.toaster(half)
    elif kind == "plants":
        parts = appliances.plant(half)
    else:
        parts = appliances.towel_holder(half)
    return [(mesh.moved(*centre), role) for mesh, role in parts]


def _plain(root: ET.Element, folder: PurePosixPath) -> Iterator[tuple[str, bytes]]:
    """Single-coloured stand-ins for the textures that the styles replace."""
    for texture in root.iter("texture"):
        file = texture.get("file", "")
        if file and file.count("../") <= len(folder.parts):  # one shipped panel names a file outside the assets
            colour = colours()["plain"].get(PurePosixPath(file).name, "#c8c8c8")
            yield _below(folder, file), textures.texture(file, "flat", colour, colour)


def _strip(shades: list[str]) -> bytes:
    """A PNG with one square of CELL pixels per colour, side by side."""
    palette = np.zeros((256, 3))
    palette[: len(shades)] = [[int(s[i : i + 2], 16) for i in (1, 3, 5)] for s in shades]
    return textures.png(np.tile(np.repeat(np.arange(len(shades)), CELL), (CELL, 1)), palette)


def _painted(parts: Parts, roles: list[str]) -> str:
    """Wavefront text whose faces take their colour from the middle of their role's square in the strip."""
    rows, faces, start = [], [], 1
    for mesh, role in parts:
        at = roles.index(role) + 1
        rows += [f"v {x:.5f} {y:.5f} {z:.5f}" for x, y, z in mesh.vertices + 0.0]
        faces += [f"f {a}/{at} {b}/{at} {c}/{at}" for a, b, c in mesh.faces + start]
        start += len(mesh.vertices)
    rows += [f"vt {(i + 0.5) / len(roles):.5f} 0.50000" for i in range(len(roles))]
    return "\n".join(rows + faces).replace("-0.00000", "0.00000") + "\n"


def _below(folder: PurePosixPath, file: str) -> str:
    """The path below the pack of a file named in an XML in `folder`."""
    parts: list[str] = []
    for part in (folder / file).parts:
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def _numbers(text: str | None) -> np.ndarray:
    return np.array([float(x) for x in (text or "0 0 0").split()])


def _solids(body: ET.Element) -> list[Solid]:
    """The collision boxes and cylinders of a body."""
    return [
        Solid(g.get("type", "box"), _numbers(g.get("size")), _numbers(g.get("pos")), g.get("name", ""))
        for g in body.findall("geom")
        if g.get("class") == "collision" and not g.get("axisangle")
    ]


def _sites(root: ET.Element, prefix: str) -> np.ndarray:
    """The corner points (4, 3) p0, px, py, pz that the XML marks."""
    found = {s.get("name"): _numbers(s.get("pos")) for s in root.iter("site")}
    return np.array([found[f"{prefix}_{k}"] for k in ("p0", "px", "py", "pz")])
