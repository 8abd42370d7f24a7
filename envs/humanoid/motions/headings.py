"""What the columns of a robot's CSV are, by its heading's own words,
or by the order that LAFAN1's retargeted files have."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from envs.humanoid import robot as robots
from tasks.motion.motion import MotionError

ROOT = ("root x", "root y", "root z", "root qx", "root qy", "root qz", "root qw")
"""Without a heading, or with one that only numbers its columns."""

TURNS = {"q", "quat", "quaternion", "rot", "rotation", "orn", "ori", "orientation"}
PLACES = {
    "root",
    "base",
    "pelvis",
    "pos",
    "position",
    "trans",
    "translation",
    "translate",
    "link",
    "body",
    "free",
    "floating",
    "world",
}
COUNTERS = ("", "frame", "frames", "index", "time", "timestamp", "t")
"""Columns that number the rows and are not read."""

WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


class Layout(NamedTuple):
    """Where in a row things are."""

    robot: str  # the configuration
    place: list[int]  # columns of x, y, z
    turn: list[int]  # columns of w, x, y, z
    angles: list[int]
    names: tuple[str, ...]  # of the joints in ``angles``


def layout(name: str, width: int, heading: Sequence[str], robot: str) -> Layout:
    """Return where things are in rows of ``width`` columns; MotionError says what the heading does not."""
    words = [word.strip("\"' ") for word in heading]
    if not words or all(re.fullmatch(r"\D*\d+", word) for word in words):
        configuration = of_width(name, width, robot)
        return Layout(
            configuration, [0, 1, 2], [6, 3, 4, 5], list(range(7, width)), robots.load(configuration).joint_names
        )
    root = {part: at for at, word in enumerate(words) if (part := _part(word))}
    missing = [part for part in ("x", "y", "z", "qw", "qx", "qy", "qz") if part not in root]
    if missing:
        raise MotionError(
            f"{name}: its heading names no {', '.join(f'root {part}' for part in missing)}; expected the "
            "root's x, y, z, qx, qy, qz and qw, in "
            f"any order; it begins with {', '.join(words[:8])}"
        )
    rest = [at for at, word in enumerate(words) if at not in root.values() and word.lower() not in COUNTERS]
    configuration, names = _joints(name, [words[at] for at in rest], robot)
    return Layout(configuration, [root[a] for a in "xyz"], [root[f"q{a}"] for a in "wxyz"], rest, names)


def of_width(name: str, width: int, robot: str) -> str:
    """Return the configuration whose rows have 7 columns of the root and one for each joint; ``robot``, if named,
    must be it."""
    if robot:
        joints = len(robots.load(robot).joint_names)
        if width != 7 + joints:
            raise MotionError(f"{name}: it has {width - 7} joints; {robot} has {joints}")
        return robot
    found = [its for its in robots.names() if width == 7 + len(robots.load(its).joint_names)]
    if len(found) == 1:
        return found[0]
    listed = ", ".join(f"{7 + len(robots.load(its).joint_names)} ({its})" for its in robots.names())
    which = (
        f"which {' and '.join(found)} have"
        if found
        else f"expected 7 of the root and the joints of a robot: {listed} columns"
    )
    raise MotionError(
        f"{name}: it has {width - 7} joints ({width} columns); {which}. Say `--robot` for "
        f"{'one of them' if found else 'another configuration'}."
    )


def by_names(name: str, joints: Sequence[str], robot: str = "") -> tuple[str, tuple[str, ...]]:
    """Return the configuration that has exactly these joints, and its own names for them in the given order."""
    plain = [_plain(joint) for joint in joints]
    for configuration in (robot,) if robot else robots.names():
        own = {_plain(joint): joint for joint in robots.load(configuration).joint_names}
        if set(plain) == set(own) and len(plain) == len(own):
            return configuration, tuple(own[joint] for joint in plain)
    raise MotionError(_no_robot(name, joints, robot))


def _joints(name: str, words: list[str], robot: str) -> tuple[str, tuple[str, ...]]:
    if words and all(re.fullmatch(r"\D*\d+", word) for word in words):  # only numbered, such as dof_0
        configuration = of_width(name, 7 + len(words), robot)
        return configuration, robots.load(configuration).joint_names
    return by_names(name, words, robot)


def _no_robot(name: str, joints: Sequence[str], robot: str) -> str:
    nearest = robot or max(robots.names(), key=lambda its: len(_plains(its) & {_plain(j) for j in joints}))
    theirs = {_plain(joint) for joint in joints}
    more = sorted(theirs - _plains(nearest))
    less = sorted(_plains(nearest) - theirs)
    twice = sorted({joint for joint in joints if list(joints).count(joint) > 1})
    said = [
        f"it has no {', '.join(less[:3])}" if less else "",
        f"{nearest} has no {', '.join(more[:3])}" if more else "",
    ]
    said.append(f"{', '.join(twice)} stands there twice" if twice else "")
    return (
        f"{name}: its {len(joints)} joints are those of no robot here; the nearest is {nearest}: "
        f"{'; '.join(filter(None, said))}"
    )


@cache
def _plains(configuration: str) -> frozenset[str]:
    return frozenset(_plain(joint) for joint in robots.load(configuration).joint_names)


def _plain(joint: str) -> str:
    return joint.lower().removesuffix("_dof").removesuffix("_joint")


def _part(word: str) -> str:
    """Return which number of the root a column is: x, y, z, qw, qx, qy or qz; '' for another."""
    *before, last = [w.lower() for w in WORDS.findall(word)] or [""]
    if re.fullmatch("q[wxyz]", last):
        return last if set(before) <= TURNS | PLACES else ""
    if last in tuple("wxyz") and set(before) & TURNS:
        return f"q{last}" if set(before) <= TURNS | PLACES else ""
    if last == "w" and not set(before) - PLACES:
        return "qw"
    axis = last[-1:] if last in ("x", "y", "z", "px", "py", "pz", "tx", "ty", "tz") else ""
    return axis if axis and set(before) <= PLACES else ""
