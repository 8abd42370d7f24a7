"""Render presets: how a scene is drawn. A preset changes pixels only, never physics;
it is part of the protocol's hash."""

from __future__ import annotations

from dataclasses import dataclass

from crossbody.errors import UnknownName


@dataclass(frozen=True)
class RenderPreset:
    """One way to draw: what it costs is measured in ``benchmarks/rendering.py``."""

    name: str
    ego_scale: float  # the head camera is rendered at this share of 1280x800
    multisamples: int  # MSAA samples
    shadows: bool  # shadows and reflections
    decimated: bool  # the robot's visual meshes with fewer faces


RENDER_PRESETS = {
    "faithful": RenderPreset("faithful", ego_scale=1.0, multisamples=4, shadows=True, decimated=False),
    "fast": RenderPreset("fast", ego_scale=0.5, multisamples=0, shadows=False, decimated=True),
}


def find_render_preset(name: str) -> RenderPreset:
    """Return a render preset by its name; an unknown one raises UnknownName."""
    if name not in RENDER_PRESETS:
        raise UnknownName("render preset", name, RENDER_PRESETS)
    return RENDER_PRESETS[name]
