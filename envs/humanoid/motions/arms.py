"""Motions of the arms over standing feet: wave, reach, punch."""

from __future__ import annotations

import numpy as np

from envs.humanoid.motions.captions import COUNTED, TIMES, manner, pick, sample_captions, sampled_pace
from envs.humanoid.motions.plan import SIDES, STANCE_M, MotionPlan, add_joint, move_arm, standing
from envs.humanoid.motions.posing import PosingModel
from envs.humanoid.motions.standing import breathe
from envs.humanoid.motions.timing import bump, keyed, passage, settling, swings

BESIDE = {"shoulder_pitch": -0.35, "shoulder_roll": 1.15, "shoulder_yaw": 1.35, "elbow": -0.35}
IN_FRONT = {"shoulder_pitch": -0.75, "shoulder_roll": 0.35, "shoulder_yaw": 0.15, "elbow": -0.75}
OVERHEAD = {"shoulder_pitch": -2.55, "shoulder_roll": 0.35, "shoulder_yaw": 0.0, "elbow": 1.0}
GUARD_M = (0.19, -0.02, 0.03)
"""Of the left fist from its shoulder, in the trunk: forward, outward, up."""


def wave(rng: np.random.Generator, body: PosingModel) -> MotionPlan:
    """Wave with one hand or both, two to five times, beside the head, in front or overhead."""
    who, place = pick(rng, ("left", "right", "left", "right", "both")), pick(rng, ("beside", "front", "over"))
    pace, count = sampled_pace(rng), int(rng.integers(2, 6))
    pose = {"beside": BESIDE, "front": IN_FRONT, "over": OVERHEAD}[place]
    raising, beat = 0.85 / pace, 0.62 / pace
    start = 0.45 + raising
    end = start + count * beat
    plan = standing(max(3.0, end + 1.15 / pace + 0.5))
    share = keyed(plan.t, ((0.4, 0), (start, 1), (end, 1), (end + raising * 1.1, 0)))
    swing = rng.uniform(0.3, 0.5) * swings(plan.t, start - 0.1, end, count)
    for side in SIDES if who == "both" else (who,):
        move_arm(plan, side, pose, share)
        joint = {"beside": "elbow", "front": "shoulder_yaw", "over": "shoulder_roll"}[place]
        sign = -1 if side == "right" and joint != "elbow" else 1
        add_joint(plan, f"{side}_{joint}", sign * swing)
        add_joint(plan, f"{side}_shoulder_pitch", 0.05 * settling(plan.t, start))
    if who != "both":
        lean = (1 if who == "left" else -1) * share
        plan.pelvis[:, 0] += 0.02 * lean
        add_joint(plan, "waist_yaw", -0.08 * lean)
    breathe(plan, rng, 0.7)
    plan.texts = sample_captions(
        rng,
        (
            "{who} waves with {hand} {times} {manner}",
            "{who} raises {hand} {place} and waves {times}",
            "{who} greets someone by waving {hand} {place}",
            "{who} {manner} waves {hand} {times}",
            "{who} lifts {hand} {place}, waves {times} and lowers {it} again",
            "{who} stands and waves {hand} {manner}",
        ),
        hand="both hands" if who == "both" else f"the {who} hand",
        it="them" if who == "both" else "it",
        place={"beside": "beside the head", "front": "in front of the shoulder", "over": "over the head"}[place]
        if who != "both"
        else {"beside": "beside the head", "front": "in front of the shoulders", "over": "over the head"}[place],
        times=TIMES[count],
        manner=manner(pace),
    )
    return plan


REACHES = {  # forward, outward, up of the hand from its shoulder as parts of the arm; trunk: pitch, twist to the front
    "forward": ((0.97, 0.0, 0.0), 0.12, 0.2),
    "up": ((0.25, 0.05, 0.95), -0.03, 0.1),
    "sideways": ((0.15, 0.97, 0.0), 0.0, -0.15),
    "across": ((0.72, -0.55, -0.05), 0.08, 0.3),
    "down": ((0.55, 0.0, -0.8), 0.75, 0.1),
}


def reach(rng: np.random.Generator, body: PosingModel) -> MotionPlan:
    """Reach with one hand or both: forward, up, sideways, across the body, or down towards the floor."""
    direction = pick(rng, tuple(REACHES))
    who = pick(rng, SIDES if direction == "across" else ("left", "right", "left", "right", "both"))
    toward, pitch, twist = REACHES[direction]
    pace, far = sampled_pace(rng), rng.uniform(0.82, 1.0)
    height = rng.uniform(-0.3, 0.3) if direction in ("forward", "sideways") else 0.0
    going, hold = 0.95 / pace, rng.uniform(0.3, 1.0)
    start, count = 0.5, 1 if rng.random() < 0.65 else 2
    cycle = going * 2.1 + hold
    plan = standing(max(3.0, start + count * cycle + 0.7))
    share, settle = np.zeros(len(plan.t)), np.zeros(len(plan.t))
    for i in range(count):
        at = start + i * cycle
        share += keyed(plan.t, ((at, 0), (at + going, 1), (at + going + hold, 1), (at + 2.1 * going + hold, 0)))
        settle += settling(plan.t, at + going)
    direct = np.array([toward[0], toward[1], toward[2] + height])
    goal = far * body.arm_m * direct / max(np.linalg.norm(direct), 0.97)
    for side in SIDES if who == "both" else (who,):
        move_arm(plan, side, body.arm_to(side, goal), share)
        add_joint(plan, f"{side}_shoulder_pitch", 0.025 * settle)
    sign = {"left": -1, "right": 1, "both": 0}[who]
    add_joint(plan, "waist_yaw", sign * twist * far * share)
    if direction == "down":
        plan.height = plan.height - rng.uniform(0.12, 0.24) * share
    plan.pelvis[:, 1] += pitch * far * share
    plan.pressure[:, 0] += 0.015 * share
    if direction == "sideways" and sign:
        plan.pressure[:, 1] -= sign * 0.4 * STANCE_M * share
    breathe(plan, rng, 0.6)
    plan.texts = _reach_texts(rng, who, direction, height, pace, count)
    return plan


def _reach_texts(
    rng: np.random.Generator, who: str, direction: str, height: float, pace: float, count: int
) -> list[str]:
    level = (
        "below shoulder height" if height < -0.1 else "above shoulder height" if height > 0.1 else "at shoulder height"
    )
    where = {
        "forward": f"forward {level}",
        "up": "up over the head",
        "sideways": f"out to the side {level}" if who != "both" else f"out to both sides {level}",
        "across": f"across the body to the {'right' if who == 'left' else 'left'}",
        "down": "down towards the floor",
    }[direction]
    return sample_captions(
        rng,
        (
            "{who} reaches {where} with {hand} {times}",
            "{who} {manner} stretches {arm} {where} {times}",
            "{who} extends {hand} {where} as if to take something, {times}",
            "{who} moves {hand} {where}, holds it there and takes it back, {times}",
            "with {hand}, {who} reaches {where} {manner}",
            "{who} reaches {where} {times} {manner}",
        ),
        where=where,
        hand="both hands" if who == "both" else f"the {who} hand",
        arm="both arms" if who == "both" else f"the {who} arm",
        manner=manner(pace),
        times=TIMES[count] if count > 1 else "",
    )


def punch(rng: np.random.Generator, body: PosingModel) -> MotionPlan:
    """Punch from a guard: one to four times, with one fist or by turns, at the height of the head or of the body."""
    hands = pick(rng, ("left", "right", "alternating"))
    count, pace, high = int(rng.integers(1, 5)), sampled_pace(rng), bool(rng.integers(2))
    if hands == "alternating":
        count = max(count, 2)
    first = hands if hands != "alternating" else pick(rng, SIDES)
    raising, beat = 0.7, rng.uniform(0.85, 1.0) / pace
    start = 0.4 + raising + 0.15
    plan = standing(max(3.0, start + count * beat + 1.4))
    end = start + count * beat + 0.15
    share = passage(plan.t, 0.4, 0.4 + raising) * (1 - passage(plan.t, end, end + 0.8))
    guard = {side: body.arm_to(side, np.array(GUARD_M)) for side in SIDES}
    for side in SIDES:
        move_arm(plan, side, guard[side], share)
    plan.height = plan.height - 0.035 * share
    plan.pelvis[:, 1] += 0.06 * share
    goal = body.arm_m * rng.uniform(0.93, 0.99) * np.array([0.97, -0.2, 0.12 if high else -0.22])
    for i in range(count):
        side = first if hands != "alternating" or i % 2 == 0 else SIDES[1 - SIDES.index(first)]
        strike(plan, side, body.arm_to(side, goal), start + i * beat, beat)
    breathe(plan, rng, 0.5)
    fists = {"left": "the left fist", "right": "the right fist", "alternating": "alternating fists"}[hands]
    plan.texts = sample_captions(
        rng,
        (
            "{who} punches with {fists} {times} {manner}",
            "{who} raises the fists and throws {count} punch{es} with {fists}",
            "{who} throws {count} {manner_adjective} punch{es} {where}",
            "{who} boxes, hitting {where} with {fists} {times}",
            "from a guard, {who} strikes {where} {times} with {fists}",
            "{who} hits the air in front with {fists} {manner}",
        ),
        fists=fists,
        times=TIMES[count],
        count=COUNTED[count],
        es="" if count == 1 else "es",
        manner=manner(pace),
        manner_adjective={"slowly": "slow", "quickly": "quick", "": ""}[manner(pace)],
        where="at head height" if high else "at the body",
    )
    return plan


def strike(plan: MotionPlan, side: str, pose: dict[str, float], start: float, beat: float) -> None:
    """The fist goes back a little, out with the trunk turning behind it, and home more slowly than it came."""
    t, sign = plan.t, (1 if side == "right" else -1)
    back = bump(t, start, start + 0.36 * beat)
    add_joint(plan, f"{side}_shoulder_pitch", 0.18 * back)
    out = keyed(t, ((start + 0.2 * beat, 0), (start + 0.52 * beat, 1), (start + 0.56 * beat, 1), (start + beat, 0)))
    move_arm(plan, side, pose, out)
    turn = keyed(t, ((start, 0), (start + 0.22 * beat, -0.2), (start + 0.5 * beat, 1), (start + beat, 0)))
    add_joint(plan, "waist_yaw", sign * 0.4 * turn)
    plan.pelvis[:, 2] += sign * 0.1 * turn
    plan.pressure[:, 1] -= sign * 0.25 * STANCE_M * bump(t, start + 0.1 * beat, start + 0.9 * beat)
    plan.pressure[:, 0] += 0.015 * bump(t, start + 0.1 * beat, start + 0.9 * beat)
