"""Putting a held object down in an open container, and getting the hand out of the way."""

from __future__ import annotations

import numpy as np

from agents.expert import hand
from agents.expert.kinematics import Pose
from agents.expert.motion import LAG_STEPS, Script, Via, follow, go, go_arm, joint_line, plan, together, wait
from agents.expert.pick import YAWS, Grip
from agents.expert.route import TOUCH
from agents.expert.task import Episode

CLEARANCE = 0.012  # metres between the object and the container's rim when the hand opens
TRANSIT = 0.05  # metres above that on the way
RETREAT = 0.08
BACK = (0.0, 0.1, 0.2)  # metres that the hand may have to come back before it can go down
FAR = 0.30  # metres; the package counts a hand as gone beyond 0.25
AWAY = np.array([0, 0, 0, 0.3, -0.3, 0, -0.3, 0, 0, 0])
"""Joint change (10,), radians, that draws a right arm back, outwards and up."""


def place(episode: Episode, side: str, grip: Grip) -> Script:
    """Carry the held object over the container, lower it, let go and come back."""
    body, scene = episode.body, episode.scene
    box = scene.box("obj")
    held = body.in_palm(side, box.center)
    region, rim = scene.drop_region(), _rim(episode)
    height = rim + CLEARANCE + box.extent[2]
    target = _best_pose(episode, side, grip, held, np.array([*region.center[:2], height]))
    over = target.moved([0, 0, TRANSIT])
    start = body.arms[side].pose(body.joints(side), held)
    above = Pose(np.array([*start.position[:2], max(over.position[2], start.position[2])]), start.rotation)
    episode.note("carry")
    yield from go(body, side, [Via(above, 0.5), Via(over, 0.5), Via(target, 0.3)], held)
    yield from wait(LAG_STEPS)
    off = np.linalg.norm((scene.position("obj") - region.center)[:2])
    episode.note("release", held_over_container=bool(off < 0.1 and scene.position("obj")[2] > region.bottom))
    body.set_hand(side, hand.RELEASED)
    yield from wait(hand.OPENING_STEPS)
    episode.note("retreat")
    yield from retreat(episode, side)


def retreat(episode: Episode, side: str) -> Script:
    """Draw the hand up, and back where something is in its way down; then park both arms with the waist upright."""
    body = episode.body
    arm, point = body.arms[side], hand.grasp_point(side)
    up = arm.pose(body.joints(side), point).moved([0, 0, RETREAT])
    goal, empty = parked(episode, side), np.zeros(6)
    for back in BACK:
        vias = [Via(up, 0.5), Via(up.moved(back * (0.3 * np.array([0, 0, 1.0]) - body.ahead)), 0.5)]
        path = plan(arm, body.joints(side), vias[: 2 if back else 1], point)
        rest = joint_line(path.q[-1], goal)
        if max(body.penetration(side, q, empty) for q in rest[::3]) < TOUCH:
            break
    yield from follow(body, side, path.q)
    body.set_hand(side, empty)
    other = "left" if side == "right" else "right"
    yield from together(follow(body, side, rest), go_arm(body, other, parked(episode, other)[3:]))


def parked(episode: Episode, side: str, least: float = 0.0) -> np.ndarray:
    """Return the posture (10,) nearest to the arm's first one that counts as far from object and container.

    ``least``: how many times AWAY it is at least from that first one.
    """
    arm = episode.body.arms[side]
    aside = AWAY * np.array([1, 1, 1, 1, hand.inward(side), 1, 1, 1, 1, 1])
    near = [episode.scene.position(name) for name in ("obj", "container") if name in episode.scene.task.objects]
    for amount in np.arange(least, 2.01, 0.25):
        posture = np.clip(arm.rest + amount * aside, arm.limits[:, 0], arm.limits[:, 1])
        palm = arm.forward(posture)[0]
        if all(np.linalg.norm(palm - position) > FAR for position in near):
            break
    return posture


def _rim(episode: Episode) -> float:
    """Height of what the object must pass over: the container's rim, or the floor and low walls of its highest tier."""
    scene = episode.scene
    return scene.drop_region().bottom + 0.045 if scene.is_tiered() else scene.box("container").top


def _best_pose(episode: Episode, side: str, grip: Grip, held: np.ndarray, position: np.ndarray) -> Pose:
    body = episode.body
    arm = body.arms[side]

    def cost(pose: Pose, yaw: float) -> float:
        found = arm.solve(pose, body.joints(side), held, iterations=80)
        ignored = episode.scene.bodies("obj")
        return found.cost + 0.2 * abs(yaw - grip.yaw) + 40 * body.penetration(side, found.q, hand.CLOSED, ignored)

    choices = []
    for yaw in body.yaw + hand.inward(side) * YAWS:
        pose = Pose(position, hand.palm_rotation(side, yaw, grip.tilt, grip.roll))
        choices.append((cost(pose, yaw), yaw, pose))
    return min(choices, key=lambda choice: choice[:2])[2]
