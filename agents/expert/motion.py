"""Motions as scripts: generators that write the body's command and yield once for each control step."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from agents.expert.body import RobotBody
from agents.expert.kinematics import Arm, Pose, rotation_matrix, turn_between

Script = Generator[None, None, Any]
END = object()

RATE_HZ = 20
LAG_STEPS = 4  # the joint servos follow with a time constant of 0.2 s
TURN_SPEED = 2.0  # radians per second
STRIDE = 0.1  # radians per step
ROUNDING = 5  # steps over which corners and starts are averaged, twice
RETURN_SPEED = 1.1  # radians per second of the fastest joint


@dataclass(frozen=True)
class Via:
    """A pose to pass through and how fast to get there."""

    pose: Pose
    speed: float = 0.5  # metres per second


@dataclass(frozen=True)
class Path:
    """Joint angles (steps, 10), one row for each control step, and how far the last one misses its pose."""

    q: np.ndarray
    position_error: float  # metres


def plan(arm: Arm, start: np.ndarray, vias: Sequence[Via], point: np.ndarray) -> Path:
    """Return a path of ``point`` (palm frame) along straight lines through ``vias``, smooth where they meet."""
    at, q, rows = arm.pose(start, point), start, [start]
    solution = None
    for via in vias:
        for pose in _line(at, via):
            solution = arm.solve(pose, q, point, iterations=12)
            q = solution.q
            rows.append(q)
        solution = arm.solve(via.pose, q, point)
        q = rows[-1] = solution.q
        at = arm.pose(q, point)
    assert solution is not None
    return Path(_rounded(_paced(np.array(rows))), solution.position_error)


def follow(body: RobotBody, side: str, path: np.ndarray) -> Script:
    """Send a joint path (steps, 10)."""
    for q in path:
        body.set_joints(side, q)
        yield


def go(body: RobotBody, side: str, vias: Sequence[Via], point: np.ndarray) -> Script:
    """Plan and follow; return the Path."""
    path = plan(body.arms[side], body.joints(side), vias, point)
    yield from follow(body, side, path.q)
    return path


def joint_line(start: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """Return a minimum-jerk path (steps, n) in joint space whose fastest joint reaches RETURN_SPEED."""
    peak = 1.875  # of a minimum-jerk motion's speed over its mean
    steps = max(int(np.ceil(RATE_HZ * peak * np.abs(goal - start).max() / RETURN_SPEED)), 1)
    return start + smoothstep(steps)[:, None] * (goal - start)


def go_joints(body: RobotBody, side: str, goal: np.ndarray) -> Script:
    """Move waist and arm in joint space to ``goal`` (10,)."""
    yield from follow(body, side, joint_line(body.joints(side), goal))


def go_arm(body: RobotBody, side: str, goal: np.ndarray) -> Script:
    """Move one arm in joint space to ``goal`` (7,) and leave the waist to others."""
    for q in joint_line(body.command[f"{side}_arm"], goal):
        body.command[f"{side}_arm"] = q.copy()
        yield


def wait(steps: int, until: Callable[[], bool] | None = None) -> Script:
    """Hold the command; stop early when ``until`` holds."""
    for _ in range(steps):
        if until is not None and until():
            return
        yield


def together(*scripts: Script) -> Script:
    """Run scripts side by side until all have ended."""
    running = list(scripts)
    while running:
        running = [script for script in running if next(script, END) is not END]
        if running:
            yield


def _line(at: Pose, via: Via) -> list[Pose]:
    shift = via.pose.position - at.position
    turn = turn_between(at, via.pose)
    seconds = max(float(np.linalg.norm(shift)) / via.speed, float(np.linalg.norm(turn)) / TURN_SPEED)
    steps = max(int(np.ceil(RATE_HZ * seconds)), 1)
    return [
        Pose(at.position + u * shift, _turned(at, u * turn) if via.pose.rotation is not None else None)
        for u in np.arange(1, steps + 1) / steps
    ]


def _turned(at: Pose, turn: np.ndarray) -> np.ndarray | None:
    return None if at.rotation is None else rotation_matrix(turn) @ at.rotation


def _paced(path: np.ndarray) -> np.ndarray:
    """Return the path with more steps where a joint would move more than STRIDE in one."""
    steps = np.maximum(np.abs(np.diff(path, axis=0)).max(axis=1) / STRIDE, 1.0)
    times = np.r_[0.0, np.cumsum(steps)]
    wanted = np.linspace(0.0, times[-1], int(np.ceil(times[-1])) + 1)
    return np.stack([np.interp(wanted, times, column) for column in path.T], axis=1)


def _rounded(path: np.ndarray) -> np.ndarray:
    """Return the path with speed changes spread over some steps; it ends exactly where it did and drops its start."""
    window = np.ones(ROUNDING) / ROUNDING
    for _ in range(2):
        padded = np.pad(path, ((ROUNDING - 1, ROUNDING - 1), (0, 0)), mode="edge")
        path = np.stack([np.convolve(column, window, mode="valid") for column in padded.T], axis=1)
    return path[1:]


def smoothstep(steps: int) -> np.ndarray:
    """Return ``steps`` numbers that rise from above 0 to 1 with no speed at the ends (minimum jerk)."""
    u = np.arange(1, steps + 1) / steps
    return u**3 * (10 - 15 * u + 6 * u**2)
