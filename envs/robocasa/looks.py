"""How a scene is drawn. The look changes pixels only, never physics; it is part of the protocol's hash."""

from __future__ import annotations

from dataclasses import dataclass

from crossbody.errors import UnknownName


@dataclass(frozen=True)
class Look:
    """One way to draw: what it costs is measured in ``benchmarks/rendering.py``."""

    name: str
    ego_scale: float  # the head camera is rendered at this share of 1280x800
    multisamples: int  # MSAA samples
    shadows: bool  # shadows and reflections
    decimated: bool  # the robot's visual meshes with fewer faces


LOOKS = {
    "faithful": Look("faithful", ego_scale=1.0, multisamples=4, shadows=True, decimated=False),
    "fast": Look("fast", ego_scale=0.5, multisamples=0, shadows=False, decimated=True),
}


def find_look(name: str) -> Look:
    """Return a look by its name; an unknown one raises UnknownName."""
    if name not in LOOKS:
        raise UnknownName("look", name, LOOKS)
    return LOOKS[name]
