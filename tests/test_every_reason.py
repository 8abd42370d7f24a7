"""Every reason in the catalog is a pure function that says '' about what it does not know."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from crossbody import catalog
from crossbody.contracts import EpisodeRow
from reports.reason import UNTOLD, Episode, Reason, explain, reasons

ROW = EpisodeRow(
    episode="t/0000", task="t", split="s", family="f", index=0, seed=1, attempt=1, status="ok", success=False,
    first_success_step=None, steps=4, instruction="", scene_hash="", trace_hash="x", error="", worker=0, elapsed_s=1.0,
)  # fmt: skip # a row in four lines
STEPS = 4


def episode(**signals) -> Episode:
    return Episode(ROW, np.zeros(STEPS, bool), signals, {}, 20.0)


def problems(reason: Reason) -> list[str]:
    """Return what is wrong with a reason."""
    found = [] if reason.title and reason.title == reason.title.strip() else ["it has no title"]
    rng = np.random.default_rng(0)
    rich = episode(
        object=rng.normal(size=(STEPS, 7)), container=rng.normal(size=(STEPS, 7)),
        **{"body.fallen": np.array([0, 0, 1, 1]), "body.keypoints": rng.normal(size=(STEPS, 15, 3)),
           "reference.keypoints": rng.normal(size=(STEPS, 15, 3)), "reference.progress": np.zeros(STEPS)},
    )  # fmt: skip # one signal after another
    before = copy.deepcopy(dict(rich.signals))
    for what in (episode(), rich):
        said = [reason.explain(what) for _ in range(2)]
        if not all(isinstance(s, str) for s in said) or said[0] != said[1]:
            found.append("it does not return the same text for the same episode")
    if reason.explain(episode()):
        found.append("it explains an episode of which nothing is known")
    if any(not np.array_equal(v, before[k]) for k, v in rich.signals.items()):
        found.append("it changes the trace")
    return found


@pytest.mark.parametrize("name", catalog.entries("reasons"))
def test_every_reason_keeps_the_contract(name):
    assert problems(catalog.resolve("reasons", name)) == []


def test_a_reason_that_guesses_is_found():
    assert problems(Reason("always", 0, lambda e: "surely")) == ["it explains an episode of which nothing is known"]


def test_orders_are_their_own_so_that_the_first_answer_is_decided():
    orders = [reason.order for reason in reasons()]
    assert len(orders) == len(set(orders))


def test_what_no_reason_knows_is_said_so():
    assert explain(episode()) == (UNTOLD, "no success within 4 steps")


def test_a_fall_has_its_time():
    assert explain(episode(**{"body.fallen": np.array([0, 0, 1, 1])})) == ("fell", "fell at 0.1 s")  # step 3 at 20 Hz
    fallen = episode(**{"body.fallen": np.array([0, 1, 1, 1])})
    assert explain(Episode(ROW, fallen.success, fallen.signals, {}, 2.0)) == ("fell", "fell at 1.0 s")


def test_what_was_held_when_the_time_was_over_is_no_drop():
    thing, goal = np.zeros((STEPS, 7)), np.zeros((STEPS, 7))
    thing[1:, 2], goal[:, 0] = 0.1, 0.3
    told = "held 10 cm up, 30 cm from the container, when the time was over"
    assert explain(episode(object=thing, container=goal)) == ("still held at the end", told)
