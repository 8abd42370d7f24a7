"""The robot as data: which hinges move, their limits, motors and gains, the default pose and the fifteen key points.

A robot is two files of ``robots/``: ``g1.xml`` (bodies, inertias, limits) and ``g1.toml`` (motors, gains, poses, each
with its source), and its configurations are called ``g1_…``. Other packages add one by an entry point
``crossbody.robots`` whose value is the TOML's path. No simulator is needed to read it.
"""

from __future__ import annotations

import copy
import tomllib
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np

from crossbody.catalog import entries, resolve
from crossbody.errors import CrossbodyError, UnknownName
from tasks.motion.keypoints import NAMES

DEFAULT = "g1_23"


class RobotError(CrossbodyError):
    """A description of a robot that does not fit its model."""


@dataclass(frozen=True)
class Body:
    """A body of the tree, in its parent's frame at the joint angle 0."""

    name: str
    parent: int  # -1 for the root
    position: tuple[float, float, float]
    quat_wxyz: tuple[float, float, float, float]
    joint: str = ""  # the hinge that moves it; '' for the root and for welded bodies
    axis: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Hinge:
    """A joint of the model and the motor that drives it."""

    name: str
    lower: float  # rad
    upper: float
    effort: float  # N m
    speed: float  # rad/s
    armature: float  # kg m^2, the rotor's inertia as the joint sees it


@dataclass(frozen=True, eq=False)
class Robot:
    """A configuration of a robot with one set of gains. D joints move; arrays have one row for each,
    in ``joint_names``."""

    name: str
    gains: str
    hinges: tuple[Hinge, ...]
    bodies: tuple[Body, ...]  # a parent stands before its children
    stiffness: np.ndarray  # (D,) N m/rad
    damping: np.ndarray  # (D,) N m s/rad
    action_scale: np.ndarray  # (D,) rad of target per unit of action
    default_angles: np.ndarray  # (D,) rad
    default_height: float  # m, of the root in the default pose
    keypoints: tuple[
        tuple[str, tuple[float, float, float]], ...
    ]  # body and offset, in the order of tasks.motion.keypoints
    sources: Mapping[str, str]  # of the configuration, the motors, the gains and the pose
    title: str  # the robot's name as people say it
    sole_m: float  # the ankle's height over the sole
    sole_corners: tuple[tuple[float, float, float], ...]  # m, of a foot, from its ankle's body
    loose: np.ndarray  # (D,) how strongly retargeting keeps a joint near 0 that key points say little about

    @cached_property
    def joint_names(self) -> tuple[str, ...]:
        """Return the D joints that move, in the model's order."""
        return tuple(hinge.name for hinge in self.hinges)

    @cached_property
    def body_names(self) -> tuple[str, ...]:
        """Return the bodies without the world, the root first: the same for every configuration."""
        return tuple(body.name for body in self.bodies)

    def carrier(self, point: str) -> str:
        """Return the body that carries a key point."""
        return self.keypoints[NAMES.index(point)][0]

    def path(self, body: str) -> list[Body]:
        """Return the bodies from the root's child to a body."""
        found, at = [], self.body_names.index(body)
        while at > 0:
            found.append(self.bodies[at])
            at = self.bodies[at].parent
        return found[::-1]

    @cached_property
    def limits(self) -> np.ndarray:
        """Return (D, 2) radians."""
        return np.array([(hinge.lower, hinge.upper) for hinge in self.hinges])

    @cached_property
    def effort(self) -> np.ndarray:
        """Return (D,) N m."""
        return np.array([hinge.effort for hinge in self.hinges])

    @cached_property
    def speed(self) -> np.ndarray:
        """Return (D,) rad/s, the motors' own limits; the simulators do not hold them."""
        return np.array([hinge.speed for hinge in self.hinges])

    def columns(self, names: tuple[str, ...], what: str = "motion") -> np.ndarray:
        """Return for each joint its column among ``names``, -1 where it is absent;
        RobotError for a joint this robot lacks."""
        known = {body.joint for body in _tree(self.name.partition("_")[0])} - {""}
        foreign = [name for name in names if name not in known]
        if foreign or len(set(names)) < len(names):
            wrong = f"has no {foreign[0]}" if foreign else "has each joint once"
            raise RobotError(f"{what}: {self.name} {wrong}; its joints are {', '.join(self.joint_names)}")
        return np.array([names.index(name) if name in names else -1 for name in self.joint_names])

    def angles(self, angles: np.ndarray, names: tuple[str, ...], what: str = "motion") -> np.ndarray:
        """Return (T, D) radians from named columns; a joint without a column is at 0,
        a column that is locked here is dropped."""
        columns = self.columns(names, what)
        return np.where(columns >= 0, np.asarray(angles)[:, np.maximum(columns, 0)], 0.0)


def names() -> tuple[str, ...]:
    """Return the configurations of all robots: ``g1_23`` (the default), ``g1_24``, ``g1_29``, ``h1_19``."""
    return tuple(configuration for family in entries("robots") for configuration in _data(family)["configurations"])


def gains_of(name: str) -> tuple[str, ...]:
    """Return a configuration's sets of gains, the usual one first; UnknownName for a name that there is not."""
    return tuple(_data(family_of(name))["gains"])


def family_of(name: str) -> str:
    """Return the robot of a configuration; UnknownName for a name that there is not."""
    if name not in names():
        raise UnknownName("robot", name, names())
    return name.partition("_")[0]


def load(name: str = DEFAULT, gains: str = "") -> Robot:
    """Return a configuration with a set of gains, the robot's first unless one is named;
    UnknownName for a name that there is not."""
    family = family_of(name)
    data = _data(family)
    gains = gains or next(iter(data["gains"]))
    if gains not in data["gains"]:
        raise UnknownName("set of gains", gains, data["gains"])
    locked, chosen = data["configurations"][name]["locked"], data["gains"][gains]
    bodies = tuple(_unlocked(body, locked) for body in _tree(family))
    hinges = tuple(_hinge(family, body.joint) for body in bodies if body.joint)
    joints = [hinge.name for hinge in hinges]
    pd = np.array([_match(chosen["joints"], joint) for joint in joints])
    effort = np.array([hinge.effort for hinge in hinges])
    pose = data["default_pose"]
    return Robot(
        name=name,
        gains=gains,
        hinges=hinges,
        bodies=bodies,
        stiffness=pd[:, 0],
        damping=pd[:, 1],
        action_scale=_action_scale(chosen, effort, pd[:, 0]),
        default_angles=np.array([_match(pose["joints"], joint, 0.0) for joint in joints]),
        default_height=pose["root_height"],
        keypoints=tuple(_point(data["keypoints"], point, bodies) for point in NAMES),
        sources={
            "configuration": data["configurations"][name]["source"],
            "motors": data["motors"]["source"],
            "gains": chosen["source"],
            "default_pose": pose["source"],
        },
        title=data["title"],
        sole_m=data["feet"]["sole"],
        sole_corners=tuple((x, y, -data["feet"]["sole"]) for x, y in data["feet"]["corners"]),
        loose=np.array([next((w for part, w in data["loose"].items() if part in joint), 0.0) for joint in joints]),
    )


def mjcf(robot: Robot, *, skin: bool = False, floor: bool = True, motors: bool = True) -> str:
    """Return the MJCF of a robot: locked hinges welded, and with ``motors`` one position actuator per joint, in order.

    Without ``skin`` it has only what touches and weighs, for physics; ``floor`` adds the ground plane.
    """
    root = copy.deepcopy(_xml(robot.name.partition("_")[0]))
    _strip(root, set(robot.joint_names), skin)
    if floor:
        ground = {"name": "floor", "type": "plane", "size": "0 0 0.05", "contype": "1", "conaffinity": "0"}
        _child(root, "worldbody").insert(0, ET.Element("geom", ground))
    actuators = ET.SubElement(root, "actuator")
    for row, hinge in enumerate(robot.hinges if motors else ()):
        kp, kd = float(robot.stiffness[row]), float(robot.damping[row])
        force = f"{-hinge.effort!r} {hinge.effort!r}"
        gains = {"kp": repr(kp), "kv": repr(kd), "forcerange": force, "forcelimited": "true"}
        ET.SubElement(actuators, "position", {"name": hinge.name, "joint": hinge.name, **gains})
    return ET.tostring(root, encoding="unicode")


def _strip(root: ET.Element, joints: set[str], skin: bool) -> None:
    for body in root.iter("body"):
        for joint in body.findall("joint"):
            if joint.get("name") not in joints:
                body.remove(joint)
        for part in [*body.findall("geom"), *body.findall("camera")]:
            if not skin and (part.tag == "camera" or part.get("class") == "skin"):
                body.remove(part)


@cache
def _data(family: str) -> dict[str, Any]:
    return tomllib.loads(_file(family).read_text())


@cache
def _xml(family: str) -> ET.Element:
    return ET.parse(_file(family).parent / _data(family)["model"]).getroot()


def _file(family: str) -> Path:
    target = entries("robots")[family].target
    return Path(target if target.endswith(".toml") else resolve("robots", family))


@cache
def _tree(family: str) -> tuple[Body, ...]:
    found: list[Body] = []

    def visit(element: ET.Element, parent: int) -> None:
        joint = element.find("joint")
        axis = _floats(joint, "axis", 3) if joint is not None else (0.0, 0.0, 0.0)
        name = joint.get("name", "") if joint is not None else ""
        body = Body(
            element.get("name", ""),
            parent,
            (0.0, 0.0, 0.0) if parent < 0 else _floats(element, "pos", 3),
            _unit(_floats(element, "quat", 4)),
            name,
            axis,
        )
        found.append(body)
        here = len(found) - 1
        for child in element.findall("body"):
            visit(child, here)

    visit(_child(_child(_xml(family), "worldbody"), "body"), -1)
    return tuple(found)


def _hinge(family: str, name: str) -> Hinge:
    element = next(j for j in _xml(family).iter("joint") if j.get("name") == name)
    motor = element.get("class", "")
    limits = _data(family)["motors"][motor]
    lower, upper = _floats(element, "range", 2)
    default = next(d for d in _xml(family).iter("default") if d.get("class") == motor)
    return Hinge(
        name, lower, upper, limits["effort"], limits["speed"], float(_child(default, "joint").get("armature", "nan"))
    )


def _unlocked(body: Body, locked: list[str]) -> Body:
    if not any(fnmatchcase(body.joint, pattern) for pattern in locked):
        return body
    return Body(body.name, body.parent, body.position, body.quat_wxyz)


def _action_scale(gains: Mapping[str, Any], effort: np.ndarray, stiffness: np.ndarray) -> np.ndarray:
    if gains["action_scale"] == "effort":
        return gains["action_fraction"] * effort / stiffness
    return np.full(len(effort), float(gains["action_scale"]))


def _point(points: Mapping[str, Any], name: str, bodies: tuple[Body, ...]) -> tuple[str, tuple[float, float, float]]:
    point = points[name]
    if point["body"] not in {body.name for body in bodies}:
        raise RobotError(f"key point {name}: the model has no body '{point['body']}'")
    x, y, z = point.get("offset", (0.0, 0.0, 0.0))
    return point["body"], (x, y, z)


def _match(table: Mapping[str, Any], joint: str, otherwise: Any = None) -> Any:
    found = [value for pattern, value in table.items() if fnmatchcase(joint, pattern)]
    if len(found) == 1:
        return found[0]
    if not found and otherwise is not None:
        return otherwise
    raise RobotError(f"{joint}: {len(found)} patterns of the robot's data fit it; expected one")


def _floats(element: ET.Element, key: str, count: int) -> Any:
    text = element.get(key)
    if text is None:
        return (1.0, 0.0, 0.0, 0.0) if count == 4 else (0.0,) * count
    return tuple(float(word) for word in text.split())


def _unit(quat: tuple[float, ...]) -> Any:
    length = float(np.linalg.norm(quat))
    return tuple(value / length for value in quat)


def _child(element: ET.Element, tag: str) -> ET.Element:
    child = element.find(tag)
    if child is None:
        raise RobotError(f"the robot's model has no <{tag}> in <{element.tag}>")
    return child
