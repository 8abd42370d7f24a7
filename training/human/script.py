"""One demonstration: a person looks, reaches, holds, carries, lets go and withdraws,
and pushes the drawer shut if there is one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from envs.human import arms
from envs.human.grasp import Grip, hold, lowest, opened, turn_of
from envs.human.hand import SIDES, Hand
from envs.human.scene import Placed, Scene
from envs.human.stage import HandPose, Posture, Stage
from training.human.head import Head
from training.human.motion import HandTrack, Rhythm, Sway

HZ = 30
GRIPS = 8  # that are tried with each hand
GRAVITY = 9.81
UP = np.array([0.0, 0.0, 1.0])
RESTS, EASY_REST = 40, 0.15
DEEP_M = 0.03  # that fingers go below a rim
PALM_M = np.array([0.08, 0.0, 0.0])
ELBOW_BELOW_M = 0.1  # the shoulder, while it is at ease
TREMBLE_M = 0.0004


class Refused(Exception):
    """Why a person could not do this."""


@dataclass
class Times:
    """When what happens, s."""

    begins: float
    held: float = 0.0
    released: float = 0.0
    pushes: float = np.inf
    shut: float = np.inf
    ends: float = 0.0


class Script:
    """The plan of one demonstration; ``posture(time)`` is what it looks like."""

    def __init__(self, stage: Stage, random: np.random.Generator):
        """Raises Refused when no hand can do it."""
        stage.reset()
        self.stage, self.scene, self._random = stage, stage.scene, random
        self.rhythm = Rhythm.draw(random)
        self.times = Times(random.uniform(0.1, 0.45))
        rest = {side: _rest(self.scene, side, stage, random) for side in SIDES}
        self._tracks = {side: HandTrack(stage.hands[side], rest[side]) for side in SIDES}
        self._sways = {side: Sway.draw(random, TREMBLE_M, (0.4, 3.0)) for side in SIDES}
        self.side, self.grip = self._choose()
        self._carry = self._plan_carry()
        self._act(rest[self.side])
        other = next(s for s in SIDES if s != self.side)
        idle = rest[other].place + random.normal(0, 0.012, 3) * (1, 1, 0)
        self._tracks[other].place.to(idle, random.uniform(0, 1.5), random.uniform(0.8, 2.0))
        self.head = Head(self.scene, self.rhythm, self.times, self._goal, random)

    @property
    def frames(self) -> int:
        return int(np.ceil(self.times.ends * HZ))

    def posture(self, time: float) -> Posture:
        hands = {}
        for side, track in self._tracks.items():
            pose = track.at(time)
            hands[side] = HandPose(pose.place + self._sways[side].at(time), pose.turn, pose.fingers)
        opened_m = self.opened_m(time)
        return Posture(hands, self.head.at(time), self._carried(time, hands[self.side], opened_m), opened_m)

    def possible(self, time: float) -> bool:
        """Whether the acting arm can be where it has to be."""
        pose = self._tracks[self.side].at(time)
        return np.isfinite(_effort(self.scene, self.side, pose))

    def opened_m(self, time: float) -> float:
        """Return how far the drawer is open: what pushes it is the hand."""
        drawer = self.scene.drawer
        if drawer is None or time <= self.times.pushes:
            return drawer.open_m if drawer else 0.0
        track = self._tracks[self.side].place
        gone = (track.at(time) - track.at(self.times.pushes)) @ drawer.axes()[:, 0]
        return float(np.clip(drawer.open_m - gone, 0, drawer.open_m)) if time < self.times.shut else 0.0

    def container(self, time: float) -> np.ndarray:
        """Return where the container is (3,), or the middle of the drawer's room."""
        if self.scene.target:
            return self.scene.target.place
        assert self.scene.drawer
        moved = self.scene.drawer.open_m - self.opened_m(time)
        return self.scene.drawer.floor() + self.scene.drawer.axes()[:, 0] * moved + 0.03 * UP

    def _carried(self, time: float, hand: HandPose, opened_m: float) -> tuple[np.ndarray, np.ndarray]:
        thing, times = self.scene.carried, self.times
        if time < times.held:
            return thing.place, _yaw(thing.yaw)
        if time < times.released:
            return hand.place + hand.turn @ self._offset, hand.turn @ self._relative
        last = self._tracks[self.side].at(times.released)
        place = last.place + self._sways[self.side].at(times.released) + last.turn @ self._offset
        drop = 0.5 * GRAVITY * (time - times.released) ** 2
        place = np.array([*place[:2], max(place[2] - drop, self._resting)])
        if self.scene.drawer:
            place = place + self.scene.drawer.axes()[:, 0] * (self.scene.drawer.open_m - opened_m)
        return place, last.turn @ self._relative

    def _choose(self) -> tuple[str, Grip]:
        """Return the hand that a person of this handedness would take, and its grip; the other hand if it has none."""
        handed = 1.5 if self._random.random() < 0.9 else -1.5
        aim = self.scene.target.place if self.scene.target else self.container(0)
        lateral = 0.7 * self.scene.carried.place[1] + 0.3 * aim[1]
        right = self._random.random() < 1 / (1 + np.exp(lateral / 0.05 - handed))
        for side in ("right", "left") if right else ("left", "right"):
            if grip := self._grip(side):
                return side, grip
        raise Refused("no hand can hold the thing where it lies")

    def _grip(self, side: str) -> Grip | None:
        """Return the easiest of some ways to hold the thing, for fingers and wrist."""
        random, thing, hand = self._random, self.scene.carried, self.stage.hands[side]
        natural = _bearing(self.scene, side, thing.place)
        wanted, best, least = _across(thing, natural), None, np.inf
        upright = thing.half[2] > 0.036 and random.random() < 0.8
        for _ in range(GRIPS):
            heading = wanted + random.normal(0, 0.22)
            pitch, roll = (
                (random.uniform(0.05, 0.5), random.uniform(0.7, 1.45))
                if upright
                else (random.uniform(0.2, 0.75), random.uniform(0, 0.6))
            )
            middle = thing.place.copy()
            top = thing.place[2] + thing.half[2]
            middle[2] = (
                thing.place[2] + random.uniform(0, 0.3) * thing.half[2] if upright else max(thing.place[2], top - 0.04)
            )
            grip = hold(self.stage, side, turn_of(heading, pitch, roll, hand.sign), middle, thing.base)
            if grip is None:
                continue
            effort = grip.strain + _effort(self.scene, side, grip.pose) + 0.2 * (heading - natural) ** 2
            if effort < least:
                best, least = grip, effort
        return best if np.isfinite(least) else None

    def _plan_carry(self) -> HandPose:
        """Return the hand's pose where it lets go, and remember what was decided for it."""
        thing, grip, random = self.scene.carried, self.grip, self._random
        self._offset = grip.pose.turn.T @ (thing.place - grip.pose.place)
        self._relative = grip.pose.turn.T @ _yaw(thing.yaw)
        self._goal = self._aim()
        aside = _bearing(self.scene, self.side, self._goal) - _bearing(self.scene, self.side, thing.place)
        below = thing.place[2] - lowest(self.stage.hands[self.side], grip.pose)
        best, least = None, np.inf
        for turn in random.normal(0.7 * aside, 0.3, 8):
            self._resting = self._support(self._goal, thing.yaw + turn) + thing.half[2]
            height = max(self._resting + random.uniform(0.001, 0.02), self._rim() - DEEP_M + below)
            place = np.array([*self._goal[:2], height])
            turned = _yaw(turn) @ grip.pose.turn
            pose = HandPose(place - turned @ self._offset, turned, grip.pose.fingers)
            effort = _effort(self.scene, self.side, pose)
            if effort < least:
                best, least, resting = pose, effort, self._resting
        if best is None or not np.isfinite(least):
            raise Refused("the hand cannot let go over the container")
        self._resting = resting
        return best

    def _aim(self) -> np.ndarray:
        """Return where the thing is let go (3,), at the height of what it comes to lie on."""
        target, random = self.scene.target, self._random
        if target is None:
            return self.container(0) + [*random.normal(0, 0.012, 2), 0]
        local = random.uniform(-0.22, 0.22, 2) * target.half[:2]
        return target.place + _yaw(target.yaw) @ [*local, 0]

    def _support(self, at: np.ndarray, yaw: float) -> float:
        if self.scene.target is None:
            assert self.scene.drawer
            return float(self.scene.drawer.floor()[2])
        thing = self.scene.carried
        return self.scene.target.support(Placed(thing.kind, thing.model, at, yaw), at)

    def _rim(self) -> float:
        if self.scene.target:
            return float(self.scene.target.place[2] + self.scene.target.half[2])
        assert self.scene.drawer
        return 0.75 * self.scene.drawer.height

    def _act(self, rest: HandPose) -> None:
        """Lay out the movements of the acting hand."""
        random, times, track = self._random, self.times, self._tracks[self.side]
        hand = self.stage.hands[self.side]
        end = self._reach(track, rest)
        grip, letting = self.grip.pose, self._carry
        times.held = track.shape(grip.fingers, end - random.uniform(0.08, 0.18), random.uniform(0.2, 0.32))
        start = times.held + random.uniform(0, 0.12)
        clear = max(self._rim() + 0.02 - min(grip.place[2], letting.place[2]) + 0.06, 0.05) + self.rhythm.rise
        over = max(grip.place[2], letting.place[2]) + min(clear, 0.16)
        lifted = HandPose(grip.place + UP * max(0.6 * (over - grip.place[2]), 0.03), grip.turn, {})
        above = HandPose(np.array([*letting.place[:2], over]), letting.turn, {})
        end = self._go(track, (lifted, above, letting), start)
        times.released = end + random.uniform(0.0, 0.1)
        wide = opened(hand, dict(grip.fingers), random.uniform(0.3, 0.5))
        track.shape(wide, times.released, random.uniform(0.18, 0.3))
        away = HandPose(letting.place + UP * random.uniform(0.08, 0.13) + letting.turn[:, 2] * 0.02, letting.turn, {})
        start = times.released + random.uniform(0.1, 0.22)
        if self.scene.drawer:
            start = self._shut(track, away, start)
            ways = (_rest_near(rest, random),)
        else:
            ways = (away, _rest_near(rest, random))
        track.shape(rest.fingers, start + 0.2, 0.6 * self.rhythm.pace)
        times.ends = self._go(track, ways, start) + random.uniform(0.0, 0.3)

    def _reach(self, track: HandTrack, rest: HandPose) -> float:
        """Go to the thing with the hand opening on the way, and return the time of arrival."""
        random, pose = self._random, self.grip.pose
        back = (
            pose.turn[:, 2] * random.uniform(0.03, 0.07)
            + UP * random.uniform(0.01, 0.04)
            - pose.turn[:, 0] * random.uniform(0, 0.03)
        )
        end = self._go(track, (HandPose(pose.place + back, pose.turn, {}), pose), self.times.begins)
        wide = opened(self.stage.hands[self.side], dict(pose.fingers), self.rhythm.opening)
        track.shape(wide, self.times.begins + 0.03, 0.68 * (end - self.times.begins))
        return end

    def _go(self, track: HandTrack, ways: tuple[HandPose, ...], start: float) -> float:
        """Move from pose to pose, each begun while the one before ends, and return when the last has ended."""
        end = start
        for pose in ways:
            away = pose.place - track.place.goal
            distance = float(np.linalg.norm(away))
            duration = max(self.rhythm.duration(distance), 0.2)
            aside = np.cross(away, UP) * self.rhythm.bend + UP * 0.06 * distance
            end = max(end, track.to(pose, start, duration, aside))
            start = start + (1 - self.rhythm.overlap) * duration
        return end

    def _shut(self, track: HandTrack, away: HandPose, start: float) -> float:
        """Push the drawer's front with bent fingers, and return when it is shut."""
        drawer, hand, random = self.scene.drawer, self.stage.hands[self.side], self._random
        assert drawer
        ahead = float(np.arctan2(drawer.axes()[1, 0], drawer.axes()[0, 0]))
        turn = turn_of(
            ahead + 0.35 * hand.sign * random.uniform(0.2, 1),
            random.uniform(-0.2, 0.15),
            random.uniform(0.1, 0.7),
            hand.sign,
        )
        fingers = {n: q + [0, 0.1, 0.15, 0.1] for n, q in hand.relaxed().items()}
        fingers = {n: np.clip(q, *hand.fingers[n].limits.T) for n, q in fingers.items()}
        tip = np.mean([hand.fingers[n].tip(fingers[n]) for n in ("IndexFinger", "MiddleFinger")], axis=0)
        touch = drawer.push_point(drawer.open_m) - turn @ tip
        before = HandPose(touch - drawer.axes()[:, 0] * 0.05 + UP * 0.03, turn, {})
        pressed = HandPose(touch + drawer.axes()[:, 0] * 0.035, turn, {})
        shut = HandPose(pressed.place + drawer.axes()[:, 0] * drawer.open_m, turn, {})
        for pose in (pressed, shut):
            if not np.isfinite(_effort(self.scene, self.side, pose)):
                raise Refused("the hand cannot push the drawer shut")
        track.shape(fingers, start + 0.15, 0.5 * self.rhythm.pace)
        over = HandPose(np.array([*before.place[:2], max(away.place[2], before.place[2])]), turn, {})
        self.times.pushes = self._go(track, (away, over, before, pressed), start)
        push = max(self.rhythm.duration(drawer.open_m) * 0.9, 0.3)
        self.times.shut = track.to(shut, self.times.pushes, push)
        return self.times.shut + random.uniform(0.02, 0.15)


def _effort(scene: Scene, side: str, pose: HandPose) -> float:
    """Return how far wrist and trunk have to bend and the elbow to rise for a pose, infinite when a person cannot."""
    arm = arms.reach(scene.person.shoulder(side), pose.place, pose.turn, scene.person.size)
    raised = max(arm.elbow[2] - arm.shoulder[2] + ELBOW_BELOW_M, 0.0)
    return 0.5 * sum(a * a for a in arm.wrist) + 10 * arm.lean_m + 6 * raised if arm.possible else np.inf


def _bearing(scene: Scene, side: str, place: np.ndarray) -> float:
    """Return whither a hand points by itself when it is at a place: along the forearm, a little inward."""
    away = place - scene.person.shoulder(side)
    inward = 0.15 * (1 if side == "right" else -1)
    return float(0.8 * np.arctan2(away[1], away[0] + 0.1) + inward)


def _across(thing: Placed, natural: float) -> float:
    """Return the heading, as near to the natural one as can be, whose fingers close over the thing's narrow side."""
    long, short = max(thing.half[:2]), min(thing.half[:2])
    if long < 1.3 * short:
        return natural
    narrow = thing.yaw + (np.pi / 2 if thing.half[0] > thing.half[1] else 0.0)
    return natural + float(np.clip((narrow - natural + np.pi / 2) % np.pi - np.pi / 2, -0.9, 0.9))


def _rest(scene: Scene, side: str, stage: Stage, random: np.random.Generator) -> HandPose:
    """Return a hand at rest on its side of the table, above whatever stands there, with an easy wrist."""
    for _ in range(RESTS):
        pose = _rest_somewhere(scene, stage.hands[side], random)
        if _effort(scene, side, pose) < EASY_REST and not (
            scene.drawer and scene.drawer.in_the_way(pose.place + pose.turn @ PALM_M)
        ):
            return pose
    raise Refused("there is no place for a hand to rest")


def _rest_somewhere(scene: Scene, hand: Hand, random: np.random.Generator) -> HandPose:
    fingers = {n: np.clip(q + random.normal(0, 0.08, 4), *hand.fingers[n].limits.T) for n, q in hand.relaxed().items()}
    turn = turn_of(random.normal(0.3, 0.25) * hand.sign, random.uniform(-0.05, 0.3), random.uniform(0, 0.7), hand.sign)
    aside = random.uniform(0.15, 0.45 if scene.drawer else 0.32)
    place = np.array([random.uniform(0.02, 0.18), -hand.sign * aside, 0.0])
    flat = HandPose(place, turn, fingers)
    below = place + turn @ PALM_M
    near = [p for p in scene.placed if np.hypot(*(p.place - below)[:2]) < p.radius + 0.07]
    under = max((2 * p.half[2] + p.base for p in near), default=0.0)
    raised = random.uniform(0.02, 0.1) if random.random() < 0.4 else 0.004
    return HandPose(place + UP * (under + raised - lowest(hand, flat)), turn, fingers)


def _rest_near(rest: HandPose, random: np.random.Generator) -> HandPose:
    place = rest.place + [*random.normal(0, 0.03, 2), random.uniform(0, 0.02)]
    return HandPose(place, rest.turn, rest.fingers)


def _yaw(angle: float) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
