"""What stands around the robot: drawn from an episode's seed as plain data, and built as MJCF beside the robot's."""

from __future__ import annotations

import math
import tomllib
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from crossbody.errors import UnknownName
from crossbody.seeds import generator
from envs.humanoid.robot import Robot, mjcf
from envs.humanoid.vision import figures

COLOURS = {
    "red": (0.9, 0.06, 0.05),
    "green": (0.08, 0.7, 0.1),
    "yellow": (0.95, 0.85, 0.05),
    "magenta": (0.85, 0.05, 0.8),
}
"""None of the robot's own."""
DANCES = 1000
BALL_M, BALL_KG = 0.11, 0.43
PILLAR_M, PILLAR_HEIGHT_M = 0.12, 1.3
PAD_M = 0.09
BOX_KG = 0.3
SOLID = {"contype": "1", "conaffinity": "1"}
GRIPPING = {"condim": "4", "friction": "1.2 0.02 0.0005"}
GREY = (0.55, 0.55, 0.57)


@dataclass(frozen=True)
class VisionTask:
    """One table of ``scenes.toml``; its head says what the fields mean."""

    instruction: str
    scene: str
    rule: str
    seconds: float
    ranges: Mapping[str, tuple[float, float]]
    limits: Mapping[str, float]


@cache
def tasks() -> dict[str, VisionTask]:
    """Return the eight tasks by name."""
    data = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())
    return {name: VisionTask(**fields) for name, fields in data.items()}


def task(name: str) -> VisionTask:
    """Return a task; UnknownName for one that there is not."""
    if name not in tasks():
        raise UnknownName("vision task", name, tasks())
    return tasks()[name]


def draw(name: str, seed: int) -> dict[str, Any]:
    """Return what a seed decides about a task's scene, as plain data: numbers, side, colour and dance."""
    rng, chosen = generator(seed, "vision scene"), task(name)
    drawn: dict[str, Any] = {key: round(float(rng.uniform(*chosen.ranges[key])), 4) for key in sorted(chosen.ranges)}
    drawn["side"] = 1 if rng.integers(2) else -1
    drawn["colour"] = tuple(COLOURS)[int(rng.integers(len(COLOURS)))]
    drawn["dance"] = int(rng.integers(DANCES))
    return {"task": name, "seed": seed, **drawn}


def instruction(scene: Mapping[str, Any]) -> str:
    """Return what the robot is told."""
    told = task(scene["task"]).instruction
    return told.format(colour=scene["colour"], dance=scene["dance"])


def build(scene: Mapping[str, Any], robot: Robot) -> str:
    """Return the MJCF of a scene with the robot in it, skin and camera included."""
    root = ET.fromstring(mjcf(robot, skin=True))
    world = root.find("worldbody")
    assert world is not None
    for geom in world.findall("geom"):
        geom.set("rgba", "0.85 0.86 0.88 1")
    visual = ET.SubElement(root, "visual")
    ET.SubElement(visual, "headlight", {"ambient": "0.45 0.45 0.45", "diffuse": "0.5 0.5 0.5", "specular": "0 0 0"})
    ET.SubElement(visual, "global", {"offwidth": "640", "offheight": "480"})
    world.extend(BUILDERS[task(scene["task"]).scene](scene))
    return ET.tostring(root, encoding="unicode")


def place(scene: Mapping[str, Any]) -> np.ndarray:
    """Return where on the floor (2,) a scene's object stands at first: at a bearing, or ahead and across."""
    distance = float(scene["distance"])
    if "bearing_deg" in scene:
        angle = scene["side"] * math.radians(scene["bearing_deg"])
        return distance * np.array([math.cos(angle), math.sin(angle)])
    across = scene.get("across", 0.0)
    # Ranges of both signs are drawn around the middle; those of one are a distance to either side of it.
    signed = across if min(task(scene["task"]).ranges.get("across", (0.0, 0.0))) < 0 else scene["side"] * across
    return np.array([distance, signed])


def _colour(scene: Mapping[str, Any]) -> tuple[float, float, float]:
    return COLOURS[scene["colour"]]


def _box_on_column(scene: Mapping[str, Any]) -> list[ET.Element]:
    x, y = place(scene)
    half = scene["height"] / 2
    column = figures.body("column", (x, y, half), [figures.shape("cylinder", (0.06, half), GREY)])
    box = figures.shape("box", (0.13, 0.13, 0.13), _colour(scene), **SOLID)
    return [column, figures.body("object", (x, y, 2 * half + 0.13), [box])]


def _box_on_table(scene: Mapping[str, Any]) -> list[ET.Element]:
    x, y = place(scene)
    top, half = scene["table"], scene["width"] / 2
    column = figures.shape("cylinder", (0.05, top / 2), GREY, **SOLID)
    box = figures.shape("box", (0.06, half, 0.09), _colour(scene), mass=str(BOX_KG), **SOLID, **GRIPPING)
    table = figures.body("table", (x + 0.03, y, top / 2), [column])
    return [table, figures.body("object", (x, y, top + 0.091), [box], free=True)]


def _person(scene: Mapping[str, Any]) -> list[ET.Element]:
    x, y = place(scene)
    return [figures.person("object", (x, y), math.atan2(-y, -x), _colour(scene))]


def _pillar(scene: Mapping[str, Any]) -> list[ET.Element]:
    x, y = place(scene)
    pillar = figures.shape("cylinder", (PILLAR_M, PILLAR_HEIGHT_M / 2), _colour(scene), **SOLID)
    return [figures.body("object", (x, y, PILLAR_HEIGHT_M / 2 + 0.01), [pillar], moved=True)]


def _bar(scene: Mapping[str, Any]) -> list[ET.Element]:
    bar = figures.shape("box", (scene["depth"] / 2, 0.6, scene["height"] / 2), _colour(scene), **SOLID)
    return [figures.body("object", (scene["distance"], 0.0, scene["height"] / 2), [bar])]


def _partner(scene: Mapping[str, Any]) -> list[ET.Element]:
    return figures.partner(_colour(scene))


def _pad(scene: Mapping[str, Any]) -> list[ET.Element]:
    x, y = place(scene)
    pad = figures.shape("sphere", (PAD_M,), _colour(scene), solref="0.04 1", **SOLID)
    post = figures.shape("cylinder", (0.03, scene["height"] / 2), GREY)
    behind = figures.body("post", (x + 0.1, y, scene["height"] / 2), [post])
    return [behind, figures.body("object", (x, y, scene["height"]), [pad])]


def _ball(scene: Mapping[str, Any]) -> list[ET.Element]:
    x, y = place(scene)
    ball = figures.shape(
        "sphere", (BALL_M,), _colour(scene), mass=str(BALL_KG), condim="6", friction="0.8 0.005 0.002", **SOLID
    )
    return [figures.body("object", (x, y, BALL_M), [ball], free=True)]


BUILDERS: dict[str, Callable[[Mapping[str, Any]], list[ET.Element]]] = {
    "box_on_column": _box_on_column,
    "box_on_table": _box_on_table,
    "person": _person,
    "pillar": _pillar,
    "bar": _bar,
    "partner": _partner,
    "pad": _pad,
    "ball": _ball,
}
