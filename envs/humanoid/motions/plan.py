"""What a motion asks of the body at every frame, before any joint is known: feet, pressure, pelvis, arms, captions."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from envs.humanoid.motions.timing import FPS, bump, passage

LEFT, RIGHT, BOTH = 0, 1, 2
SIDES = ("left", "right")
STANCE_M = 0.118
"""Half the distance of the feet when the hips are not rolled."""
SOLE_M = 0.035
"""The height of the ankle over the sole."""
FOOT_FORWARD_M, TOE_M, HEEL_M = 0.035, 0.12, 0.05
"""From the ankle: to the middle of the sole, to the tip that rolls, back to the heel."""
SHIFT_S = 0.55
"""How long the weight takes onto the first foot and back from the last."""
STANDING_M = 0.775
"""The pelvis over the ground, with knees nearly straight."""
ARMS = {"shoulder_pitch": 0.15, "shoulder_roll": 0.18, "shoulder_yaw": 0.0, "elbow": 1.0, "wrist_roll": 0.0}
"""Hanging arms, of the left; rolls and yaws of the right have the other sign."""
MIRRORED = ("shoulder_roll", "shoulder_yaw", "wrist_roll", "wrist_yaw")


@dataclass
class MotionPlan:
    """A motion of T frames over the ground, which begins facing x."""

    t: np.ndarray  # (T,) s
    feet: np.ndarray  # (T, 2, 3) the ankle's place, less its height over a flat sole, m
    foot_turns: np.ndarray  # (T, 2, 3) roll, pitch, yaw, rad
    support: np.ndarray  # (T, 2) whether a foot is on the ground
    pressure: np.ndarray  # (T, 2) where the ground pushes, m
    height: np.ndarray  # (T,) the pelvis's, m
    pelvis: np.ndarray  # (T, 3) roll, pitch, yaw, rad
    joints: dict[str, np.ndarray]  # (T,) rad by joint, waist and arms; what is not named is 0
    rise: np.ndarray | None = None  # (T,) height that the centre of mass must have over its standing height, for jumps
    texts: list[str] = field(default_factory=list)


def standing(seconds: float) -> MotionPlan:
    """Return the plan of standing still."""
    t = np.arange(round(seconds * FPS) + 1) / FPS
    frames = len(t)
    feet = np.zeros((frames, 2, 3))
    feet[:, LEFT, 1], feet[:, RIGHT, 1] = STANCE_M, -STANCE_M
    plan = MotionPlan(
        t,
        feet,
        np.zeros((frames, 2, 3)),
        np.ones((frames, 2), bool),
        np.tile([FOOT_FORWARD_M, 0.0], (frames, 1)),
        np.full(frames, STANDING_M),
        np.zeros((frames, 3)),
        {},
    )
    for side in SIDES:
        for joint, angle in ARMS.items():
            plan.joints[f"{side}_{joint}"] = np.full(frames, signed(side, joint, angle))
    return plan


def signed(side: str, joint: str, angle: float) -> float:
    """Return a joint's angle for a side, of one given for the left."""
    return -angle if side == "right" and joint in MIRRORED else angle


def move_arm(plan: MotionPlan, side: str, pose: dict[str, float], share: np.ndarray) -> None:
    """Blend an arm from what it does into a pose (given for the left) by a share (T,) of 0..1."""
    for joint, angle in pose.items():
        name = f"{side}_{joint}"
        was = plan.joints.setdefault(name, np.zeros(len(plan.t)))
        plan.joints[name] = was + (signed(side, joint, angle) - was) * share


def add_joint(plan: MotionPlan, name: str, angle: np.ndarray) -> None:
    """Add an angle (T,) to a joint."""
    plan.joints[name] = plan.joints.get(name, 0.0) + angle


@dataclass(frozen=True)
class Footstep:
    """One foot's way through the air."""

    foot: int
    start: float
    end: float
    to: tuple[float, float, float]  # x, y, yaw of the foot afterwards
    lift: float  # m at its highest
    roll: float = 0.0  # rad by which the heel has come up when the toe leaves, and half of it the toe at landing


def middle(place: np.ndarray, yaw: np.ndarray) -> np.ndarray:
    """Return the middle (…, 2) of the sole of a foot at place (…, ≥2)."""
    return place[..., :2] + FOOT_FORWARD_M * np.stack([np.cos(yaw), np.sin(yaw)], axis=-1)


def walk_feet(plan: MotionPlan, steps: list[Footstep]) -> None:
    """Write steps into the feet, the support and the pressure; steps follow one another, feet alternate or repeat.

    The pressure is under the standing foot from when the other leaves the ground until it is back, and passes over
    between."""
    for step in steps:
        t, foot, turn = plan.t, plan.feet[:, step.foot], plan.foot_turns[:, step.foot]
        share = passage(t, step.start, step.end)
        was = np.array([foot[-1, 0], foot[-1, 1], turn[-1, 2]])
        moved = share[:, None] * (np.array(step.to) - was)
        foot[:, :2] += moved[:, :2]
        turn[:, 2] += moved[:, 2]
        foot[:, 2] += step.lift * bump(t, step.start, step.end)
        plan.support[(t > step.start) & (t < step.end), step.foot] = False
    plan.pressure = _under_standing_feet(plan, steps)
    for step in steps:
        if step.roll:
            _roll_over(plan, step)


def _under_standing_feet(plan: MotionPlan, steps: list[Footstep]) -> np.ndarray:
    soles = middle(plan.feet, plan.foot_turns[..., 2])
    places = np.concatenate([soles, soles.mean(axis=1, keepdims=True)], axis=1)  # left, right, between
    keys = [(max(steps[0].start - SHIFT_S, 0.0), BOTH)]
    for step in steps:
        keys += [(step.start, 1 - step.foot), (step.end, 1 - step.foot)]
    keys.append((steps[-1].end + SHIFT_S, BOTH))
    frames = [min(round(time * FPS), len(plan.t) - 1) for time, _ in keys]
    stops = np.array([places[frame, foot] for frame, (_, foot) in zip(frames, keys, strict=True)])
    out = np.repeat(stops[:1], len(plan.t), axis=0)
    for (start, _), (end, _), moved in zip(keys, keys[1:], np.diff(stops, axis=0), strict=False):
        out += passage(plan.t, start, end)[:, None] * moved
    return out


def _roll_over(plan: MotionPlan, step: Footstep) -> None:
    """Lift the heel before the toe leaves and land on the heel: the ankle turns about the toe, then about the heel."""
    t, span = plan.t, step.end - step.start
    leaving = passage(t, step.start - 0.3 * span, step.start + 0.15 * span)
    leaving = leaving * (1 - passage(t, step.start + 0.15 * span, step.start + 0.6 * span))
    landing = passage(t, step.start + 0.6 * span, step.start + 0.95 * span) * (
        1 - passage(t, step.end, step.end + 0.22 * span)
    )
    tilt_foot(plan, step.foot, step.roll * leaving - 0.4 * step.roll * landing)


def tilt_foot(plan: MotionPlan, foot: int, pitch: np.ndarray) -> None:
    """Add a pitch (T,) to a foot about the tip of its sole, toes down, or about its heel, toes up:
    what is lowest stays where it is."""
    pivot = np.where(pitch > 0, TOE_M, -HEEL_M)
    along = pivot * (1 - np.cos(pitch)) + SOLE_M * np.sin(pitch)
    up = pivot * np.sin(pitch) + SOLE_M * (np.cos(pitch) - 1)
    yaw = plan.foot_turns[:, foot, 2]
    plan.foot_turns[:, foot, 1] += pitch
    plan.feet[:, foot] += np.stack([along * np.cos(yaw), along * np.sin(yaw), up], axis=-1)
