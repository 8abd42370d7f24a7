"""Lighter visual meshes of the robot for the ``fast`` render preset, made once into the user's cache.

The stock robot has half a million visible faces. Only meshes that are drawn and never touched are replaced: their
geoms have no mass and no contacts, so the physics stays the same to the last bit.
"""

from __future__ import annotations

import functools
import hashlib
import re
from pathlib import Path

from crossbody.extras import cache_folder
from crossbody.runs import write_atomic

VERSION = 1
BODY_FACES = 1600  # per mesh of the arms and the head; fewer show as facets close to the camera
HAND_FACES = 600  # per link of a hand
FAR_FACES = 300  # per mesh of what stands below the table or behind the camera
FAR = ("base", "thigh", "shank", "foot", "waist")

_MESH = re.compile(r'<mesh name="(?P<name>(?:robot0_|gripper0_)[^"]*)" file="(?P<file>[^"]*)"')


def lighten(xml: str) -> str:
    """Return a scene's MJCF with the robot's visual meshes replaced by lighter ones."""

    def replace(match: re.Match[str]) -> str:
        name, file = match["name"], match["file"]
        if name.startswith("gripper0_") and not name.endswith("_vis"):
            return match[0]  # a collision hull
        far = any(part in name for part in FAR)
        faces = HAND_FACES if name.startswith("gripper0_") else FAR_FACES if far else BODY_FACES
        return f'<mesh name="{name}" file="{lighter(file, faces)}"'

    return _MESH.sub(replace, xml)


@functools.cache
def lighter(file: str, faces: int) -> Path:
    """Return the path of a mesh file reduced to at most ``faces`` triangles; the file itself when it has no more."""
    content = Path(file).read_bytes()
    name = hashlib.sha256(content).hexdigest()[:16]
    target = cache_folder() / "meshes" / f"{name}-{faces}-v{VERSION}.stl"
    if not target.exists():
        write_atomic(target, _reduced(content, faces))
    return target


def _reduced(content: bytes, faces: int) -> bytes:
    import io

    import fast_simplification
    import numpy as np
    import trimesh

    mesh = trimesh.load(io.BytesIO(content), file_type="stl", process=True)
    mesh.merge_vertices()
    if len(mesh.faces) <= faces:
        return content
    points, triangles = np.asarray(mesh.vertices, np.float32), np.asarray(mesh.faces, np.int32)
    fewer = fast_simplification.simplify(points, triangles, target_count=faces)  # pyright: ignore[reportArgumentType]
    return bytes(trimesh.Trimesh(fewer[0], fewer[1], process=False).export(file_type="stl"))  # pyright: ignore
