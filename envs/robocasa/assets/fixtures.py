"""Meshes and textures for the fixtures whose XML the package ships: every file that XML names is made here.

The shipped collision geoms are kept as they are; a fixture's visual meshes are shaped after them.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np

from envs.robocasa.assets import textures
from envs.robocasa.assets.mesh import Mesh, box, cylinder, join

GROUPS = ("microwaves", "toasters", "accessories/plants", "accessories/paper_towel_holders")
PLAIN = ("cabinets", "handles", "counters")


def files(stock: Path) -> Iterator[tuple[str, bytes]]:
    """(path below the pack, content) of every mesh and texture that the fixtures of the 97 tasks name."""
    seen: set[str] = set()
    for group in (*GROUPS, *PLAIN):
        for model in sorted((stock / "fixtures" / group).rglob("*.xml")):
            folder = PurePosixPath(model.relative_to(stock).parent.as_posix())
            root = ET.parse(model).getroot()
            for path, content in _files(root, folder):
                if path not in seen:
                    seen.add(path)
                    yield path, content


def _files(root: ET.Element, folder: PurePosixPath) -> Iterator[tuple[str, bytes]]:
    for texture in root.iter("texture"):
        if texture.get("file") and not _outside(folder, texture.get("file", "")):
            yield _below(folder, texture.get("file", "")), textures.texture("plain", "flat", "#c8c8c8", "#c8c8c8")
    names = {m.get("name"): m.get("file", "") for m in root.iter("mesh") if m.get("file")}
    for body in root.iter("body"):
        shells = [g.get("mesh") for g in body.findall("geom") if g.get("mesh") in names]
        for i, name in enumerate(shells):
            mesh = _solids(body) if i == 0 else box(0.001, 0.001, 0.001)
            yield _below(folder, names.pop(name)), mesh.obj().encode()
    for file in names.values():
        yield _below(folder, file), box(0.001, 0.001, 0.001).obj().encode()


def _outside(folder: PurePosixPath, file: str) -> bool:
    """Whether a path leaves the assets folder; one shipped panel names such a texture, and the package replaces it."""
    return file.count("../") > len(folder.parts)


def _below(folder: PurePosixPath, file: str) -> str:
    parts: list[str] = []
    for part in (folder / file).parts:
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def _numbers(text: str | None) -> np.ndarray:
    return np.array([float(x) for x in (text or "0 0 0").split()])


def _solids(body: ET.Element) -> Mesh:
    """The collision boxes and cylinders of a body as one mesh."""
    out = []
    for geom in body.findall("geom"):
        if geom.get("class") != "collision":
            continue
        size, pos = _numbers(geom.get("size")), _numbers(geom.get("pos"))
        shape = box(*(2 * size)) if geom.get("type") == "box" else cylinder(size[0], 2 * size[1])
        out.append(shape.moved(*pos))
    return join(*out) if out else cylinder(0.2, 1.0)
