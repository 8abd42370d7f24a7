"""Cabinet and microwave: put the object in through the open front with one hand, shut the door with the other."""

from __future__ import annotations

import itertools

import numpy as np

from agents.expert import hand
from agents.expert.fixtures import Opening
from agents.expert.kinematics import Pose
from agents.expert.motion import LAG_STEPS, Script, Via, go, go_arm, go_joints, together, wait
from agents.expert.pick import YAWS, Grip, pick
from agents.expert.place import parked
from agents.expert.press import choose_push, push_shut
from agents.expert.route import go_free
from agents.expert.task import Episode

DEPTH = 0.09  # metres behind the front of the room inside
BEFORE = 0.17  # metres that the hand starts in front of that
SHIFTS = (0.0, 0.03, 0.06)  # metres from the middle, away from the hand, which needs its room too
FLOOR_GAP = 0.012
OPENING_STEPS = 15  # until the fingers are straight and can be drawn out
ENTRY_RISE = 0.02
DETOURS = (0.06, 0.12)  # metres that the hand first comes back, so that neither it nor the object catches the front
SLIDE_OUT = 0.10  # metres that the opened hand moves back along its own fingers before it turns away
OUT_OF_DOOR = 1.5  # how far aside the first hand waits while the door comes round
ROUNDS = 3
SIDES = {"cabinet": "left", "microwave": "right"}
"""The hand that takes the object: the tasks lay it on that side and hang the door on the other."""


def into_enclosure(episode: Episode) -> Script:
    """Pick, insert, shut the door; again from what is left to do."""
    side = SIDES[episode.scene.kind]
    other = "left" if side == "right" else "right"
    opening = Opening(episode.scene)
    for _ in range(ROUNDS):
        if not opening.holds():
            grip = yield from pick(episode, side)
            if grip is None:
                continue
            yield from insert(episode, side, opening, grip)
        if opening.holds():
            push = choose_push(episode, other, opening)
            episode.note("approach door")
            episode.body.set_hand(other, hand.FIST)
            yield from _change_hands(episode, side, parked(episode, side, OUT_OF_DOOR), push.ready)
            if opening.holds():
                yield from push_shut(episode, other, opening, push)
        yield from _change_hands(episode, other, parked(episode, other), parked(episode, side, OUT_OF_DOOR))
        if episode.succeeded():
            break


def _change_hands(episode: Episode, side: str, leaves: np.ndarray, comes: np.ndarray) -> Script:
    """Move the arm of ``side`` to the posture ``leaves`` (10,) and the other to ``comes``, which sets the waist."""
    body = episode.body
    other = "left" if side == "right" else "right"
    yield from together(go_joints(body, other, comes), go_arm(body, side, leaves[3:]))


def insert(episode: Episode, side: str, opening: Opening, grip: Grip) -> Script:
    """Carry the held object through the open front, let go inside, and draw the hand back out."""
    body, scene = episode.body, episode.scene
    box = scene.box("obj")
    held = body.in_palm(side, box.center)
    inside = _best_pose(episode, side, opening, grip, held)
    front = inside.moved(-BEFORE * body.ahead + np.array([0, 0, ENTRY_RISE]))
    here = body.arms[side].pose(body.joints(side), held)
    enter = [Via(front, 0.5), Via(inside.moved([0, 0, ENTRY_RISE / 2]), 0.4), Via(inside, 0.2)]
    back = [-distance * body.ahead for distance in DETOURS]
    ways = [[Via(here.moved(b), 0.5), Via(front.moved(b), 0.5), *enter[1:]] for b in back]
    episode.note("carry")
    yield from go_free(body, side, ways, held, scene.bodies("obj"))
    yield from wait(LAG_STEPS)
    episode.note("release", held_over_container=opening.holds())
    body.set_hand(side, hand.RELEASED)
    yield from wait(OPENING_STEPS)
    episode.note("retreat")
    yield from _draw_out(episode, side, grip)
    body.set_hand(side, np.zeros(6))


def _draw_out(episode: Episode, side: str, grip: Grip) -> Script:
    """Bring the opened hand out so that it leaves the object where it is: level the fingers first,
    then straight back."""
    body = episode.body
    wrist = np.zeros(3)
    position, rotation = body.arms[side].forward(body.joints(side))
    yaw = float(np.arctan2(-rotation[1, 2], -rotation[0, 2]))
    level = Pose(position, hand.palm_rotation(side, yaw, 0.0, grip.roll))
    out = level.moved(-SLIDE_OUT * np.array([np.cos(yaw), np.sin(yaw), 0.0]))
    vias = [Via(level, 0.3), Via(out, 0.3), Via(out.moved(-BEFORE * body.ahead), 0.5)]
    yield from go(body, side, vias, wrist)


def _best_pose(episode: Episode, side: str, opening: Opening, grip: Grip, held: np.ndarray) -> Pose:
    """Return where the object goes and how the palm is turned: reachable, and free of the walls inside and in front."""
    body, scene = episode.body, episode.scene
    low, _ = opening.interior()
    shut = opening.carried(opening.panel_center(), 1.0)
    lateral = float((shut - body.origin) @ body.right)
    front = float((low - body.origin) @ body.ahead)
    middle = body.origin + lateral * body.right + (front + DEPTH) * body.ahead
    middle[2] = low[2] + FLOOR_GAP + scene.box("obj").extent[2]
    arm, ignored = body.arms[side], scene.bodies("obj")

    def cost(pose: Pose) -> float:
        before = arm.solve(pose.moved(-BEFORE * body.ahead + np.array([0, 0, ENTRY_RISE])), body.joints(side), held)
        there = arm.solve(pose, before.q, held)
        total = max(before.cost, there.cost)
        for found in (before, there):
            total += 40 * body.penetration(side, found.q, hand.CLOSED, ignored)
        return total

    tilts = (grip.tilt, grip.tilt - 0.2, grip.tilt + 0.2)
    poses = [
        Pose(middle - shift * hand.inward(side) * body.right, hand.palm_rotation(side, yaw, tilt, grip.roll))
        for shift, yaw, tilt in itertools.product(SHIFTS, body.yaw + hand.inward(side) * YAWS, tilts)
    ]
    return min(poses, key=cost)
