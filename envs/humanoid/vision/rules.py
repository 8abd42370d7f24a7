"""When a vision task is done: one pure function each, of what has happened so far. Limits come from ``scenes.toml``.

All places are metres in the world, which is the frame of the robot's start. Rules never see what the agent commanded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from envs.humanoid.reference import FPS
from tasks.motion.keypoints import INDEX

WRISTS = (INDEX["left_wrist"], INDEX["right_wrist"])
SHOULDERS = (INDEX["left_shoulder"], INDEX["right_shoulder"])
LEFT_HAND, RIGHT_HAND, LEFT_FOOT, RIGHT_FOOT, REST = range(5)
FEWEST_LAG_FRAMES = 5
"""The partner's motion is compared at every tenth of a second of lag."""


@dataclass(frozen=True)
class History:
    """T control steps of an episode, after each step. A robot that has fallen ends it, so that here it stands."""

    root: np.ndarray  # (T, 7) position, quaternion wxyz
    keypoints: np.ndarray  # (T, 15, 3)
    object: np.ndarray  # (T, 3) the middle of the object
    touched: (
        np.ndarray
    )  # (T, 5) left hand, right hand, left foot, right foot, rest of the robot at the object during the step
    grounded: np.ndarray  # (T, 2) left and right foot on the ground
    toes_and_heels: np.ndarray  # (T, 8) x of the soles' corners
    partner: np.ndarray  # (T, 15, 3) key points of the partner; zeros where there is none
    dancing: np.ndarray  # (T,) 1 while the partner dances, 2 after it


Limits = Mapping[str, float]


def faces(seen: History, limits: Limits) -> bool:
    """Return whether the robot has faced the object for ``held_s``, its yaw ``within_deg`` of the object's bearing."""
    return _held(_off_deg(seen) <= limits["within_deg"], limits["held_s"])


def holds(seen: History, limits: Limits) -> bool:
    """Return whether both hands have touched the object for ``held_s`` while it was ``lift_m`` above where it stood."""
    both = seen.touched[:, LEFT_HAND] & seen.touched[:, RIGHT_HAND]
    return _held(both & (seen.object[:, 2] > seen.object[0, 2] + limits["lift_m"]), limits["held_s"])


def waves(seen: History, limits: Limits) -> bool:
    """Return whether, in the last ``held_s``, the robot faced the person with a wrist above its shoulder, which swung
    sideways.

    A swing is a way of ``swing_m`` between two turning points; ``swings`` of them are asked for.
    """
    frames = _frames(limits["held_s"])
    if len(seen.root) < frames:
        return False
    facing = (_off_deg(seen)[-frames:] <= limits["within_deg"]).all()
    yaw = _yaw(seen.root[-frames:])
    left = np.stack([-np.sin(yaw), np.cos(yaw)], -1)
    for wrist, shoulder in zip(WRISTS, SHOULDERS, strict=True):
        arm = (seen.keypoints[:, wrist] - seen.keypoints[:, shoulder])[-frames:]
        sideways = (arm[:, :2] * left).sum(-1)
        if facing and (arm[:, 2] > 0).all() and swings(sideways, limits["swing_m"]) >= limits["swings"]:
            return True
    return False


def swings(path: np.ndarray, least: float) -> int:
    """Return how often a path (T,) goes ``least`` or more one way after having gone the other way, the first way
    included.

    >>> swings(np.array([0.0, 1.0, 0.0, 1.0, 0.9, 1.0]), 0.5)
    3
    """
    count, way, turned = 0, 0, float(path[0])
    for value in path.tolist():
        if way == 0:
            if abs(value - turned) >= least:
                count, way, turned = 1, (1 if value > turned else -1), value
        elif (value - turned) * way > 0:
            turned = value
        elif abs(value - turned) >= least:
            count, way, turned = count + 1, -way, value
    return count


def avoids(seen: History, limits: Limits) -> bool:
    """Return whether the obstacle, which comes along -x, is ``behind_m`` behind the robot and never touched it."""
    passed = seen.object[-1, 0] < seen.root[-1, 0] - limits["behind_m"]
    return bool(passed and not seen.touched.any())


def jumps(seen: History, limits: Limits) -> bool:
    """Return whether both soles are beyond the object for ``held_s``, with no foot on the ground while crossing,
    and none on the object."""
    down = np.logical_and(seen.grounded[:, 0], seen.grounded[:, 1])
    beyond = np.logical_and.reduce(seen.toes_and_heels > seen.object[:, :1], axis=-1) & down
    before = np.logical_and.reduce(seen.toes_and_heels < seen.object[:, :1], axis=-1) & down
    if seen.touched.any() or not before.any() or not _held(beyond, limits["held_s"]):
        return False
    last = int(np.flatnonzero(before)[-1])
    crossing = seen.grounded[last + 1 :]
    landed = int(np.argmax(beyond[last + 1 :]))
    # Between leaving the near side and standing on the far one, nothing but the air: a foot that came down alone has
    # stepped.
    return bool((~crossing[:landed].any(-1)).any() and not _stepped(seen, last, last + 1 + landed))


def _stepped(seen: History, last: int, landed: int) -> bool:
    """Return whether one foot stood beyond the object while the other still stood before it."""
    feet = seen.toes_and_heels[last:landed].reshape(-1, 2, 4)
    line = seen.object[last:landed, None, None, 0]
    down = seen.grounded[last:landed]
    across, near = (feet > line).all(-1) & down, (feet < line).all(-1) & down
    return bool((across[:, 0] & near[:, 1]).any() or (across[:, 1] & near[:, 0]).any())


def dances(seen: History, limits: Limits) -> bool:
    """Return whether the robot made the partner's motion: mean key-point distance, both from their roots and headings.

    It is the smallest over a lag of up to ``lag_s``; at most ``mean_m``, and at most ``of_still`` of what standing
    still would have had."""
    if not len(seen.dancing) or seen.dancing[-1] != 2:
        return False
    mine, theirs = from_heading(seen.keypoints), from_heading(seen.partner)
    frames = np.flatnonzero(seen.dancing == 1)
    still = float(np.linalg.norm(mine[frames[0]] - theirs[frames], axis=-1).mean())
    found = []
    for lag in range(0, _frames(limits["lag_s"]) + 1, FEWEST_LAG_FRAMES):
        later = frames + lag
        kept = later < len(mine)
        if kept.all():
            found.append(float(np.linalg.norm(mine[later] - theirs[frames], axis=-1).mean()))
    return bool(found and min(found) <= min(limits["mean_m"], limits["of_still"] * still))


def from_heading(points: np.ndarray) -> np.ndarray:
    """Return key points (T, 15, 3) from the pelvis, x across which the hips lie: a body's own view of its pose."""
    hips = points[:, INDEX["left_hip"], :2] - points[:, INDEX["right_hip"], :2]
    left = hips / np.maximum(np.linalg.norm(hips, axis=-1, keepdims=True), 1e-9)
    forward = np.stack([left[:, 1], -left[:, 0]], -1)
    arm = points - points[:, :1]
    along = (arm[..., :2] * forward[:, None]).sum(-1)
    across = (arm[..., :2] * left[:, None]).sum(-1)
    return np.stack([along, across, arm[..., 2]], -1)


def punches(seen: History, limits: Limits) -> bool:
    """Return whether a hand hit the object with a wrist at ``speed_m_s`` or more,
    and the robot stood for ``held_s`` after it."""
    for hand, wrist in zip((LEFT_HAND, RIGHT_HAND), WRISTS, strict=True):
        hits = np.flatnonzero(seen.touched[:, hand])
        if len(hits) and hits[0] >= 2 and len(seen.root) - hits[0] > _frames(limits["held_s"]):
            before = seen.keypoints[hits[0] - 2 : hits[0], wrist]  # the two frames before the step of the touch
            if float(np.linalg.norm(before[1] - before[0])) * FPS >= limits["speed_m_s"]:
                return True
    return False


def kicks(seen: History, limits: Limits) -> bool:
    """Return whether a foot sent the object off at ``speed_m_s`` or more, ``within_deg`` of straight ahead,
    and the robot stood after it."""
    hits = np.flatnonzero(seen.touched[:, LEFT_FOOT] | seen.touched[:, RIGHT_FOOT])
    if not len(hits) or len(seen.root) - hits[0] <= _frames(limits["held_s"]):
        return False
    way = np.diff(seen.object[hits[0] :, :2], axis=0) * FPS
    speed = np.linalg.norm(way, axis=-1)
    fastest = way[int(np.argmax(speed))]
    yaw = float(_yaw(seen.root[:1])[0])
    ahead = np.degrees(np.arccos(np.clip((fastest @ [np.cos(yaw), np.sin(yaw)]) / max(speed.max(), 1e-9), -1, 1)))
    return bool(speed.max() >= limits["speed_m_s"] and ahead <= limits["within_deg"])


RULES: dict[str, Callable[[History, Limits], bool]] = {
    f.__name__: f for f in (faces, holds, waves, avoids, jumps, dances, punches, kicks)
}


def _frames(seconds: float) -> int:
    return round(seconds * FPS)


def _held(good: np.ndarray, seconds: float) -> bool:
    frames = _frames(seconds)
    return len(good) >= frames and bool(good[-frames:].all())


def _yaw(pose: np.ndarray) -> np.ndarray:
    w, x, y, z = pose[:, 3:7].T
    return np.arctan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))


def _off_deg(seen: History) -> np.ndarray:
    """Return how far the heading is from the object's bearing at every frame: (T,) degrees."""
    way = seen.object[:, :2] - seen.root[:, :2]
    off = np.arctan2(way[:, 1], way[:, 0]) - _yaw(seen.root)
    return np.degrees(np.abs(np.arctan2(np.sin(off), np.cos(off))))
