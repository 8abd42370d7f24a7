"""An offline judge: motion statistics in place of a language model. A proxy, and labelled as one in every row.

It knows nothing of objects or intentions. Semantic compares what moves and how, whichever way round; Temporal compares
speed and direction at the same times; Geometric compares where motion happens, whatever the order.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from crossbody.errors import CrossbodyError
from evaluators.judge.providers.statistics import Motion, measure, mirrored
from evaluators.judge.questions.clips import Shot
from evaluators.judge.questions.question import Asked, Question, Reply
from evaluators.judge.questions.schema import Verdict

VERSION = "motion-statistics-1"
FLOORS = {"semantic": 0.5, "temporal": 0.1, "geometric": 0.55}
CEILINGS = {"semantic": 0.92, "temporal": 0.92, "geometric": 0.92}
"""Similarities that mean 1 and 5, between those of other clips and of second takes on the built-in set
(docs/judge.md)."""

TINY = 1e-12
STILL = 1e-5  # a clip whose mean flow per frame is below this share of the picture does not move


@dataclass(frozen=True)
class Options:
    """This provider has no options."""


def make(options: Options, asked: Asked) -> Programmatic:
    """Return the provider; a model raises CrossbodyError."""
    if asked.model:
        raise CrossbodyError("--model does not go with --provider programmatic, which has no models")
    return Programmatic()


class Programmatic:
    """Answers from the frames alone; the same frames always get the same scores, in either order."""

    name = "programmatic"
    judge = "motion_statistics"
    model = VERSION
    verdict = Verdict
    priced = False

    def settings(self) -> Mapping[str, Any]:
        """Return the version of the statistics."""
        return {"model": self.model}

    def ask(self, question: Question) -> Reply:
        """Return a verdict with its similarities; a pair in which nothing moves is refused."""
        pair = _measured(question.a.sha256, _Shot(question.a)), _measured(question.b.sha256, _Shot(question.b))
        if max(float(m.speed.mean()) for m in pair) < STILL:
            return Reply("", VERSION, refused="nothing moves in either clip, so there is no motion to compare")
        alike = similarities(*pair)
        scores = {name: round(scale(value, name), 3) for name, value in alike.items()}
        comment = "similarity " + ", ".join(f"{name} {value:.3f}" for name, value in alike.items())
        return Reply(json.dumps({**scores, "comment": comment}), model_version=VERSION)

    def open(self) -> None:
        """Nothing is to be opened."""

    def close(self) -> None:
        """Nothing is open."""


def similarities(a: Motion, b: Motion) -> dict[str, float]:
    """Return the similarity of two motions in each dimension, from 0 to 1; symmetric."""
    return {"semantic": semantic(a, b), "temporal": temporal(a, b), "geometric": geometric(a, b)}


def semantic(a: Motion, b: Motion) -> float:
    """Return how alike what moves is, how much it moves, and the motions that occur,
    on either side and in any order."""
    colours = float(np.sqrt(a.colours * b.colours).sum())  # Bhattacharyya's coefficient
    less, more = sorted((float(a.speed.sum()), float(b.speed.sum())))
    return colours * (less / max(more, TINY)) ** 0.5 * max(geometric(a, b), geometric(a, mirrored(b)))


def temporal(a: Motion, b: Motion) -> float:
    """Return how alike the motions are at the same times: their speeds, and the directions at each place."""
    return max(0.0, _cosine(a.flow, b.flow))


def geometric(a: Motion, b: Motion) -> float:
    """Return how well each moment's motion, as lines at places, is found at some moment of the other clip."""
    alike = _table(a.lines, b.lines)
    return float(min(_weights(a) @ alike.max(1), _weights(b) @ alike.max(0)))


def scale(similarity: float, dimension: str) -> float:
    """Return the score from 1 to 5 of a similarity."""
    low, high = FLOORS[dimension], CEILINGS[dimension]
    return 1 + 4 * float(np.clip((similarity - low) / (high - low), 0, 1))


class _Shot:
    """Frames under a name that can be hashed: the cache below goes by the clip's content."""

    def __init__(self, shot: Shot):
        self.shot = shot

    def __hash__(self) -> int:
        return hash(self.shot.indices)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Shot) and self.shot.pictures == other.shot.pictures


@lru_cache(maxsize=32)
def _measured(sha256: str, shot: _Shot) -> Motion:
    return measure(shot.shot.frames)


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    size = np.linalg.norm(a) * np.linalg.norm(b)
    return float((a * b).sum() / size) if size > 0 else 0.0


def _table(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the cosine of every moment of one clip with every moment of the other, (n, m)."""
    a, b = (x.reshape(len(x), -1) for x in (a, b))
    a, b = (x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), TINY) for x in (a, b))
    return a @ b.T


def _weights(motion: Motion) -> np.ndarray:
    """Return the share of all motion that each moment has."""
    return motion.speed / max(float(motion.speed.sum()), TINY)
