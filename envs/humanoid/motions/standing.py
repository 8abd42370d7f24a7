"""Motions on both feet: stand, squat, bow."""

from __future__ import annotations

import numpy as np

from envs.humanoid.motions.captions import COUNTED, TIMES, manner, pick, sample_captions, sampled_pace
from envs.humanoid.motions.plan import SIDES, STANCE_M, STANDING_M, MotionPlan, add_joint, move_arm, standing
from envs.humanoid.motions.posing import PosingModel
from envs.humanoid.motions.timing import keyed, passage, settling, sway

HANGING_FORWARD = {"shoulder_pitch": -1.35, "shoulder_roll": 0.08, "shoulder_yaw": 0.0, "elbow": 1.35}
FOLDED = {"shoulder_pitch": -0.45, "shoulder_roll": 0.1, "shoulder_yaw": -0.75, "elbow": 0.1}
ON_HIPS = {"shoulder_pitch": 0.35, "shoulder_roll": 0.55, "shoulder_yaw": -0.75, "elbow": 0.35}
AT_SIDES = {"shoulder_pitch": 0.05, "shoulder_roll": 0.16, "shoulder_yaw": 0.0, "elbow": 1.4}


def breathe(plan: MotionPlan, rng: np.random.Generator, size: float = 1.0) -> None:
    """Add what nobody can keep from: the pressure wanders by millimetres,
    the trunk and the arms by hundredths of a radian."""
    t = plan.t
    plan.pressure = plan.pressure + np.stack([sway(t, rng, 0.006), sway(t, rng, 0.008)], axis=-1) * size
    plan.pelvis[:, 1] += sway(t, rng, 0.012) * size
    add_joint(plan, "waist_yaw", sway(t, rng, 0.03) * size)
    for side in SIDES:
        add_joint(plan, f"{side}_shoulder_pitch", sway(t, rng, 0.03) * size)
        add_joint(plan, f"{side}_elbow", sway(t, rng, 0.04) * size)


def stand(rng: np.random.Generator, body: PosingModel) -> MotionPlan:
    """Stand: still, on one leg's weight, looking around, or with the hands somewhere."""
    plan = standing(rng.uniform(3.5, 7.0))
    return pick(rng, (_still, _shift_weight, _look, _hands))(plan, rng)


def _still(plan: MotionPlan, rng: np.random.Generator) -> MotionPlan:
    breathe(plan, rng, rng.uniform(0.5, 1.3))
    plan.texts = sample_captions(
        rng,
        (
            "{who} stands still",
            "{who} stands upright and does not move",
            "{who} is standing in place with the arms hanging down",
            "{who} waits, standing on both feet",
            "{who} just stands there",
            "{who} remains standing without taking a step",
        ),
    )
    return plan


def _shift_weight(plan: MotionPlan, rng: np.random.Generator) -> MotionPlan:
    side, end = pick(rng, SIDES), plan.t[-1]
    share = keyed(plan.t, ((0.5, 0), (1.4, 1), (end - 1.4, 1), (end - 0.4, 0)))
    sign = 1 if side == "left" else -1
    plan.pressure[:, 1] += sign * rng.uniform(0.65, 0.85) * STANCE_M * share
    plan.pelvis[:, 0] += sign * rng.uniform(0.02, 0.05) * share
    breathe(plan, rng, 0.7)
    other = "right" if side == "left" else "left"
    plan.texts = sample_captions(
        rng,
        (
            "{who} shifts the weight onto the {side} leg and back",
            "{who} leans over the {side} foot, then stands straight again",
            "{who} stands and puts the weight on the {side} foot for a while",
            "standing, {who} sways to the {side} and returns to the middle",
            "{who} moves the body over the {side} leg to rest the {other} one",
            "{who} shifts to the {side} without lifting a foot",
        ),
        side=side,
        other=other,
    )
    return plan


def _look(plan: MotionPlan, rng: np.random.Generator) -> MotionPlan:
    first, end = pick(rng, SIDES), plan.t[-1]
    sign, size = (1 if first == "left" else -1), rng.uniform(0.35, 0.7)
    middle = 0.5 * end
    keys = ((0.5, 0), (1.2, 1), (middle - 0.4, 1), (middle + 0.5, -1), (end - 1.2, -1), (end - 0.4, 0))
    add_joint(plan, "waist_yaw", sign * size * keyed(plan.t, keys))
    plan.pelvis[:, 2] += sign * 0.08 * keyed(plan.t, keys)
    breathe(plan, rng, 0.7)
    plan.texts = sample_captions(
        rng,
        (
            "{who} stands and looks to the {first}, then to the {second}",
            "{who} turns the upper body {first} and then {second}, with the feet in place",
            "{who} looks around, first {first}, then {second}",
            "{who} twists at the waist to the {first} and to the {second}",
            "standing on the spot, {who} looks over to the {first} and over to the {second}",
        ),
        first=first,
        second="right" if first == "left" else "left",
    )
    return plan


def _hands(plan: MotionPlan, rng: np.random.Generator) -> MotionPlan:
    where, pose = pick(
        rng,
        (
            ("on the hips", ON_HIPS),
            ("folded in front of the belly", FOLDED),
            ("stretched out in front", HANGING_FORWARD),
        ),
    )
    end = plan.t[-1]
    share = keyed(plan.t, ((0.4, 0), (1.3, 1), (end - 1.3, 1), (end - 0.4, 0)))
    for side in SIDES:
        move_arm(plan, side, pose, share)
    breathe(plan, rng, 0.7)
    plan.texts = sample_captions(
        rng,
        (
            "{who} stands with the hands {where}",
            "{who} brings both hands up, holds them {where}, and lets them sink again",
            "{who} stands still, hands {where}",
            "standing, {who} keeps both hands {where} for a moment",
            "{who} waits with the hands {where}",
        ),
        where=where,
    )
    return plan


def squat(rng: np.random.Generator, body: PosingModel) -> MotionPlan:
    """Squat one to three times, a little, halfway or deep, with the arms forward or hanging."""
    depth = pick(rng, ("shallow", "halfway", "deep"))
    low = {"shallow": rng.uniform(0.64, 0.68), "halfway": rng.uniform(0.54, 0.6), "deep": rng.uniform(0.43, 0.49)}[
        depth
    ]
    pace, count = sampled_pace(rng), int(rng.integers(1, 4))
    drop = STANDING_M - low
    down, hold, up = (0.7 + 1.4 * drop) / pace, rng.uniform(0.1, 0.7), (0.6 + 1.3 * drop) / pace
    count = max(1, min(count, int(7.5 // (down + hold + up + 0.25))))
    plan = standing(max(3.0, 1.3 + count * (down + hold + up + 0.25)))
    share = np.zeros(len(plan.t))
    for i in range(count):
        start = 0.5 + i * (down + hold + up + 0.25)
        share += keyed(plan.t, ((start, 0), (start + down, 1), (start + down + hold, 1), (start + down + hold + up, 0)))
    plan.height = plan.height - drop * share
    plan.pelvis[:, 1] += (0.15 + 1.15 * drop) * share
    arms = pick(
        rng, ("with the arms stretched forward", "with the arms hanging", "with the hands in front of the chest")
    )
    pose = {"with the arms stretched forward": HANGING_FORWARD, "with the hands in front of the chest": FOLDED}.get(
        arms
    )
    for side in SIDES:
        move_arm(plan, side, pose or {"shoulder_pitch": -0.35, "elbow": 1.15}, share)
    breathe(plan, rng, 0.6)
    words = {"shallow": "a little", "halfway": "halfway down", "deep": "deep down"}
    plan.texts = sample_captions(
        rng,
        (
            "{who} squats {how} {times} {manner}",
            "{who} does {count} {depth} squat{s} {manner} {arms}",
            "{who} bends the knees {how} and stands up again, {times}",
            "{who} {manner} lowers the body {how} {arms} and rises, {times}",
            "{who} goes into a {depth} squat {times}, {arms}",
            "{count} {depth} squat{s} {arms}, done {manner}" if manner(pace) else "{count} {depth} squat{s} {arms}",
        ),
        how=words[depth],
        depth={"halfway": "half"}.get(depth, depth),
        times=TIMES[count],
        count=COUNTED[count],
        s="" if count == 1 else "s",
        manner=manner(pace),
        arms=arms,
    )
    return plan


def bow(rng: np.random.Generator, body: PosingModel) -> MotionPlan:
    """Bow once or twice, slightly or deeply, with the hands at the sides or on the belly."""
    deep, pace, count = bool(rng.integers(2)), sampled_pace(rng), int(rng.integers(1, 3))
    angle = rng.uniform(0.75, 1.05) if deep else rng.uniform(0.3, 0.5)
    down, hold, up = (0.7 + 0.5 * angle) / pace, rng.uniform(0.25, 1.0), (0.75 + 0.5 * angle) / pace
    plan = standing(max(3.0, 1.6 + count * (down + hold + up + 0.2)))
    share, settle = np.zeros(len(plan.t)), np.zeros(len(plan.t))
    for i in range(count):
        start = 0.6 + i * (down + hold + up + 0.2)
        share += keyed(plan.t, ((start, 0), (start + down, 1), (start + down + hold, 1), (start + down + hold + up, 0)))
        settle += settling(plan.t, start + down)
    lean = angle * share + 0.02 * settle
    add_joint(plan, "waist_pitch", 0.25 * lean)
    plan.pelvis[:, 1] += 0.75 * lean
    plan.height = plan.height - 0.03 * angle * share
    hands = pick(rng, ("at the sides", "in front of the belly"))
    held = passage(plan.t, 0.2, 0.9) * (1 - passage(plan.t, plan.t[-1] - 0.8, plan.t[-1] - 0.1))
    for side in SIDES:
        move_arm(plan, side, AT_SIDES if hands == "at the sides" else FOLDED, held)
        if hands == "at the sides":
            add_joint(plan, f"{side}_shoulder_pitch", -0.45 * lean)
    breathe(plan, rng, 0.6)
    plan.texts = sample_captions(
        rng,
        (
            "{who} bows {how} {times} {manner}",
            "{who} bends {how} forward at the hips and straightens up again, {times}",
            "{who} takes {count} {size} bow{s} with the hands {hands}",
            "{who} {manner} bows {times}, hands {hands}",
            "{who} leans the upper body {how} forward in greeting, {times}",
            "{who} makes {count} {size} bow{s}",
        ),
        how="deeply" if deep else "slightly",
        size="deep" if deep else "small",
        times=TIMES[count],
        count="a" if count == 1 else COUNTED[count],
        s="" if count == 1 else "s",
        manner=manner(pace),
        hands=hands,
    )
    return plan
