"""How a person moves: movements of minimum jerk whose speed is a bell, begun before the one before has ended.

Flash and Hogan 1985 for the profile; Flash and Henis 1991 for movements that are added while another is under way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.spatial.transform import Rotation

from envs.human.hand import FINGERS, Hand
from envs.human.stage import HandPose


def minimum_jerk(share: float) -> float:
    """Return how much of a movement is done after a share of its time."""
    s = min(max(share, 0.0), 1.0)
    return s**3 * (10 - 15 * s + 6 * s**2)


@dataclass(frozen=True)
class Step:
    """One movement: what it adds to a vector, when it begins and how long it takes (s);
    ``bulge`` bends its way and ends at 0."""

    start: float
    duration: float
    change: np.ndarray
    bulge: np.ndarray | float = 0.0

    def at(self, time: float) -> np.ndarray:
        share = minimum_jerk((time - self.start) / self.duration)
        return share * self.change + 4 * share * (1 - share) * self.bulge


class Track:
    """A vector that moves in steps, which may overlap."""

    def __init__(self, start: np.ndarray):
        self._start = self.goal = np.asarray(start, float)
        self._steps: list[Step] = []

    def to(self, goal: np.ndarray, start: float, duration: float, bulge: np.ndarray | float = 0.0) -> float:
        """Add a movement to a goal and return when it ends."""
        self._steps.append(Step(start, duration, np.asarray(goal, float) - self.goal, bulge))
        self.goal = np.asarray(goal, float)
        return start + duration

    def at(self, time: float) -> np.ndarray:
        return self._start + sum((s.at(time) for s in self._steps), np.zeros_like(self._start))


class HandTrack:
    """A hand that moves: its place, its turn and its fingers, each in steps of its own."""

    def __init__(self, hand: Hand, pose: HandPose):
        self._hand = hand
        self.place, self.fingers = Track(pose.place), Track(_stack(pose.fingers))
        self._start = self._goal = Rotation.from_matrix(pose.turn)
        self._turns: list[Step] = []

    def to(self, pose: HandPose, start: float, duration: float, bulge: np.ndarray | float = 0.0) -> float:
        """Add a movement of the hand, not of its fingers, and return when it ends."""
        self.turn(pose.turn, start, duration)
        return self.place.to(pose.place, start, duration, bulge)

    def turn(self, turn: np.ndarray, start: float, duration: float) -> None:
        goal = Rotation.from_matrix(turn)
        self._turns.append(Step(start, duration, (self._goal.inv() * goal).as_rotvec()))
        self._goal = goal

    def shape(self, fingers: Mapping[str, np.ndarray], start: float, duration: float) -> float:
        """Add a movement of the fingers and return when it ends."""
        return self.fingers.to(_stack(fingers), start, duration)

    def at(self, time: float) -> HandPose:
        turn = self._start
        for step in self._turns:
            turn = turn * Rotation.from_rotvec(step.at(time))
        joints = dict(zip(FINGERS, self.fingers.at(time), strict=True))
        inside = {n: np.clip(q, *self._hand.fingers[n].limits.T) for n, q in joints.items()}
        return HandPose(self.place.at(time), turn.as_matrix(), inside)


def _stack(fingers: Mapping[str, np.ndarray]) -> np.ndarray:
    return np.stack([fingers[name] for name in FINGERS])


@dataclass(frozen=True)
class Sway:
    """What never quite stands still: a few slow waves, ``size`` being their typical height."""

    size: float
    waves: np.ndarray = field(repr=False)  # (3, waves, 3): frequency Hz, phase rad, weight; per axis

    @staticmethod
    def draw(random: np.random.Generator, size: float, hz: tuple[float, float]) -> Sway:
        shape = (3, 4)
        waves = np.stack(
            [random.uniform(*hz, shape), random.uniform(0, 2 * np.pi, shape), random.normal(0, 0.7, shape)], axis=2
        )
        return Sway(size, waves)

    def at(self, time: float) -> np.ndarray:
        frequency, phase, weight = np.moveaxis(self.waves, 2, 0)
        return self.size * (weight * np.sin(2 * np.pi * frequency * time + phase)).sum(1)


@dataclass(frozen=True)
class Rhythm:
    """How one person moves in one demonstration."""

    pace: float  # multiplies durations
    overlap: float  # share of a movement that is left when the next begins
    bend: float  # of a way to the side, as a share of its length
    rise: float  # height of the carry above what it has to clear, m
    opening: float  # of the hand before it holds, rad at the knuckles
    gaze: tuple[float, float]  # shares of a look aside and of a look up or down that the head follows

    @staticmethod
    def draw(random: np.random.Generator) -> Rhythm:
        return Rhythm(
            pace=float(np.exp(random.normal(0, 0.22))),
            overlap=random.uniform(0.2, 0.6),
            bend=random.normal(0, 0.1),
            rise=random.uniform(0.0, 0.07),
            opening=random.uniform(0.25, 0.6),
            gaze=(random.uniform(0, 0.35), random.uniform(0, 0.3)),
        )

    def duration(self, distance: float) -> float:
        """Return how long a movement over a distance (m) takes, s: longer ways are faster ways."""
        return self.pace * (0.3 + 1.0 * distance)
