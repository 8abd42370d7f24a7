"""Worker processes: their environment, the memory that they share, and what the watchdog sees."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest

from envs.pool import Pool, PoolOrder, open_pool
from envs.shared import LARGE, SharedBlock
from envs.worker import Link

PATIENT = {"start": 60.0, "reset": 60.0, "step": 60.0}


def echo(link: Link) -> None:
    """A worker for these tests: answers with what it is told to."""
    while True:
        kind, content = link.receive()
        link.beat("step", 7)
        if kind == "environ":
            link.answer("environ", {name: os.environ.get(name, "") for name in content})
        elif kind == "hash":
            link.answer("hash", hash(content))
        elif kind == "frames":
            link.answer_observation("frames", {"big": np.full(content, 3, np.uint8), "small": 1.5, "text": "pick"})
        elif kind == "leave":
            raise SystemExit(content)
        elif kind == "sleep":
            link.note("going to sleep", content)
            time.sleep(content)
            link.answer("woke", content)


@pytest.fixture
def pool(tmp_path):
    with open_pool("processes", PoolOrder(2, "tests.test_workers:echo", PATIENT, tmp_path)) as made:
        yield made


def answer(pool: Pool, *message: object, worker: int = 0):
    """Return the next event after a message."""
    pool.worker(worker).begin(*message)
    return next_event(pool)


def next_event(pool: Pool):
    while True:
        for event in pool.wait(5.0):
            return event


def test_every_worker_has_a_fixed_hash_seed_and_one_thread(pool):
    names = ("PYTHONHASHSEED", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    assert answer(pool, "environ", names).content == {"PYTHONHASHSEED": "0", **{n: "1" for n in names[1:]}}
    assert answer(pool, "hash", "a name").content == answer(pool, "hash", "a name", worker=1).content


def test_frames_go_through_the_shared_block_whatever_their_size_and_may_be_kept(pool):
    small = answer(pool, "frames", (64, 64, 3)).content
    large = answer(pool, "frames", (1024, 1024, 3)).content
    assert {k: v for k, v in large.items() if k != "big"} == {"small": 1.5, "text": "pick"}
    assert (small["big"].shape, large["big"].shape) == ((64, 64, 3), (1024, 1024, 3))
    assert (large["big"] == 3).all()
    small["big"][:] = 9  # a copy of the agent's own
    assert (answer(pool, "frames", (64, 64, 3)).content["big"] == 3).all()


def test_a_worker_that_ends_is_reported_with_its_exit_code_and_replaced(pool):
    event = answer(pool, "leave", 3)
    assert (event.kind, event.content, event.steps) == ("died", "the worker ended with exit code 3", 7)
    assert answer(pool, "environ", ("PYTHONHASHSEED",)).content == {"PYTHONHASHSEED": "0"}


def test_a_note_does_not_end_the_workers_turn(pool):
    assert answer(pool, "sleep", 0.2).kind == "going to sleep"
    assert pool.worker(0).busy
    assert next_event(pool).kind == "woke"
    assert not pool.worker(0).busy


def test_a_worker_without_a_sign_of_life_is_ended_and_one_that_beats_is_not(tmp_path):
    with open_pool("processes", PoolOrder(1, "tests.test_workers:echo", {**PATIENT, "step": 0.3}, tmp_path)) as pool:
        assert answer(pool, "sleep", 30.0).kind == "going to sleep"
        event = next_event(pool)
        assert (event.kind, event.steps) == ("hung", 7)
        assert event.content == "a control step took longer than 0.3 s; a longer limit is --timeouts.step-s"


def test_a_greeting_reaches_workers_that_start_later(pool):
    answer(pool, "hash", "")
    pool.greet("sleep", 0.0)
    kinds = {answer(pool, "hash", "", worker=1).kind for _ in range(1)}
    assert kinds == {"going to sleep"}


def test_a_block_holds_several_frames_and_grows_for_the_other_side_too():
    ours = SharedBlock()
    theirs = SharedBlock(os.dup(ours.fd))
    observation = {f"video.{i}": np.full((LARGE + i,), i, np.uint8) for i in range(40)}
    message = theirs.pack(observation)
    assert not any(isinstance(v, np.ndarray) for v in message.values())
    np.testing.assert_equal(ours.unpack(message), observation)
    theirs.beat("reset", 5)
    pulse = ours.pulse()
    assert (pulse.phase, pulse.steps) == ("reset", 5)
    assert 0 <= time.monotonic() - pulse.at < 60
    ours.close()
    theirs.close()
