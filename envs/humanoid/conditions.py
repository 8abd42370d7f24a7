"""Conditions of an episode, from ``conditions.toml``: which motion is the reference, what is changed about it,
and what about the body."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crossbody.errors import UnknownName
from crossbody.seeds import generator
from envs.humanoid.motions import library
from envs.humanoid.randomisation import Variation

if TYPE_CHECKING:
    import numpy as np

    from tasks.motion.motion import Motion

ANY = "any"
FEWEST_FRAMES = 25
PARTS = {
    "left_arm": ("left_shoulder_", "left_elbow_", "left_wrist_"),
    "right_arm": ("right_shoulder_", "right_elbow_", "right_wrist_"),
}
"""Body part -> how the names of its joints begin."""


@dataclass(frozen=True)
class Condition:
    """One table of ``conditions.toml``; its head says what the fields mean."""

    axis: str = ""
    value: float = 0.0
    caption: bool = True
    speed: tuple[float, float] = (1.0, 1.0)
    hold: tuple[str, ...] = ()
    first: tuple[float, float] = (0.0, 0.0)
    last: tuple[float, float] = (1.0, 1.0)

    @property
    def variation(self) -> Variation:
        """What differs from the nominal body and playback."""
        return Variation.at(self.axis, self.value) if self.axis else Variation.nominal()


def parse(task: str) -> tuple[str, Condition]:
    """Return kind and condition of ``<kind>`` or ``<kind>.<condition>``; UnknownName for one that there is not."""
    kind, _, name = task.partition(".")
    if kind not in (ANY, *library.KINDS):
        raise UnknownName("kind of motion", kind, (ANY, *library.KINDS))
    known = _all()
    if name and name not in known:
        raise UnknownName("condition", name, known)
    return kind, known[name] if name else Condition()


def draw(kind: str, condition: Condition, seed: int) -> dict[str, Any]:
    """Return what an episode's seed decides, as plain data for its scene manifest:
    the motion and what is changed about it."""
    rng = generator(seed, "reference")
    trained = [k for k in library.KINDS if k not in library.HELD_OUT_KINDS]
    chosen = trained[int(rng.integers(len(trained)))] if kind == ANY else kind
    # Of every seed that is so made the rest is 4: none of them was trained on, whatever the number of training clips.
    held_out = library.HELD_OUT_EVERY * seed + library.HELD_OUT_EVERY - 1
    return {
        "motion": f"{chosen}/{held_out}",
        "caption": condition.caption,
        "speed": round(float(rng.uniform(*condition.speed)), 4),
        "held": condition.hold[int(rng.integers(len(condition.hold)))] if condition.hold else "",
        "first": round(float(rng.uniform(*condition.first)), 4),
        "last": round(float(rng.uniform(*condition.last)), 4),
    }


def reference(drawn: Mapping[str, Any], robot: str) -> Motion:
    """Return the motion of a drawn episode for a robot."""
    kind, _, seed = drawn["motion"].partition("/")
    motion = library.make(kind, int(seed), robot)
    motion = _cut(motion, drawn["first"], drawn["last"])
    if drawn["held"]:
        motion = _held(motion, drawn["held"])
    return replace(motion, fps=motion.fps * drawn["speed"])


def _cut(motion: Motion, first: float, last: float) -> Motion:
    frames = len(motion.keypoints)
    begin = min(round(first * frames), frames - FEWEST_FRAMES)
    end = max(round(last * frames), begin + FEWEST_FRAMES)

    def part(values: np.ndarray | None) -> Any:
        return None if values is None else values[begin:end]

    return replace(
        motion,
        keypoints=part(motion.keypoints),
        root_position=part(motion.root_position),
        root_quat_wxyz=part(motion.root_quat_wxyz),
        joint_angles=part(motion.joint_angles),
    )


def _held(motion: Motion, part: str) -> Motion:
    """Return the motion with the joints of a part at their first angles. Its key points are stale:
    references make their own."""
    assert motion.joint_angles is not None
    angles = motion.joint_angles.copy()
    mine = [i for i, name in enumerate(motion.joint_names) if name.startswith(PARTS[part])]
    angles[:, mine] = angles[0, mine]
    return replace(motion, joint_angles=angles)


@cache
def _all() -> dict[str, Condition]:
    data: dict[str, dict[str, Any]] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())
    rows: dict[str, dict[str, Any]] = {
        name: {k: tuple(v) if isinstance(v, list) else v for k, v in row.items()} for name, row in data.items()
    }
    return {name: Condition(**row) for name, row in rows.items()}
