"""Holding: where hand and fingers go so that thumb and fingertips touch a thing from two sides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from envs.human.hand import FINGERS, Hand
from envs.human.stage import HandPose, Stage

# Of fingertips to the thumb's plane, along the hand's y towards the thumb, for a hand of size 1.
ROWS_M = {"Thumb": 0.006, "IndexFinger": 0.014, "MiddleFinger": -0.008, "RingFinger": -0.028, "LittleFinger": -0.046}
# Where the held place is in the hand's frame, from which the easiest is taken.
AHEAD_M, ASIDE_M, BELOW_M = (0.095, 0.11, 0.125), (0.012, 0.024), (-0.075, -0.06, -0.045, -0.032)
PAD_M = 0.005  # from a fingertip's end to the skin of its pad
MISS_M = 0.009  # a fingertip so near to its place touches
CLEAR_M = 0.004  # of everything above the table
EASY = np.array([0.0, 0.45, 0.6, 0.4])
"""Joints of a hand that holds without strain."""


@dataclass(frozen=True)
class Grip:
    """A way to hold a thing."""

    pose: HandPose
    touching: dict[str, np.ndarray]  # finger -> its place on the thing's surface (3,)
    strain: float


def turn_of(heading: float, pitch: float, roll: float, sign: float) -> np.ndarray:
    """Return the rotation of a hand that points to ``heading`` (rad from ahead to the left), fingers down by ``pitch``.

    ``roll`` lifts the thumb's side: 0 has the palm down, pi/2 upright. ``sign``: 1 for a right hand, -1 for a left one.
    """
    c, s = np.cos(heading), np.sin(heading)
    a, b = np.cos(pitch), np.sin(pitch)
    u, v = np.cos(roll * sign), np.sin(roll * sign)
    yaw = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    nod = np.array([[a, 0, b], [0, 1, 0], [-b, 0, a]])
    tilt = np.array([[1, 0, 0], [0, u, -v], [0, v, u]])
    return yaw @ nod @ tilt


def hold(stage: Stage, side: str, turn: np.ndarray, middle: np.ndarray, floor: float) -> Grip | None:
    """Return the easiest grip of the carried thing around ``middle`` (3,) with the hand turned so; None if there is
    none.

    ``floor`` is the height that no part of the hand may be below.
    """
    hand = stage.hands[side]
    across = np.array([turn[0, 0], turn[1, 0], 0.0])
    across /= np.linalg.norm(across)
    rows = turn[:, 1] - across * (across @ turn[:, 1])
    rows *= hand.sign * hand.size / np.linalg.norm(rows)
    touching = _surface(stage, middle, across, rows)
    if "Thumb" not in touching or "IndexFinger" not in touching and "MiddleFinger" not in touching:
        return None
    opposite = touching.get("IndexFinger", touching.get("MiddleFinger"))
    assert opposite is not None
    centre = middle + across * (across @ ((touching["Thumb"] + opposite) / 2 - middle))
    goals = {n: p + across * (PAD_M if n != "Thumb" else -PAD_M) for n, p in touching.items()}
    best: Grip | None = None
    for ahead in AHEAD_M:
        for aside in ASIDE_M:
            for below in BELOW_M:
                offset = hand.size * np.array([ahead, aside * hand.sign, below])
                grip = _try(hand, HandPose(centre - turn @ offset, turn, {}), goals, touching)
                if grip and (best is None or grip.strain < best.strain) and _above(hand, grip.pose, floor):
                    best = grip
    return best


def opened(hand: Hand, fingers: dict[str, np.ndarray], by: float) -> dict[str, np.ndarray]:
    """Return a hand's joints with fingers and thumb opened by ``by`` rad at the knuckles,
    and a little at the other joints."""
    away = np.array([0.0, -1.0, -0.35, -0.2]) * by
    wide = {n: q + away * (0.8 if n == "Thumb" else 1.0) for n, q in fingers.items()}
    return {n: np.clip(q, *hand.fingers[n].limits.T) for n, q in wide.items()}


def _surface(stage: Stage, middle: np.ndarray, across: np.ndarray, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Return where each finger's row meets the thing, the thumb from one side and the others from the other."""
    found = {}
    for name in FINGERS:
        point = stage.touch(middle + rows * ROWS_M[name], -across if name == "Thumb" else across)
        if point is not None:
            found[name] = point
    return found


def _try(hand: Hand, pose: HandPose, goals: dict[str, np.ndarray], touching: dict[str, np.ndarray]) -> Grip | None:
    """Place the fingers; None when thumb and two fingers (or all that have a place) do not get to theirs."""
    local = {n: (p - pose.place) @ pose.turn for n, p in goals.items()}
    fingers = hand.place(local)
    misses = {n: float(np.linalg.norm(hand.fingers[n].tip(fingers[n]) - p)) for n, p in local.items()}
    near = [n for n, miss in misses.items() if miss < MISS_M]
    if "Thumb" not in near or len(near) < min(3, len(goals)):
        return None
    for name, beside in zip(FINGERS[2:], FINGERS[1:], strict=False):
        if name not in near:  # a finger without a place curls along with its neighbour
            q = fingers[beside] + [0.0, 0.08, 0.12, 0.08]
            fingers[name] = np.clip(q, *hand.fingers[name].limits.T)
    strain = sum(float(np.square(fingers[n][1:] - EASY[1:]).sum()) + (40 * misses[n]) ** 2 for n in near) / len(near)
    return Grip(HandPose(pose.place, pose.turn, fingers), {n: touching[n] for n in near}, strain)


def lowest(hand: Hand, pose: HandPose) -> float:
    """Return the height of the lowest point of a hand's skin."""
    points = [np.array([[0.0, 0.0, -0.019], [0.03, -0.025 * hand.sign, -0.012]]) * hand.size]
    depth: list[np.ndarray] = [np.zeros(2)]
    for name, finger in hand.fingers.items():
        points.append(finger.chain(pose.fingers[name]))
        depth.append(finger.radii * np.array([1, 1, 1, 0.5]))
    heights = np.concatenate(points) @ pose.turn[2] + pose.place[2]
    return float((heights - np.concatenate(depth)).min())


def _above(hand: Hand, pose: HandPose, floor: float) -> bool:
    return lowest(hand, pose) > floor + CLEAR_M
