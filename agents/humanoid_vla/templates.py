"""The 59 sub-tasks and their wordings, read from ``templates.toml``."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

from crossbody.errors import CrossbodyError, UnknownName

FILE = Path(__file__).with_name("templates.toml")
SAID = {"root": "root", "left_hand": "left hand", "right_hand": "right hand"}
LENGTHS = ("time", "at_least", "about")
"""How a length is meant: met exactly, exceeded, or met within a tenth."""
CODED = ("motion", "prefix", "occlusion", "track", "first", "last")
"""What stands in a prompt as codes."""
NAMED = ("part", "joint", "unit", "state")
HOLES = (*CODED, *LENGTHS, *NAMED, "caption")
OUTPUTS = ("motion", "caption", "track", "time", "state")
_HOLE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class SubTask:
    """One of the 59: what is given, what is asked, and in which words."""

    name: str  # such as st.first.seconds
    family: str  # such as st
    inputs: tuple[str, ...]
    output: str
    rule: str  # which measure says that it was obeyed
    wordings: tuple[str, ...]
    held_out: tuple[str, ...]
    part: str = ""
    track: str = ""
    unit: str = ""
    state: str = ""

    def names(self) -> dict[str, str]:
        """Return what the names in braces stand for."""
        said = {"part": self.part.replace("_", " "), "joint": SAID.get(self.track, "")}
        return said | {"unit": self.unit, "state": self.state}


def pieces(wording: str) -> Iterator[tuple[bool, str]]:
    """Yield (is a hole, its name) and (False, words) of a wording in order."""
    for number, piece in enumerate(_HOLE.split(wording)):
        if piece:
            yield bool(number % 2), piece


def holes(wording: str) -> list[str]:
    """Return the names in braces of a wording."""
    return _HOLE.findall(wording)


@cache
def sub_tasks(file: Path = FILE) -> dict[str, SubTask]:
    """Return all sub-tasks by name, in the order of the file."""
    with file.open("rb") as opened:
        tables = tomllib.load(opened)
    found: dict[str, SubTask] = {}
    for family, table in tables.items():
        variants = {"": table} if "wordings" in table else table
        for variant, content in variants.items():
            for task in _unfolded(family, variant, content):
                found[task.name] = task
    return found


def sub_task(name: str) -> SubTask:
    """Return a sub-task; UnknownName with the nearest otherwise."""
    found = sub_tasks()
    if name not in found:
        raise UnknownName("sub-task", name, found)
    return found[name]


def for_inputs(inputs: frozenset[str], **axes: str) -> SubTask:
    """Return the sub-task that makes a motion of exactly these inputs;
    CrossbodyError with what can be combined otherwise."""
    motions = [t for t in sub_tasks().values() if t.output == "motion"]
    for task in motions:
        if frozenset(task.inputs) == inputs and all(getattr(task, a) in ("", v) for a, v in axes.items() if v):
            return task
    known = sorted({" + ".join(t.inputs) for t in motions})
    raise CrossbodyError(
        f"no sub-task makes a motion of {' + '.join(sorted(inputs)) or 'nothing'}; known are: "
        f"{', '.join(known)}. Leave a condition out."
    )


def _unfolded(family: str, variant: str, table: Mapping[str, Any]) -> Iterator[SubTask]:
    axes: Mapping[str, list[str]] = table.get("each", {})
    for values in product(*axes.values()):
        chosen = dict(zip(axes, values, strict=True))
        name = ".".join(filter(None, (family, variant, *values)))
        yield SubTask(
            name,
            family,
            tuple(table["inputs"]),
            table["output"],
            table["rule"],
            tuple(table["wordings"]),
            tuple(table["held_out"]),
            chosen.get("part", ""),
            chosen.get("track", ""),
            chosen.get("unit", ""),
            chosen.get("state", variant),
        )
