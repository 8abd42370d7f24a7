"""Motions in which a leg, or the whole body, leaves the ground: kick, jump."""

from __future__ import annotations

import numpy as np

from envs.humanoid.motions.balance import GRAVITY
from envs.humanoid.motions.captions import COUNTED, TIMES, manner, pick, sample_captions, sampled_pace
from envs.humanoid.motions.plan import (
    FOOT_FORWARD_M,
    LEFT,
    RIGHT,
    SIDES,
    STANCE_M,
    TOE_M,
    MotionPlan,
    add_joint,
    standing,
    tilt_foot,
)
from envs.humanoid.motions.posing import PosingModel
from envs.humanoid.motions.standing import breathe
from envs.humanoid.motions.timing import ease, flowing, keyed, passage

LEG_M = 0.595
"""How far from the hip the foot is when it hits."""
HIP_M = 0.6
"""The hip over the ankle of the standing leg."""


def kick(rng: np.random.Generator, body: PosingModel) -> MotionPlan:
    """Kick with one leg, forward or sideways, low or high, once or twice."""
    side, direction = pick(rng, SIDES), pick(rng, ("forward", "forward", "sideways"))
    high, pace, count = bool(rng.integers(2)), sampled_pace(rng), int(rng.integers(1, 3))
    foot, sign = (LEFT, 1) if side == "left" else (RIGHT, -1)
    shift, beat = 0.85, 1.25 / pace
    start = 0.4 + shift
    end = start + count * beat
    plan = standing(max(3.0, end + 1.5))
    t = plan.t
    bearing = keyed(t, ((0.4, 0), (start + 0.05, 1), (end - 0.1, 1), (end + 0.8, 0)))
    plan.pressure[:, 1] -= sign * STANCE_M * bearing
    forward = direction == "forward"
    up = rng.uniform(*((0.27, 0.36) if forward else (0.15, 0.2))) if high else rng.uniform(0.07, 0.12)
    for i in range(count):
        _swing_leg(plan, foot, start + i * beat, beat, up, forward)
    plan.height = plan.height - 0.02 * bearing
    breathe(plan, rng, 0.4)
    plan.texts = sample_captions(
        rng,
        (
            "{who} kicks {direction} with the {side} leg {times} {manner}",
            "{who} does {count} {height} kick{s} {direction} with the {side} foot",
            "{who} shifts onto the {other} foot and kicks {direction} with the {side} one",
            "{who} swings the {side} leg {direction} in a {height} kick {times}",
            "{who} {manner} kicks {times} with the {side} foot",
            "standing on the {other} leg, {who} kicks {height} and {direction}",
        ),
        side=side,
        other="right" if side == "left" else "left",
        direction="to the side" if direction == "sideways" else "forward",
        height="high" if high else "low",
        times=TIMES[count],
        count=COUNTED[count],
        s="" if count == 1 else "s",
        manner=manner(pace),
    )
    return plan


def _swing_leg(plan: MotionPlan, foot: int, start: float, beat: float, up: float, forward: bool) -> None:
    """The foot is drawn up, thrown out to ``up`` m over the floor as far as the leg is long, drawn in, and put down."""
    t, sign = plan.t, (1 if foot == LEFT else -1)
    out = np.sqrt(LEG_M**2 - (HIP_M - up) ** 2)
    times = start + beat * np.array([0.08, 0.3, 0.52, 0.72, 0.92])

    def through(drawn: float, hit: float, back: float) -> np.ndarray:
        return flowing(t, list(zip(times, (0, drawn, hit, back, 0), strict=True)))

    lift = flowing(t, list(zip((start, *times[1:4], start + beat), (0, 0.11, up, 0.12, 0), strict=True)))
    plan.support[(t > start) & (t < start + beat), foot] = False
    # Thrown forward, the foot goes with the shank: the ankle cannot stretch by more than half a radian.
    tilt_foot(plan, foot, through(0.35, 0.35 - np.arctan2(out, HIP_M - up) if forward else -0.05, 0.2))
    plan.feet[:, foot, 0] += through(-0.13, out - 0.03, 0.08) if forward else through(0.02, 0.02, 0.08)
    plan.feet[:, foot, 1] += np.zeros(len(t)) if forward else sign * through(0, out - STANCE_M, 0.1 * (out - STANCE_M))
    plan.feet[:, foot, 2] += np.maximum(lift, 0.0)
    plan.pelvis[:, 1] += through(0.06, -0.14 if forward else 0.0, 0)
    plan.pelvis[:, 0] += sign * through(0, 0.03 if forward else 0.22, 0)
    for side, way in zip(SIDES, (1, -1) if foot == LEFT else (-1, 1), strict=True):
        add_joint(plan, f"{side}_shoulder_pitch", way * through(-0.25, 0.45, 0.1))
        add_joint(plan, f"{side}_shoulder_roll", (1 if side == "left" else -1) * through(0.1, 0.3, 0.1))


def jump(rng: np.random.Generator, body: PosingModel) -> MotionPlan:
    """Jump once or twice, on the spot or forward, low or higher, with the arms swinging."""
    count, forward = int(rng.integers(1, 3)), bool(rng.integers(2))
    rise, far = rng.uniform(0.03, 0.1), rng.uniform(0.12, 0.3)
    speed = np.sqrt(2 * GRAVITY * rise)
    flight, crouch, push = 2 * speed / GRAVITY, rng.uniform(0.55, 0.75), rng.uniform(0.28, 0.36)
    cycle = crouch + push + flight + 0.95
    plan = standing(max(3.0, 0.6 + count * cycle + 0.9))
    plan.rise = np.zeros(len(plan.t))
    for i in range(count):
        off = 0.6 + i * cycle + crouch + push
        leap(plan, off, flight, speed, crouch, push)
        if forward:
            carry(plan, off, flight, far)
    breathe(plan, rng, 0.3)
    plan.texts = sample_captions(
        rng,
        (
            "{who} jumps {where} {times}",
            "{who} bends the knees and jumps {where}, {times}",
            "{who} makes {count} {size} jump{s} {where} with both feet",
            "{who} leaps {where} {times} and lands softly on both feet",
            "{who} swings the arms and hops {where} {times}",
            "{count} {size} jump{s} {where}",
        ),
        where="forward" if forward else "on the spot",
        times=TIMES[count],
        count=COUNTED[count],
        size="small" if rise < 0.06 else "big",
        s="" if count == 1 else "s",
    )
    return plan


def leap(plan: MotionPlan, off: float, flight: float, speed: float, crouch: float, push: float) -> None:
    """The centre of mass sinks, is thrown up, falls, and is caught; the feet go with it, heels first up, last down."""
    t, on = plan.t, off + flight
    top = 0.03  # how much higher than in standing it is when the toes leave: the ankles are stretched
    depth = speed * push * 0.36 + 0.02
    height = _cubic(t, (off - push, -depth, 0.0), (off, top, speed))
    caught = _cubic(t, (on, top, -speed), (on + push, -0.8 * depth, 0.0))
    rise = -depth * passage(t, off - push - crouch, off - push)
    rise = np.where(t > off - push, height, rise)
    rise = np.where(t > off, top + speed * (t - off) - GRAVITY / 2 * (t - off) ** 2, rise)
    rise = np.where(t > on, caught, rise)
    rise = np.where(t > on + push, -0.8 * depth * (1 - passage(t, on + push, on + push + 0.6)), rise)
    plan.rise = plan.rise + rise
    plan.height = plan.height + rise
    flying = (t > off) & (t < on)
    plan.support[flying] = False
    tip = 0.42 * ease((t - off + 0.16) / 0.2) * (1 - ease((t - on + 0.12) / 0.2))
    for foot in (LEFT, RIGHT):
        tilt_foot(plan, foot, tip)
    plan.pressure[:, 0] += (TOE_M - 0.01 - FOOT_FORWARD_M) * ease(tip / 0.15)
    ballistic = np.where(flying, speed * (t - off) - GRAVITY / 2 * (t - off) ** 2, 0.0)
    plan.feet[..., 2] += ballistic[:, None]
    lean = keyed(t, ((off - push - crouch, 0), (off - push, 1), (off + 0.5 * flight, 0)))
    lean += 0.8 * keyed(t, ((on - 0.05, 0), (on + push, 1), (on + push + 0.6, 0)))
    plan.pelvis[:, 1] += (0.25 + 1.4 * depth) * lean
    arms = keyed(
        t,
        (
            (off - push - crouch, 0),
            (off - push - 0.05, 0.75),
            (off + 0.05, -0.9),
            (on + push, -0.35),
            (on + push + 0.6, 0),
        ),
    )
    for side in SIDES:
        add_joint(plan, f"{side}_shoulder_pitch", arms)
        add_joint(plan, f"{side}_elbow", -0.25 * np.abs(arms))


def carry(plan: MotionPlan, off: float, flight: float, far: float) -> None:
    moved = far * np.clip((plan.t - off) / flight, 0.0, 1.0)
    moved = np.where((plan.t > off) & (plan.t < off + flight), far * ease((plan.t - off) / flight), moved)
    plan.feet[..., 0] += moved[:, None]
    plan.pressure[:, 0] += far * (plan.t > off + 0.5 * flight)


def _cubic(t: np.ndarray, start: tuple[float, float, float], end: tuple[float, float, float]) -> np.ndarray:
    """Return the cubic between two (second, height, speed), held outside."""
    span = end[0] - start[0]
    u = np.clip((t - start[0]) / span, 0.0, 1.0)
    return (
        start[1] * (1 + 2 * u) * (1 - u) ** 2
        + start[2] * span * u * (1 - u) ** 2
        + end[1] * u**2 * (3 - 2 * u)
        + end[2] * span * u**2 * (u - 1)
    )
