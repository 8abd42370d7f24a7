"""Motions with an aim, made by the planner of the procedural set: turn by so much, walk so far, strike there.

Each begins and ends in the standing pose, in the frame of the feet: the agent sets it down where the robot stands.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np

from crossbody.errors import CrossbodyError, UnknownName
from crossbody.seeds import generator
from envs.humanoid.motions import arms, leaving, library, stepping
from envs.humanoid.motions.balance import GRAVITY
from envs.humanoid.motions.plan import (
    LEFT,
    RIGHT,
    SIDES,
    Footstep,
    MotionPlan,
    add_joint,
    move_arm,
    standing,
    walk_feet,
)
from envs.humanoid.motions.posing import PosingModel
from envs.humanoid.motions.timing import keyed, passage, swings
from envs.humanoid.robot import Robot

MOVES = ("squat", "wave", "reach")
DANCE = 2
"""Kinds that dances are made of, and how many one has."""
BEAT_S = 0.62
TURN_STEP_RAD, STRIDE_M, SIDE_M = 0.5, 0.26, 0.1
HAND_M = 0.15
"""From the wrist to the tip of the hand."""
STRIKE_TURN_RAD = 0.5
"""How far the trunk has turned, waist and pelvis, when the fist arrives."""


@dataclass(frozen=True)
class Frames:
    """A motion of T frames at 50 a second."""

    root: np.ndarray  # (T, 7) position m, quaternion wxyz
    joints: np.ndarray  # (T, D) rad
    keypoints: np.ndarray  # (T, 15, 3) m: what is commanded


class Skills:
    """The motions of one robot; not shared between threads."""

    def __init__(self, robot: Robot):
        self.body = PosingModel(robot)
        self._shoulders = _shoulders(self.body)

    def make(self, kind: str, **parameters: Any) -> Frames:
        """Return a motion of a kind; UnknownName for another kind, CrossbodyError for parameters that it does not
        have."""
        if kind not in KINDS:
            raise UnknownName("skill", kind, KINDS)
        known = [p for p in inspect.signature(KINDS[kind]).parameters if p != "skills"]
        if wrong := sorted(set(parameters) - set(known)):
            raise CrossbodyError(
                f"skill {kind} has no {', '.join(wrong)}; it has {', '.join(known) or 'no parameters'}"
            )
        for name, value in parameters.items():
            if not isinstance(value, str) and not np.isfinite(value).all():
                raise CrossbodyError(f"skill {kind}: {name} is {value}; expected finite numbers")
        return KINDS[kind](self, **parameters)

    def posed(self, plan: MotionPlan) -> Frames:
        """Return the frames of a plan."""
        qpos, _ = self.body.pose(plan)
        return Frames(qpos[:, :7], qpos[:, 7:], self.body.keypoints(qpos))

    def arm(self, side: str, wrist: np.ndarray, trunk_yaw: float = 0.0) -> dict[str, float]:
        """Return the arm's pose (of a left arm) that has the wrist at (x, y, z) m from the standing pelvis,
        trunk turned by an angle."""
        cos, sin = math.cos(trunk_yaw), math.sin(trunk_yaw)
        x, y, z = wrist
        goal = np.array([cos * x + sin * y, cos * y - sin * x, z]) - self._shoulders[side]
        return self.body.arm_to(side, goal * [1, 1 if side == "left" else -1, 1])


def stand(skills: Skills, seconds: float = 1.0) -> Frames:
    """Stand still."""
    return skills.posed(standing(seconds))


def turn(skills: Skills, angle: float) -> Frames:
    """Turn on the spot by an angle, left positive, in small steps."""
    count = max(1, math.ceil(abs(angle) / TURN_STEP_RAD))
    lead = LEFT if angle > 0 else RIGHT
    plan = standing(stepping.FIRST_STEP_S + (count + 1) * BEAT_S + 1.2)
    steps = []
    for i in range(count + 1):
        start, foot = stepping.FIRST_STEP_S + i * BEAT_S, lead if i % 2 == 0 else 1 - lead
        place = stepping.beside(np.zeros(2), angle * min(i + 1, count) / count, foot)
        steps.append(Footstep(foot, start, start + 0.7 * BEAT_S, place, 0.05))
    walk_feet(plan, steps)
    stepping.travel(plan, steps, swing=0.4, lead=0.3)
    return skills.posed(plan)


def walk(skills: Skills, distance: float) -> Frames:
    """Walk straight ahead by a distance, or back by a negative one."""
    count = max(2, math.ceil(abs(distance) / STRIDE_M + 1))
    plan = standing(stepping.FIRST_STEP_S + count * BEAT_S + 1.2)
    steps = []
    for i in range(count):
        place = np.array([distance * min(i + 1, count - 1) / (count - 1), 0.0])
        start, foot = stepping.FIRST_STEP_S + i * BEAT_S, i % 2
        steps.append(Footstep(foot, start, start + 0.74 * BEAT_S, stepping.beside(place, 0.0, foot), 0.06))
    walk_feet(plan, steps)
    stepping.travel(plan, steps, swing=0.9, lead=0.2)
    return skills.posed(plan)


def side_step(skills: Skills, distance: float) -> Frames:
    """Step sideways by a distance, left positive, the other foot following."""
    pairs = max(1, math.ceil(abs(distance) / SIDE_M))
    lead = LEFT if distance > 0 else RIGHT
    plan = standing(stepping.FIRST_STEP_S + 2 * pairs * BEAT_S + 1.2)
    steps = []
    for i in range(2 * pairs):
        place = np.array([0.0, distance * (i // 2 + 1) / pairs])
        start, foot = stepping.FIRST_STEP_S + i * BEAT_S, lead if i % 2 == 0 else 1 - lead
        steps.append(Footstep(foot, start, start + 0.68 * BEAT_S, stepping.beside(place, 0.0, foot), 0.05))
    walk_feet(plan, steps)
    stepping.travel(plan, steps, swing=0.3, lead=0.0)
    return skills.posed(plan)


def wave(skills: Skills, side: str = "right", count: int = 6) -> Frames:
    """Wave beside the head."""
    _check_side("wave", side)
    start = 1.3
    end = start + count * BEAT_S
    plan = standing(end + 1.6)
    share = keyed(plan.t, ((0.4, 0), (start, 1), (end, 1), (end + 0.95, 0)))
    move_arm(plan, side, arms.BESIDE, share)
    add_joint(plan, f"{side}_elbow", 0.45 * swings(plan.t, start - 0.1, end, count))
    return skills.posed(plan)


def punch(skills: Skills, side: str, target: np.ndarray) -> Frames:
    """Strike once from a guard, the tip of the hand towards (x, y, z) m from the standing pelvis."""
    _check_side("punch", side)
    goal = np.asarray(target, float)
    start, beat = 1.25, 0.85
    plan = standing(start + beat + 1.6)
    end = start + beat + 0.15
    share = passage(plan.t, 0.4, 1.1) * (1 - passage(plan.t, end, end + 0.8))
    for arm in SIDES:
        move_arm(plan, arm, skills.body.arm_to(arm, np.array(arms.GUARD_M)), share)
    plan.height = plan.height - 0.035 * share
    sign = 1 if side == "right" else -1
    shoulder = np.array([0.0, -0.1 * sign, goal[2]])
    way = (goal - shoulder) / np.linalg.norm(goal - shoulder)
    arms.strike(plan, side, skills.arm(side, goal - HAND_M * way, sign * STRIKE_TURN_RAD), start, beat)
    return skills.posed(plan)


def kick(skills: Skills, side: str) -> Frames:
    """Kick forward once, low: the quickest such clip among the first of the set that nothing was trained on."""
    _check_side("kick", side)
    foot = SIDES.index(side)
    best, quickest = None, 0.0
    for k in range(KICKS_TRIED):
        number = library.HELD_OUT_EVERY * k + library.HELD_OUT_EVERY - 1
        plan = leaving.kick(generator(number, "motion/kick"), skills.body)
        path = plan.feet[:, foot]
        once = np.count_nonzero(np.diff(plan.support[:, foot].astype(int)) == -1) == 1
        if once and path[:, 0].max() > 0.15 and path[:, 2].max() < LOW_KICK_M:
            speed = float(np.diff(path[:, 0]).max())
            best, quickest = (plan, speed) if speed > quickest else (best, quickest)
    if best is None:
        raise CrossbodyError(
            f"no kick forward with the {side} foot among {KICKS_TRIED} clips; library version {library.VERSION}"
        )
    return skills.posed(best)


def jump(skills: Skills, far: float, rise: float = 0.1) -> Frames:
    """Jump forward with both feet."""
    speed = math.sqrt(2 * GRAVITY * rise)
    flight, crouch, push = 2 * speed / GRAVITY, 0.65, 0.32
    plan = standing(0.6 + crouch + push + flight + 1.9)
    plan.rise = np.zeros(len(plan.t))
    off = 0.6 + crouch + push
    leaving.leap(plan, off, flight, speed, crouch, push)
    leaving.carry(plan, off, flight, far)
    return skills.posed(plan)


def hold(skills: Skills, target: np.ndarray, width: float, lift: float = 0.1) -> Frames:
    """Put the hands to both sides of a thing ``width`` wide in the middle (x, y, z) m from the pelvis, press,
    and lift it; it ends so."""
    x, y, z = np.asarray(target, float)
    plan = standing(HOLD_S)
    shares = [passage(plan.t, start, start + span) for start, span in ((0.4, 1.2), (1.7, 0.7), (2.6, 1.2))]
    for side, sign in (("left", 1), ("right", -1)):
        # Wide beside it, then where its sides are less a little that the arms press with, then higher.
        for share, outward, up in zip(shares, (0.09, PRESS_M, PRESS_M), (0.0, 0.0, lift), strict=True):
            wrist = np.array([x - HAND_M + 0.04, y + sign * (width / 2 + outward), z + up])
            move_arm(plan, side, skills.arm(side, wrist), share)
    return skills.posed(plan)


def dance(skills: Skills, number: int) -> Frames:
    """Dance a numbered dance, move after move; ``choreography`` says of which clips it is made."""
    clips = [library.make(kind, seed, skills.body.robot.name) for kind, seed in choreography(number)]
    root = np.concatenate([np.column_stack([c.root_position, c.root_quat_wxyz]) for c in clips])
    joints = np.concatenate([np.asarray(c.joint_angles) for c in clips])
    return Frames(root, joints, np.concatenate([c.keypoints for c in clips]))


def choreography(number: int) -> list[tuple[str, int]]:
    """Return kind and seed of the moves of a dance; none of the clips was trained on."""
    rng = generator(number, "dance")
    kinds = [MOVES[int(i)] for i in rng.permutation(len(MOVES))[:DANCE]]
    return [(kind, library.HELD_OUT_EVERY * int(rng.integers(1000)) + library.HELD_OUT_EVERY - 1) for kind in kinds]


KINDS: dict[str, Callable[..., Frames]] = {
    f.__name__: f for f in (stand, turn, walk, side_step, wave, punch, kick, jump, hold, dance)
}
KICKS_TRIED, LOW_KICK_M = 40, 0.16
HOLD_S = 4.2
PRESS_M = -0.04


def _check_side(kind: str, side: str) -> None:
    if side not in SIDES:
        raise CrossbodyError(f"skill {kind}: the side is {side!r}; expected left or right")


def _shoulders(body: PosingModel) -> dict[str, np.ndarray]:
    """Return where the shoulders are from the pelvis, the trunk upright."""
    data = mujoco.MjData(body.model)
    data.qpos[3] = 1
    mujoco.mj_kinematics(body.model, data)
    return {side: data.body(body.robot.carrier(f"{side}_shoulder")).xpos - data.qpos[:3] for side in SIDES}
