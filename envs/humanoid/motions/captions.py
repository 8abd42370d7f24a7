"""Sentences that say what a motion does, in several wordings, of the numbers that it was made with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")

SUBJECTS = ("a person", "the person", "someone", "a humanoid")
TIMES = ("", "once", "twice", "three times", "four times", "five times", "six times")
COUNTED = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
CAPTIONS = 5
SLOW, QUICK = 0.88, 1.15


def sample_captions(rng: np.random.Generator, templates: Sequence[str], **words: str) -> list[str]:
    """Return different sentences from templates with ``{names}`` of words; ``{who}`` is somebody."""
    order = rng.permutation(len(templates))
    sentences: list[str] = []
    for index in order:
        who = SUBJECTS[rng.integers(len(SUBJECTS))]
        sentence = " ".join(templates[index].format(who=who, **words).split()).replace(" ,", ",").rstrip(",")
        if sentence not in sentences:
            sentences.append(sentence)
    return sentences[:CAPTIONS]


def pick(rng: np.random.Generator, options: Sequence[T]) -> T:
    """Return one of the options."""
    return options[int(rng.integers(len(options)))]


def manner(pace: float) -> str:
    """Return how quick a motion of a pace is, in a word; nothing for an ordinary one."""
    return "slowly" if pace < SLOW else "quickly" if pace > QUICK else ""


def sampled_pace(rng: np.random.Generator) -> float:
    """Return a pace around 1: how many times as quick as usual."""
    return float(np.exp(rng.uniform(np.log(0.72), np.log(1.35))))
