"""Motions of many steps: walk, side step, step in place, turn."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d

from envs.humanoid.motions.captions import COUNTED, manner, pick, sample_captions, sampled_pace
from envs.humanoid.motions.plan import (
    LEFT,
    RIGHT,
    SIDES,
    STANCE_M,
    Footstep,
    MotionPlan,
    add_joint,
    standing,
    tilt_foot,
    walk_feet,
)
from envs.humanoid.motions.posing import PosingModel
from envs.humanoid.motions.standing import breathe
from envs.humanoid.motions.timing import FPS, bump

FIRST_STEP_S = 0.95
LOWERED_M = 0.02
"""How much lower the pelvis is while walking than standing: knees that bend can take up a step."""


def walk(rng: np.random.Generator, body: PosingModel) -> MotionPlan:
    """Walk some steps forward or backward, straight or along a bend."""
    backward = rng.random() < 0.25
    pace, count = sampled_pace(rng), int(rng.integers(3, 9))
    length = rng.uniform(0.12, 0.2) if backward else rng.uniform(0.18, 0.36)
    bend = 0.0 if backward or rng.random() < 0.6 else float(rng.choice([-1, 1])) * rng.uniform(0.1, 0.2)
    beat = rng.uniform(0.54, 0.62) / pace
    beat = max(beat, 0.46)
    plan = standing(max(3.0, FIRST_STEP_S + count * beat + 1.2))
    foot, steps = int(rng.integers(2)), []
    place, yaw = np.zeros(2), 0.0
    for i in range(count):
        last = i == count - 1
        if not last:
            yaw += bend
            ahead = length * (0.75 if i == 0 else 1.0) * (-1 if backward else 1)
            place = place + ahead * np.array([np.cos(yaw - bend / 2), np.sin(yaw - bend / 2)])
        start = FIRST_STEP_S + i * beat
        steps.append(
            Footstep(
                foot,
                start,
                start + 0.74 * beat,
                beside(place, yaw, foot),
                0.045 + 0.05 * length,
                _roll(length, backward),
            )
        )
        foot = 1 - foot
    walk_feet(plan, steps)
    travel(plan, steps, swing=rng.uniform(0.7, 1.1), lead=0.2)
    breathe(plan, rng, 0.4)
    way = (
        "backward"
        if backward
        else "forward"
        if not bend
        else f"forward along a bend to the {'left' if bend > 0 else 'right'}"
    )
    size = "small" if length < 0.2 else "long" if length > 0.3 else "normal"
    plan.texts = sample_captions(
        rng,
        (
            "{who} walks {way} {manner}",
            "{who} takes {count} steps {way}",
            "{who} walks {count} {size} steps {way} and stops",
            "{who} starts from standing, walks {way} {manner} and stands still again",
            "{who} {manner} goes {way} with {size} steps",
            "{who} is walking {way}, {count} steps in all",
        ),
        way=way,
        count=COUNTED[count],
        size=size,
        manner=manner(pace),
    )
    return plan


def _roll(length: float, backward: bool) -> float:
    return 0.0 if backward or length < 0.2 else 0.9 * length


def side_step(rng: np.random.Generator, body: PosingModel) -> MotionPlan:
    """Step sideways one to four times, the other foot following."""
    side, pace, count = pick(rng, SIDES), sampled_pace(rng), int(rng.integers(1, 5))
    width, beat = rng.uniform(0.05, 0.105), max(rng.uniform(0.62, 0.7) / pace, 0.52)
    sign, lead = (1, LEFT) if side == "left" else (-1, RIGHT)
    plan = standing(max(3.0, FIRST_STEP_S + 2 * count * beat + 1.2))
    steps = []
    for i in range(2 * count):
        place = np.array([0.0, sign * width * (i // 2 + 1)])
        start, foot = FIRST_STEP_S + i * beat, lead if i % 2 == 0 else 1 - lead
        steps.append(Footstep(foot, start, start + 0.68 * beat, beside(place, 0.0, foot), rng.uniform(0.045, 0.06)))
    walk_feet(plan, steps)
    travel(plan, steps, swing=0.3, lead=0.0)
    breathe(plan, rng, 0.5)
    plan.texts = sample_captions(
        rng,
        (
            "{who} steps sideways to the {side} {count} time{s} {manner}",
            "{who} takes {count} {size} side step{s} to the {side}",
            "{who} moves {manner} to the {side} without turning, {count} step{s}",
            "facing forward, {who} side steps {side}",
            "{who} sidesteps to the {side}, bringing the other foot after, {count} time{s}",
            "{who} shuffles {side} with {count} {size} step{s}",
        ),
        side=side,
        count=COUNTED[count],
        s="" if count == 1 else "s",
        size="wide" if width > 0.08 else "small",
        manner=manner(pace),
    )
    return plan


def step_in_place(rng: np.random.Generator, body: PosingModel) -> MotionPlan:
    """Step on the spot, feet low or knees high."""
    high, pace, count = bool(rng.integers(2)), sampled_pace(rng), int(rng.integers(4, 10))
    lift = rng.uniform(0.15, 0.22) if high else rng.uniform(0.05, 0.09)
    beat = max((0.72 if high else 0.6) / pace, 0.5)
    count = min(count, int(7.8 / beat))
    plan = standing(max(3.0, FIRST_STEP_S + count * beat + 1.2))
    first = int(rng.integers(2))
    steps = []
    for i in range(count):
        start, foot = FIRST_STEP_S + i * beat, first if i % 2 == 0 else 1 - first
        steps.append(Footstep(foot, start, start + 0.7 * beat, beside(np.zeros(2), 0.0, foot), lift))
    walk_feet(plan, steps)
    for step in steps:
        # A raised knee carries the foot a little forward, toes hanging.
        rising = bump(plan.t, step.start, step.end)
        plan.feet[:, step.foot, 0] += 0.45 * lift * rising
        tilt_foot(plan, step.foot, 1.6 * lift * rising)
        for side, sign in zip(SIDES, (1, -1) if step.foot == LEFT else (-1, 1), strict=True):
            add_joint(plan, f"{side}_shoulder_pitch", sign * (0.25 if high else 0.12) * rising)
    travel(plan, steps, swing=0.0, lead=0.0)
    breathe(plan, rng, 0.5)
    plan.texts = sample_captions(
        rng,
        (
            "{who} steps in place {manner}",
            "{who} marches on the spot {how}",
            "{who} takes {count} steps without moving forward, {how}",
            "{who} lifts the feet by turns, {how}, {count} steps",
            "{who} {manner} walks on the spot {how}",
            "staying in place, {who} steps {count} times {how}",
        ),
        how="lifting the knees high" if high else "lifting the feet only a little",
        count=COUNTED[count],
        manner=manner(pace),
    )
    return plan


def turn(rng: np.random.Generator, body: PosingModel) -> MotionPlan:
    """Turn on the spot by 45 to 180 degrees, in small steps."""
    side, pace = pick(rng, SIDES), sampled_pace(rng)
    degrees = int(rng.choice([45, 90, 90, 135, 180]))
    each = rng.uniform(0.42, 0.6)
    count = max(2, int(np.ceil(np.deg2rad(degrees) / each)))
    beat = max(rng.uniform(0.58, 0.66) / pace, 0.5)
    sign, lead = (1, LEFT) if side == "left" else (-1, RIGHT)
    plan = standing(max(3.0, FIRST_STEP_S + (count + 1) * beat + 1.2))
    steps = []
    for i in range(count + 1):
        yaw = sign * np.deg2rad(degrees) * min(i + 1, count) / count
        start, foot = FIRST_STEP_S + i * beat, lead if i % 2 == 0 else 1 - lead
        steps.append(
            Footstep(foot, start, start + 0.7 * beat, beside(np.zeros(2), yaw, foot), rng.uniform(0.045, 0.06))
        )
    walk_feet(plan, steps)
    travel(plan, steps, swing=0.4, lead=0.3)
    breathe(plan, rng, 0.4)
    named = {45: "an eighth of a turn", 90: "a quarter turn", 135: "three eighths of a turn", 180: "half a turn"}[
        degrees
    ]
    plan.texts = sample_captions(
        rng,
        (
            "{who} turns {named} to the {side} {manner}",
            "{who} turns {degrees} degrees {side} on the spot",
            "{who} steps around to the {side}, {named}, and stands still",
            "{who} makes {named} {hand} in small steps",
            "{who} {manner} turns to the {side} without leaving the place, {degrees} degrees",
            "standing, {who} turns around to face backward over the {side} side"
            if degrees == 180
            else "{who} turns {side} by {degrees} degrees with {count} steps",
        ),
        named=named,
        degrees=str(degrees),
        side=side,
        hand="clockwise" if side == "right" else "counterclockwise",
        count=COUNTED[count + 1],
        manner=manner(pace),
    )
    return plan


def beside(place: np.ndarray, yaw: float, foot: int) -> tuple[float, float, float]:
    """Return x, y, yaw of a foot of a body at a place (2,) that faces yaw."""
    across = STANCE_M * (1 if foot == LEFT else -1)
    return (float(place[0] - across * np.sin(yaw)), float(place[1] + across * np.cos(yaw)), yaw)


def travel(plan: MotionPlan, steps: list[Footstep], swing: float, lead: float) -> None:
    """The pelvis faces as the feet do and dips, the trunk looks ahead of it by ``lead`` s,
    arms swing against the legs."""
    mean = plan.foot_turns[..., 2].mean(axis=1)
    facing = gaussian_filter1d(mean, 0.12 * FPS, mode="nearest")
    plan.pelvis[:, 2] += facing
    if lead:
        ahead = np.interp(plan.t + lead, plan.t, facing)
        add_joint(plan, "waist_yaw", np.clip(0.8 * (ahead - facing), -0.5, 0.5))
    forward = np.stack([np.cos(facing), np.sin(facing)], axis=-1)
    apart = ((plan.feet[:, LEFT, :2] - plan.feet[:, RIGHT, :2]) * forward).sum(axis=-1)
    apart = gaussian_filter1d(apart, 2.0, mode="nearest")
    plan.pelvis[:, 2] -= 0.22 * apart
    add_joint(plan, "waist_yaw", 0.35 * apart)
    for side, sign in zip(SIDES, (1, -1), strict=True):
        add_joint(plan, f"{side}_shoulder_pitch", sign * swing * apart)
        add_joint(plan, f"{side}_elbow", -0.35 * swing * np.maximum(-sign * apart, 0.0) - 0.1 * swing)
    going = np.zeros(len(plan.t))
    for step in steps:
        airborne = bump(plan.t, step.start, step.end)
        plan.pelvis[:, 0] += (0.02 if step.foot == RIGHT else -0.02) * -airborne
        going = np.maximum(going, ((plan.t > step.start - 0.5) & (plan.t < step.end + 0.4)).astype(float))
        plan.height = plan.height + 0.008 * airborne
    plan.height = plan.height - LOWERED_M * gaussian_filter1d(going, 0.12 * FPS, mode="nearest")
