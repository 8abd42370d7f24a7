"""Pushing a door or a drawer shut with a fist."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from agents.expert import hand
from agents.expert.fixtures import Opening
from agents.expert.kinematics import Pose
from agents.expert.motion import Script, Via, follow, go, plan, wait
from agents.expert.route import go_free
from agents.expert.task import Episode

FIST_RADIUS = 0.05
STANDOFF = 0.06
PRESS = 0.03  # metres that the target lies inside the panel, so that the fist keeps in touch
OVERSHOOT = 1.0  # share of the way: the joint's stop ends it
SHARES = np.linspace(0, OVERSHOOT, 10)
SPEED = 0.35
NEAR = 0.01
WIDTHS = {"drawer": (-0.7, -0.6, 0.6, 0.7), "cabinet": (0.1, 0.3, 0.5, 0.7), "microwave": (0.1, 0.3, 0.5, 0.7)}
"""Where to push, in halves of the panel's width, positive away from the hinge."""
HEIGHTS = (-0.5, 0.0, 0.4)  # in halves of the panel's height
HOLD_STEPS = 6  # the panel bounces off its stop


@dataclass(frozen=True)
class Push:
    """Where on the panel's outer face to push (3,), and the joints (10,) with the fist shortly before it."""

    contact: np.ndarray
    ready: np.ndarray


def choose_push(episode: Episode, side: str, opening: Opening) -> Push:
    """Return the push that this hand can best follow all the way from an upright waist."""
    body, data = episode.body, episode.scene.data
    arm, point = body.arms[side], hand.fist_center(side)
    thickness, width, height = opening.panel_sizes()
    center = opening.panel_center()
    outward = opening.outward(center)
    along = np.cross(outward, [0.0, 0.0, 1.0])
    if along @ (center - data.xanchor[opening.joint]) < 0:
        along = -along
    start = np.r_[np.zeros(3), arm.rest[3:]]

    def priced(contact: np.ndarray) -> tuple[float, Push]:
        before = arm.solve(Pose(contact + (FIST_RADIUS + STANDOFF) * outward), start, point, iterations=100)
        touch = arm.solve(Pose(contact + (FIST_RADIUS + NEAR) * outward), before.q, point)
        cost, q = before.cost, before.q
        for found in (before, touch):
            cost += 100 * body.penetration(side, found.q, hand.FIST)
        for target in _way(opening, contact)[::3]:
            found = arm.solve(Pose(target), q, point)
            cost, q = cost + found.cost, found.q
        return cost, Push(contact, before.q)

    places = [
        center + outward * thickness + along * width * w + np.array([0, 0, height * h])
        for w, h in itertools.product(WIDTHS[episode.scene.kind], HEIGHTS)
    ]
    return min((priced(place) for place in places), key=lambda found: found[0])[1]


def push_shut(episode: Episode, side: str, opening: Opening, push: Push) -> Script:
    """Follow the panel's way with a fist from ``push.ready`` until it is shut, step back; return whether it is shut."""
    body = episode.body
    point = hand.fist_center(side)
    episode.note("close")
    outward = opening.outward(push.contact, 1.0)
    path = plan(body.arms[side], body.joints(side), [Via(Pose(p), SPEED) for p in _way(opening, push.contact)], point)
    yield from follow(body, side, path.q)
    yield from wait(HOLD_STEPS)
    closed = opening.is_closed()
    here = body.arms[side].pose(body.joints(side), point)
    yield from go(body, side, [Via(Pose(here.position + STANDOFF * outward), 0.4)], point)
    return closed


def approach(episode: Episode, side: str, opening: Opening, push: Push) -> Script:
    """Bring the fist before the panel, round its edge where that is in the way."""
    episode.note("approach door")
    episode.body.set_hand(side, hand.FIST)
    outward = opening.outward(push.contact)
    before = push.contact + (FIST_RADIUS + STANDOFF) * outward
    yield from go_free(episode.body, side, _ways_to(before, outward), hand.fist_center(side))


def _ways_to(before: np.ndarray, outward: np.ndarray) -> list[list[Via]]:
    """Straight there, or round the panel's edge: from further out, from above, or both."""
    up = np.array([0.0, 0.0, 1.0])
    detours = [0.1 * outward, 0.15 * up, 0.1 * outward + 0.15 * up, 0.2 * outward + 0.2 * up]
    return [[Via(Pose(before), 0.6)], *([Via(Pose(before + d), 0.6), Via(Pose(before), 0.5)] for d in detours)]


def _way(opening: Opening, contact: np.ndarray) -> list[np.ndarray]:
    offset = FIST_RADIUS - PRESS
    return [opening.carried(contact, share) + offset * opening.outward(contact, share) for share in SHARES]
