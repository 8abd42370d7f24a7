"""Taking an object into one hand: choose how to hold it, go there, close, lift, and try another way if it slipped."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from agents.expert import hand
from agents.expert.kinematics import Pose
from agents.expert.motion import LAG_STEPS, Script, Via, go, wait
from agents.expert.route import go_free
from agents.expert.scene import Box
from agents.expert.task import Episode

YAWS = np.array([-0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0])
"""Directions of the fingers, radians from straight ahead, positive towards the body's middle."""
TILTS = (0.6, 0.75)
SIDE_TILT = 0.15
BELOW_CENTER = 0.008  # above an ellipsoid's equator the fingers squeeze it out
PALM_ROOM = 0.075  # metres between the grasp point and the palm that the object may fill
STANDOFF = 0.11
DETOUR = 0.12  # metres
LIFT = 0.13
LIFTED = 0.05
ATTEMPTS = 3
WRAPPED_FROM = 0.10  # metres of height from which the whole hand can close around an object from its side
TOPPED_UP_TO = 0.17  # and up to which it can be held from above
CHANGE_OVER = 0.12
PER_METRE = 15.0  # what it costs to be on the wrong side of the change-over


@dataclass(frozen=True)
class Grip:
    """One way to hold an object: how the palm is turned (radians) and where its grasp point goes."""

    yaw: float
    tilt: float
    roll: float
    point: np.ndarray  # what of the palm goes to the object (3,), metres in the palm's frame
    at: Pose
    approach: np.ndarray  # direction (3,) of the last centimetres
    cost: float = 0.0


def pick(episode: Episode, side: str) -> Script:
    """Grasp and lift the object; return the Grip that held, or None after ATTEMPTS."""
    body, scene = episode.body, episode.scene
    tried: list[Grip] = []
    for _ in range(ATTEMPTS):
        episode.note("reach", attempts=episode.report["attempts"] + 1)
        grip = best_grip(episode, side, tried)
        tried.append(grip)
        body.set_hand(side, hand.OPEN)
        yield from go_free(body, side, _ways(episode, side, grip), grip.point, scene.bodies("obj"))
        yield from wait(LAG_STEPS - 1)
        episode.note("grasp")
        body.set_hand(side, hand.CLOSED)
        height = scene.position("obj")[2]
        yield from wait(hand.CLOSING_STEPS)
        episode.note("lift")
        yield from go(body, side, [Via(grip.at.moved([0, 0, LIFT]), 0.4)], grip.point)
        if scene.position("obj")[2] - height > LIFTED:
            episode.note("lifted", lifted=True)
            return grip
        body.set_hand(side, hand.OPEN)
        yield from wait(4)
    return None


def _ways(episode: Episode, side: str, grip: Grip) -> list[list[Via]]:
    """Straight there, or first up, back, or both, out of what stands around the hand."""
    body = episode.body
    here = body.arms[side].pose(body.joints(side), grip.point)
    there = [Via(grip.at.moved(-STANDOFF * grip.approach), 0.6), Via(grip.at, 0.3)]
    up = np.array([0.0, 0.0, DETOUR])
    return [there, *([Via(here.moved(first), 0.6), *there] for first in (up, up - DETOUR * body.ahead, 2 * up))]


def best_grip(episode: Episode, side: str, tried: Iterable[Grip] = ()) -> Grip:
    """Return the cheapest way to hold the object: reachable, free, calm for the waist,
    across the object's long side."""
    grips = [_priced(episode, side, grip, tried) for grip in _grips(episode, side, episode.scene.box("obj"))]
    return min(grips, key=lambda grip: grip.cost)


def _grips(episode: Episode, side: str, box: Box) -> Iterable[Grip]:
    tall = 2 * float(box.extent[2])
    for yaw in episode.body.yaw + hand.inward(side) * YAWS:
        if tall > WRAPPED_FROM:
            rotation = hand.palm_rotation(side, yaw, SIDE_TILT, np.pi / 2)
            at, cost = Pose(box.center, rotation), PER_METRE * max(CHANGE_OVER - tall, 0.0)
            yield Grip(yaw, SIDE_TILT, np.pi / 2, hand.wrap_point(side), at, hand.palm_normal(side, rotation), cost)
        if tall > TOPPED_UP_TO:
            continue
        for tilt in TILTS:
            height = max(box.center[2] - BELOW_CENTER, box.top - PALM_ROOM)
            at = Pose(np.array([*box.center[:2], height]), hand.palm_rotation(side, yaw, tilt))
            cost = PER_METRE * max(tall - CHANGE_OVER, 0.0)
            yield Grip(yaw, tilt, 0.0, hand.grasp_point(side), at, np.array([0.0, 0.0, -1.0]), cost)


def _priced(episode: Episode, side: str, grip: Grip, tried: Iterable[Grip]) -> Grip:
    body = episode.body
    arm = body.arms[side]
    before = arm.solve(grip.at.moved(-STANDOFF * grip.approach), arm.rest, grip.point, iterations=80)
    there = arm.solve(grip.at, before.q, grip.point)
    direction, excess = episode.scene.box("obj").long_axis()
    along = abs(float(direction @ [np.cos(grip.yaw), np.sin(grip.yaw)]))
    ignored = episode.scene.bodies("obj")
    cost = grip.cost + max(before.cost, there.cost)
    cost += 0.8 * along * min(excess / 0.016, 1.0)
    cost += 0.12 * float(np.linalg.norm((there.q - arm.rest)[3:]))
    cost += 40 * body.penetration(side, there.q, hand.OPEN, ignored)
    cost += 40 * body.penetration(side, before.q, hand.OPEN)
    cost += sum(1.5 for old in tried if abs(old.yaw - grip.yaw) < 0.3 and abs(old.tilt - grip.tilt) < 0.1)
    return dataclasses.replace(grip, cost=cost)
