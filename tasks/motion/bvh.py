"""Motions as BVH: a skeleton of offsets and Euler angles in degrees, y up, in no particular unit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.motion.arrays import from_positions
from tasks.motion.foreign import Hints, check_place, frame_rate, keypoints_of
from tasks.motion.joint_names import keypoint_joints
from tasks.motion.keypoints import KEYPOINTS, NAMES
from tasks.motion.motion import Motion, MotionError, check_fps

if TYPE_CHECKING:
    import numpy as np

CHANNELS = tuple(f"{axis}{kind}" for kind in ("position", "rotation") for axis in "XYZ")
LEG_M = (0.4, 1.3)
"""A leg, hip to ankle, of anybody; where the unit is not said, the one of m, cm and mm that makes it so."""


@dataclass(frozen=True)
class Joint:
    """A joint of the skeleton."""

    name: str
    parent: int
    offset: tuple[float, float, float]
    channels: tuple[str, ...]


@dataclass(frozen=True)
class Bvh:
    """A file as it is written: joints in their order and channel values (frames, channels)."""

    joints: tuple[Joint, ...]
    values: np.ndarray
    frame_time: float

    def positions(self) -> np.ndarray:
        """Return world positions (frames, joints, 3) in the file's unit and axes."""
        import numpy as np
        from scipy.spatial.transform import Rotation

        out, turns, start = np.zeros((len(self.values), len(self.joints), 3)), [], 0
        for i, joint in enumerate(self.joints):
            values = dict(zip(joint.channels, self.values[:, start : start + len(joint.channels)].T, strict=True))
            start += len(joint.channels)
            place = np.stack([values.get(f"{a}position", np.full(len(out), o)) for a, o in _by_axis(joint.offset)], -1)
            order = [c for c in joint.channels if c.endswith("rotation")]
            turn = Rotation.identity(len(out))
            if order:
                angles = np.stack([values[c] for c in order], -1)
                turn = Rotation.from_euler("".join(c[0] for c in order), angles, degrees=True)
            out[:, i] = place if joint.parent < 0 else out[:, joint.parent] + turns[joint.parent].apply(place)
            turns.append(turn if joint.parent < 0 else turns[joint.parent] * turn)
        return out


def from_text(name: str, text: str, hints: Hints) -> Motion:
    """Return the motion of a BVH file's text; joints are found by the names that the usual exporters give them."""
    import numpy as np

    bvh = parse(name, text)
    rate = frame_rate(name, 1 / bvh.frame_time, hints)
    chosen = keypoint_joints(name, [joint.name for joint in bvh.joints], hints.joints)
    _check_limbs(name, bvh.joints, chosen)
    keypoints = bvh.positions()[:, chosen]
    unit = hints.metres_per_unit or _unit(name, keypoints)
    found = keypoints_of(name, keypoints * unit, "y", hints._replace(metres_per_unit=None))
    check_place(name, found, rate, hints)
    return from_positions(name, np.ascontiguousarray(found), rate)


def parse(name: str, text: str) -> Bvh:
    """Return what a BVH file says; MotionError names the line that cannot be read."""
    import numpy as np

    text = text.removeprefix("\ufeff")
    lines = ((number, line.split()) for number, line in enumerate(text.splitlines(), 1) if line.split())
    try:
        joints = _hierarchy(name, lines)
        frames, time = int(_after(name, lines, "Frames:")), float(_after(name, lines, "Time:"))
        check_fps(name, 1 / time if time else 0.0)
        width = sum(len(j.channels) for j in joints)
        rows = [_row(name, number, words, width) for number, words in lines]
    except StopIteration:
        raise MotionError(f"{name}: the file ends too early") from None
    except (ValueError, IndexError) as error:
        raise MotionError(f"{name}: this is no BVH: {error}") from error
    if len(rows) < frames:
        raise MotionError(f"{name}: it has {len(rows)} of the {frames} frames that its header names")
    if len(rows) > frames:
        raise MotionError(
            f"{name}: its header says {frames} frames, and {len(rows)} rows of numbers follow. Some exporters "
            "write the rest pose first and "
            f"do not count it: delete the row that is no frame, or write `Frames: {len(rows)}`"
        )
    values = np.array(rows, float).reshape(frames, width)
    _check_numbers(name, tuple(joints), values)
    return Bvh(tuple(joints), values, time)


def _check_numbers(name: str, joints: tuple[Joint, ...], values: np.ndarray) -> None:
    import numpy as np

    wrong = np.argwhere(~np.isfinite(values))
    if len(wrong):
        frame, column = wrong[0]
        joint, channel = [(joint.name, channel) for joint in joints for channel in joint.channels][column]
        raise MotionError(f"{name}: frame {frame}, {joint}: {channel} is {values[frame, column]}; expected a number")


def _hierarchy(name: str, lines: Iterator[tuple[int, list[str]]]) -> list[Joint]:
    joints: list[Joint] = []
    open_joints: list[int] = []  # -1 for an end site, which has a place but no channels
    heading = next(lines)[1][0]
    if heading != "HIERARCHY":
        raise MotionError(f"{name}: it begins with '{heading[:20]}'; a BVH begins with HIERARCHY")
    offset = (0.0, 0.0, 0.0)
    pending = ""
    for number, (word, *rest) in lines:
        if word in ("ROOT", "JOINT", "End"):
            pending = "" if word == "End" else " ".join(rest)
        elif word == "{":
            open_joints.append(len(joints) if pending else -1)
            if pending:
                joints.append(Joint(pending, open_joints[-2] if len(open_joints) > 1 else -1, offset, ()))
        elif word == "OFFSET" and open_joints[-1] >= 0:
            x, y, z = map(float, rest)
            joints[-1] = Joint(joints[-1].name, joints[-1].parent, (x, y, z), ())
        elif word == "CHANNELS":
            last, channels = joints[-1], tuple(c.capitalize() for c in rest[1:])
            if len(channels) != int(rest[0]) or not all(c in CHANNELS for c in channels):
                raise MotionError(f"{name}: line {number}: the channels of {last.name} are {' '.join(rest)}")
            joints[-1] = Joint(last.name, last.parent, last.offset, channels)
        elif word == "}":
            open_joints.pop()
        elif word == "MOTION":
            return joints
        elif word != "OFFSET":
            raise MotionError(f"{name}: line {number}: '{word[:20]}' is not a word of a BVH skeleton")
    raise StopIteration


def _after(name: str, lines: Iterator[tuple[int, list[str]]], word: str) -> str:
    number, words = next(lines)
    if word not in words or words[-1] == word:
        raise MotionError(f"{name}: line {number}: expected '{word}' and a number, came '{' '.join(words)[:40]}'")
    return words[-1]


def _row(name: str, number: int, words: list[str], width: int) -> list[float]:
    if len(words) != width:
        raise MotionError(f"{name}: line {number}: it has {len(words)} numbers; the skeleton has {width} channels")
    return [float(word) for word in words]


def _by_axis(offset: tuple[float, float, float]) -> Iterator[tuple[str, float]]:
    yield from zip("XYZ", offset, strict=True)


def _check_limbs(name: str, joints: tuple[Joint, ...], chosen: list[int]) -> None:
    """Raise MotionError unless knees are below hips, ankles below knees, and so on: the names may mean other joints."""
    for point, index in zip(KEYPOINTS, chosen, strict=True):
        if point.part == "torso" or point.parent < 0 or KEYPOINTS[point.parent].part != point.part:
            continue
        above, carrier = index, chosen[point.parent]
        while above >= 0 and above != carrier:
            above = joints[above].parent
        if above < 0:
            raise MotionError(
                f"{name}: '{joints[index].name}' was taken for the {point.name.replace('_', ' ')}, and it does "
                "not hang from "
                f"'{joints[carrier].name}'. Say which joint is which: `--joints {point.name}=NAME`"
            )


def _unit(name: str, keypoints: np.ndarray) -> float:
    import numpy as np

    hip, knee, ankle = (keypoints[0, NAMES.index(f"left_{joint}")] for joint in ("hip", "knee", "ankle"))
    leg = float(np.linalg.norm(hip - knee) + np.linalg.norm(knee - ankle))
    for unit in (1.0, 0.01, 0.001):
        if LEG_M[0] <= leg * unit <= LEG_M[1]:
            return unit
    raise MotionError(
        f"{name}: the left leg is {leg:.4g} units long, which is a leg in neither m, cm nor mm. "
        "Say `--metres-per-unit`; the CMU conversion of cgspeed has 0.0564."
    )
