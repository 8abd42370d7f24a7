"""Choosing between ways to a place: the first that touches nothing on the way, else the one that touches least."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from agents.expert.body import RobotBody
from agents.expert.motion import Path, Script, Via, follow, plan

EVERY = 3  # steps of the path between two looks
TOUCH = 1e-3  # metres, summed over contacts


def go_free(
    body: RobotBody, side: str, ways: Iterable[Sequence[Via]], point: np.ndarray, ignored: frozenset[int] = frozenset()
) -> Script:
    """Follow the first of ``ways`` that keeps clear of everything but the bodies ``ignored``; return its Path."""
    path = free_path(body, side, ways, point, ignored)
    yield from follow(body, side, path.q)
    return path


def free_path(
    body: RobotBody, side: str, ways: Iterable[Sequence[Via]], point: np.ndarray, ignored: frozenset[int] = frozenset()
) -> Path:
    """Return the path of the first clear way, else of the clearest; the hand keeps its commanded shape."""
    best, least = None, np.inf
    for vias in ways:
        path = plan(body.arms[side], body.joints(side), vias, point)
        shape = body.command[f"{side}_hand"]
        touch = max(body.penetration(side, q, shape, ignored) for q in path.q[EVERY::EVERY])
        touch += path.position_error
        if touch < least:
            best, least = path, touch
        if touch < TOUCH:
            break
    assert best is not None
    return best
