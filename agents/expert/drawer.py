"""Drawer: lower the object into the open drawer, let go, push the front shut with the same hand."""

from __future__ import annotations

import itertools

import numpy as np

from agents.expert import hand
from agents.expert.fixtures import Opening
from agents.expert.kinematics import Pose
from agents.expert.motion import LAG_STEPS, Script, Via, go, go_joints, wait
from agents.expert.pick import Grip, pick
from agents.expert.place import parked
from agents.expert.press import approach, choose_push, push_shut
from agents.expert.task import Episode

SIDE = "left"
"""The tasks lay the object on the left."""
ROUNDS = 3
YAWS = np.array([0.0, 0.4, 0.8, 1.2, 1.5])
TILTS = (0.4, 0.6, 0.9)
HEIGHTS = (0.02, 0.08, 0.14, 0.19)  # metres between the object and the drawer's floor
SHARES = (0.15, 0.25, 0.4)
"""Where across the drawer, from its left."""
HEIGHT_COST = 2.0  # per metre
ABOVE_RIM = 0.04
COVER = 0.03  # metres by which the housing's roof reaches forward over the room inside


def into_drawer(episode: Episode) -> Script:
    """Pick, lower into the drawer, shut it; again from what is left to do."""
    opening = Opening(episode.scene)
    for _ in range(ROUNDS):
        if not opening.holds():
            grip = yield from pick(episode, SIDE)
            if grip is None:
                continue
            yield from lower(episode, opening, grip)
        if opening.holds():
            push = choose_push(episode, SIDE, opening)
            yield from approach(episode, SIDE, opening, push)
            yield from push_shut(episode, SIDE, opening, push)
        yield from go_joints(episode.body, SIDE, parked(episode, SIDE))
        if episode.succeeded():
            break


def lower(episode: Episode, opening: Opening, grip: Grip) -> Script:
    """Carry the held object over the slot between front and housing, lower it as far as the hand fits, let go."""
    body, scene = episode.body, episode.scene
    held = body.in_palm(SIDE, scene.box("obj").center)
    target = _best_pose(episode, opening, grip, held)
    height = _rim(opening) + ABOVE_RIM + scene.box("obj").extent[2]
    start = body.arms[SIDE].pose(body.joints(SIDE), held)
    up = start.moved([0, 0, max(height - start.position[2], 0.0)])
    over = target.moved([0, 0, max(height - target.position[2], 0.0)])
    episode.note("carry")
    yield from go(body, SIDE, [Via(up, 0.5), Via(over, 0.5), Via(target, 0.3)], held)
    yield from wait(LAG_STEPS)
    episode.note("release", held_over_container=opening.below("obj"))
    body.set_hand(SIDE, hand.RELEASED)
    yield from wait(hand.OPENING_STEPS)
    episode.note("retreat")
    above = over.moved([0, 0, 0.06])
    yield from go(body, SIDE, [Via(above, 0.4), Via(above.moved(-0.2 * body.ahead), 0.6)], held)


def _rim(opening: Opening) -> float:
    return float(opening.panel_center()[2] + opening.panel_sizes()[2])


def _best_pose(episode: Episode, opening: Opening, grip: Grip, held: np.ndarray) -> Pose:
    body, scene = episode.body, episode.scene
    low, high = opening.interior()
    front = float((low - body.origin) @ body.ahead)
    roof = float((np.array(opening.fixture.get_ext_sites(relative=False)[0]) - body.origin) @ body.ahead) + COVER
    lefts = [float((low + share * (high - low) - body.origin) @ body.right) for share in SHARES]
    arm, ignored = body.arms[SIDE], scene.bodies("obj")

    def position(gap: float, lateral: float) -> np.ndarray:
        at = body.origin + (front + roof) / 2 * body.ahead + lateral * body.right
        at[2] = low[2] + gap + float(scene.box("obj").half.min() if grip.roll else scene.box("obj").extent[2])
        return at

    def cost(choice: tuple[float, ...]) -> float:
        pose = pose_of(choice)
        found = arm.solve(pose, body.joints(SIDE), held, iterations=100)
        total = found.cost + 40 * body.penetration(SIDE, found.q, hand.OPEN, ignored)
        return total + HEIGHT_COST * choice[0]

    def pose_of(choice: tuple[float, ...]) -> Pose:
        gap, lateral, yaw, tilt = choice
        return Pose(position(gap, lateral), hand.palm_rotation(SIDE, yaw, tilt))

    choices = itertools.product(HEIGHTS, lefts, body.yaw + hand.inward(SIDE) * YAWS, TILTS)
    return pose_of(min(choices, key=cost))
