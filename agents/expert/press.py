"""Pushing a door or a drawer shut with a fist."""

from __future__ import annotations

import itertools

import numpy as np

from agents.expert import hand
from agents.expert.fixtures import Opening
from agents.expert.kinematics import Pose
from agents.expert.motion import Script, Via, follow, go, plan, wait
from agents.expert.route import go_free
from agents.expert.task import Episode

FIST_RADIUS = 0.05
STANDOFF = 0.06
PRESS = 0.02  # metres that the target lies inside the panel, so that the fist keeps in touch
OVERSHOOT = 1.06  # share of the way: the joint's stop ends it
SHARES = np.linspace(0, OVERSHOOT, 10)
SPEED = 0.4
WIDTHS = (-0.2, 0.1, 0.4)  # where to push, in halves of the panel's width, positive away from the hinge
HEIGHTS = (-0.5, 0.0, 0.4)  # in halves of the panel's height
STEPS_AFTER = 12


def push_shut(episode: Episode, side: str, opening: Opening) -> Script:
    """Bring a fist to the panel, follow its way until it is shut, step back; return whether it is shut."""
    body = episode.body
    point = hand.fist_center(side)
    body.set_hand(side, hand.FIST)
    contact = _contact(episode, side, opening)
    episode.note("approach door")
    before = contact + (FIST_RADIUS + STANDOFF) * opening.outward(contact)
    yield from go_free(body, side, _ways_to(before, opening.outward(contact)), point)
    episode.note("close")
    path = plan(body.arms[side], body.joints(side), [Via(Pose(p), SPEED) for p in _way(opening, contact)], point)
    yield from follow(body, side, path.q, opening.is_closed)
    yield from wait(STEPS_AFTER, opening.is_closed)
    closed = opening.is_closed()
    outward = opening.outward(contact, 1.0 if not closed else 0.0) if abs(opening.angle) > 1e-3 else -body.ahead
    here = body.arms[side].pose(body.joints(side), point).position
    yield from go(body, side, [Via(Pose(here + STANDOFF * outward), 0.5)], point)
    return closed


def _ways_to(before: np.ndarray, outward: np.ndarray) -> list[list[Via]]:
    """Straight there, or round the panel's edge: from further out, from above, or both."""
    up = np.array([0.0, 0.0, 1.0])
    detours = [0.1 * outward, 0.15 * up, 0.1 * outward + 0.15 * up, 0.2 * outward + 0.2 * up]
    return [[Via(Pose(before), 0.6)], *([Via(Pose(before + d), 0.6), Via(Pose(before), 0.5)] for d in detours)]


def _way(opening: Opening, contact: np.ndarray) -> list[np.ndarray]:
    offset = FIST_RADIUS - PRESS
    return [opening.carried(contact, share) + offset * opening.outward(contact, share) for share in SHARES]


def _contact(episode: Episode, side: str, opening: Opening) -> np.ndarray:
    """Return the point (3,) of the panel's outer face from where this hand can push all the way."""
    data, body = episode.scene.data, episode.body
    arm, point = body.arms[side], hand.fist_center(side)
    thickness, width, height = opening.panel_sizes()
    center = opening.panel_center()
    outward = opening.outward(center)
    along = np.cross(outward, [0.0, 0.0, 1.0])
    if along @ (center - data.xanchor[opening.joint]) < 0:
        along = -along

    def cost(contact: np.ndarray) -> float:
        before = Pose(contact + (FIST_RADIUS + STANDOFF) * outward)
        found = arm.solve(before, body.joints(side), point)
        total = 40 * body.penetration(side, found.q, hand.FIST) + 20 * found.position_error
        for target in _way(opening, contact)[::3]:
            found = arm.solve(Pose(target), found.q, point)
            total += 20 * found.position_error + float(np.linalg.norm(found.q[:3]))
        return total

    places = [
        center + outward * thickness + along * width * w + np.array([0, 0, height * h])
        for w, h in itertools.product(WIDTHS, HEIGHTS)
    ]
    return min(places, key=cost)
