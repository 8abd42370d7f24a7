"""Where a robot's key points should be to do what a person's do: its own bones in the person's directions,
its feet on its floor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_closing, binary_opening, gaussian_filter1d
from scipy.spatial.transform import Rotation

from envs.humanoid.robot import Robot
from tasks.motion.keypoints import ANKLES, INDEX
from tasks.motion.motion import Motion, MotionError

ACROSS = 0.9
"""How much of a unit axis lies along a direction for a hinge to count as one about it."""

GROUND_QUANTILE = 0.05
LOW_M, SLOW_M_S = 0.05, 0.3
"""An ankle that is no higher than this over its lowest, and no faster, stands (both in the robot's size)."""
SHORTEST_STAND_S = 0.1
SMOOTH_S = 0.02
"""Half power at 6.6 Hz: people move below that (Winter, Biomechanics of Human Movement), marker noise is above."""
BLEND_S = 0.06
SETTLE_S = 0.1
CREEP_M = 0.06
STRAIGHTEST, NEARLY_STRAIGHT = 0.8, 0.98
"""The quantile of a clip's frames that tell a leg's bow, and the least share of its bones' length that such a leg
spans."""
LIMBS = tuple(
    (INDEX[f"{side}_{tip}"], INDEX[f"{side}_{base}"])
    for side in ("left", "right")
    for base, tip in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))
)


@dataclass(frozen=True)
class Targets:
    """What the robot should do, frame by frame."""

    points: np.ndarray  # (T, 15, 3) m, in the robot's proportions
    feet: np.ndarray  # (T, 2, 3) the ankles once more, but still while they stand
    root_quat_wxyz: np.ndarray  # (T, 4)
    stands: np.ndarray  # (T, 2) bool
    scale: float  # the robot's leg over the person's
    fps: float


def resampled(motion: Motion, fps: float) -> np.ndarray:
    """Return a motion's key points (T, 15, 3) at another frame rate, by cubics through the given frames,
    without what is above 7 Hz."""
    from scipy.interpolate import CubicSpline

    given = np.arange(len(motion.keypoints)) / motion.fps
    wanted = np.arange(0, given[-1] + 1e-9, 1 / fps)
    if len(wanted) < 2:
        raise MotionError(
            f"{motion.name}: it lasts {given[-1]:.3f} s, which is less than two frames at {fps:g} a second"
        )
    points = CubicSpline(given, motion.keypoints, axis=0)(wanted)
    return gaussian_filter1d(points, SMOOTH_S * fps, axis=0, mode="nearest")


def fitted(motion: Motion, robot: Robot, rest: np.ndarray, fps: float) -> Targets:
    """Return the targets of a motion for a robot whose key points (15, 3) at joint angles 0, pelvis at the origin, are
    ``rest``.

    The robot's rigid parts (hips in the pelvis, torso, head and shoulders in the trunk) stay as they are, turned with
    the person's; limbs have the robot's lengths. Everything is moved so that the lowest ankles have the height of a
    standing robot's."""
    people = straightened(resampled(motion, fps))
    scale = leg(rest[None])[0] / float(np.median(leg(people)))
    points, pelvis = proportioned(people, robot, rest, scale)
    points[..., 2] += robot.sole_m - np.quantile(points[:, list(ANKLES), 2], GROUND_QUANTILE)
    stands = standing(points[:, list(ANKLES)], fps, robot.sole_m)
    points[..., 2] += _onto_floor(robot.sole_m - points[:, list(ANKLES), 2], stands, fps)[:, None]
    feet = _held(points[:, list(ANKLES)], stands, fps, robot.sole_m)
    return Targets(points, feet, pelvis.as_quat(scalar_first=True), stands, float(scale), fps)


def straightened(people: np.ndarray) -> np.ndarray:
    """Return key points (T, 15, 3) without the bow in the legs that a skeleton has when its knees are straight.

    SMPL's knees are 25 mm outside the line from hip to ankle at rest, and more in fits to video; a knee that is a hinge
    cannot go there. The bow is that of the frames in which the leg is longest; a leg that is never nearly straight is
    left as it is."""
    out = people.copy()
    across = people[:, INDEX["left_hip"]] - people[:, INDEX["right_hip"]]
    for side in ("left", "right"):
        hip, knee, ankle = (people[:, INDEX[f"{side}_{joint}"]] for joint in ("hip", "knee", "ankle"))
        way, far = _unit(ankle - hip)
        sideways, _ = _unit(across - (across * way).sum(-1, keepdims=True) * way)
        bones = np.linalg.norm(knee - hip, axis=-1) + np.linalg.norm(ankle - knee, axis=-1)
        straight = far[:, 0] / np.maximum(bones, 1e-6)
        longest = straight >= np.quantile(straight, STRAIGHTEST)
        if np.median(straight[longest]) > NEARLY_STRAIGHT:
            bow = np.median(((knee - hip) * sideways).sum(-1)[longest])
            out[:, INDEX[f"{side}_knee"]] -= bow * sideways
    return out


def proportioned(people: np.ndarray, robot: Robot, rest: np.ndarray, scale: float) -> tuple[np.ndarray, Rotation]:
    """Return key points (T, 15, 3) with a robot's bones in the directions of a person's, and the pelvis's turns;
    the floor is where it falls."""
    pelvis, trunk = _frames(people, robot)
    waist = rest[INDEX["torso"]] * [1, 1, 0] + [0, 0, _waist_height(robot)]
    points = np.empty_like(people)
    points[:, 0] = scale * people[:, 0]
    for side in ("left", "right"):
        thigh = pelvis.inv().apply(people[:, INDEX[f"{side}_knee"]] - people[:, INDEX[f"{side}_hip"]])
        points[:, INDEX[f"{side}_hip"]] = points[:, 0] + pelvis.apply(_hip(robot, rest, side, thigh))
    for name in ("torso", "head", "left_shoulder", "right_shoulder"):
        points[:, INDEX[name]] = points[:, 0] + pelvis.apply(waist) + trunk.apply(rest[INDEX[name]] - waist)
    for tip, base in LIMBS:
        direction = people[:, tip] - people[:, base]
        length = np.linalg.norm(rest[tip] - rest[base])
        points[:, tip] = (
            points[:, base] + direction / np.linalg.norm(direction, axis=-1, keepdims=True).clip(1e-6) * length
        )
    return points, pelvis


def leg(points: np.ndarray) -> np.ndarray:
    """Return the length (T,) of the legs of key points (T, 15, 3), hip to knee to ankle, m."""
    total = np.zeros(len(points))
    for side in ("left", "right"):
        hip, knee, ankle = (points[:, INDEX[f"{side}_{joint}"]] for joint in ("hip", "knee", "ankle"))
        total += np.linalg.norm(hip - knee, axis=-1) + np.linalg.norm(knee - ankle, axis=-1)
    return total / 2


def standing(ankles: np.ndarray, fps: float, sole_m: float) -> np.ndarray:
    """Return whether each of two ankles (T, 2, 3) stands, (T, 2): low and slow, for no less than a tenth of a second.

    ``sole_m`` is an ankle's height over its sole.
    """
    smooth = gaussian_filter1d(ankles, 0.02 * fps, axis=0, mode="nearest")
    speed = np.linalg.norm(np.gradient(smooth, 1 / fps, axis=0), axis=-1)
    still = (ankles[..., 2] < sole_m + LOW_M) & (speed < SLOW_M_S)
    width = max(1, round(SHORTEST_STAND_S * fps))
    shape = np.ones((width, 1), bool)
    # The ends count as what stands next to them: a clip that begins in a stand began before.
    padded = np.pad(still, ((width, width), (0, 0)), mode="edge")
    return binary_opening(binary_closing(padded, shape), shape)[width:-width]


def _onto_floor(lacks: np.ndarray, stands: np.ndarray, fps: float) -> np.ndarray:
    """How far (T,) a body must rise for the ankles that stand and lack (T, 2) m to be at their height, on average;
    slowly between stands."""
    count = stands.sum(axis=1)
    known = np.flatnonzero(count)
    if not len(known):
        return np.zeros(len(lacks))
    rise = (lacks * stands).sum(axis=1)[known] / count[known]
    return gaussian_filter1d(np.interp(np.arange(len(lacks)), known, rise), SETTLE_S * fps, mode="nearest")


def _held(ankles: np.ndarray, stands: np.ndarray, fps: float, sole_m: float) -> np.ndarray:
    """Each stand of a foot is at one place, on the floor; into it and out of it the foot goes over BLEND_S."""
    out = ankles.copy()
    for foot in range(2):
        for span in _stays(ankles[:, foot, :2], stands[:, foot]):
            inside = np.zeros(len(ankles))
            inside[span] = 1.0
            place = np.array([*ankles[span, foot, :2].mean(axis=0), sole_m])
            share = np.maximum(gaussian_filter1d(inside, BLEND_S * fps / 2, mode="nearest") * ~stands[:, foot], inside)
            out[:, foot] += share[:, None] * (place - ankles[:, foot])
    return out


def _stays(ways: np.ndarray, stands: np.ndarray) -> list[slice]:
    """Spans of frames in which a foot stands at one place; one that creeps farther than CREEP_M is at another."""
    spans, start = [], None
    for frame in range(len(stands) + 1):
        over = frame == len(stands) or not stands[frame]
        if start is not None and (over or np.linalg.norm(ways[frame] - ways[start]) > CREEP_M):
            spans.append(slice(start, frame))
            start = None
        if start is None and not over:
            start = frame
    return spans


def _hip(robot: Robot, rest: np.ndarray, side: str, thigh: np.ndarray) -> np.ndarray:
    """Where a hip (T, 3) is from the pelvis when its thigh has a direction (T, 3): the robot's hangs below the axis
    that it pitches about.

    Left at its place of rest, a hip that is bent by a right angle would be 43 mm from where the robot's can be, and its
    knee with it."""
    at_rest = rest[INDEX[f"{side}_hip"]]
    pitch = _pitches_about(robot, robot.carrier(f"{side}_hip"))
    axis = np.array([pitch[0], at_rest[1], pitch[2]])
    swing = np.arctan2(-thigh[:, 0], -thigh[:, 2])
    return axis + Rotation.from_rotvec(swing[:, None] * [0, 1, 0]).apply(at_rest - axis)


def _pitches_about(robot: Robot, hip: str) -> np.ndarray:
    """Return where the hinge is that pitches a hip, from the pelvis at rest:
    the last on the way to it whose axis is across."""
    place, found = np.zeros(3), np.zeros(3)
    for body in robot.path(hip):
        place = place + np.array(body.position)
        if abs(body.axis[1]) > ACROSS:
            found = place
    return found


def _frames(people: np.ndarray, robot: Robot) -> tuple[Rotation, Rotation]:
    """The turns of the pelvis and of the trunk. A waist that only turns about its own axis keeps both along one
    line."""
    hips = people[:, INDEX["left_hip"]] - people[:, INDEX["right_hip"]]
    shoulders = people[:, INDEX["left_shoulder"]] - people[:, INDEX["right_shoulder"]]
    between = 0.5 * (people[:, INDEX["left_shoulder"]] + people[:, INDEX["right_shoulder"]])
    spine = between - people[:, 0]
    bends = any(body.joint and abs(body.axis[2]) < ACROSS for body in robot.path(robot.carrier("torso")))
    if not bends:
        return _axes(hips, spine), _axes(shoulders, spine)
    lower = people[:, INDEX["torso"]] - people[:, 0]
    lower = lower / np.linalg.norm(lower, axis=-1, keepdims=True).clip(1e-6)
    return _axes(hips, lower + spine / np.linalg.norm(spine, axis=-1, keepdims=True).clip(1e-6)), _axes(
        shoulders, spine
    )


def _unit(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / lengths.clip(1e-6), lengths


def _axes(left: np.ndarray, up: np.ndarray) -> Rotation:
    up = up / np.linalg.norm(up, axis=-1, keepdims=True).clip(1e-6)
    left = left - (left * up).sum(-1, keepdims=True) * up
    left = left / np.linalg.norm(left, axis=-1, keepdims=True).clip(1e-6)
    return Rotation.from_matrix(np.stack([np.cross(left, up), left, up], axis=-1))


def _waist_height(robot: Robot) -> float:
    height = 0.0
    for body in reversed(robot.path(robot.carrier("torso"))):
        height = height + body.position[2]
    return height
