"""Agents that misbehave, for the tests of the harness; named as ``tests.faulty_agents:<factory>``."""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from crossbody.contracts import Chunk, EpisodeSpec, Observation
from envs.fake import COMMAND, GOAL, POSITION

STEPS = 8


@dataclass(frozen=True)
class Options:
    """On which episode, and how."""

    episode: str = ""  # '' for all
    value: float = 0.0
    seconds: float = 0.0
    attempts: int = 99


def good_chunk(steps: int = STEPS) -> dict[str, np.ndarray]:
    return {COMMAND.name: np.zeros((steps, 2), np.float32)}


class Straight:
    """Goes straight to the goal, and does ``fault`` instead on the episodes that it is told."""

    reads = (POSITION, GOAL)
    gives = (COMMAND,)
    in_worker = False

    def __init__(self, options: Options, fault: Callable[[Options], Chunk]):
        self._options = options
        self._fault = fault
        self._seen: dict[str, int] = {}

    def reset(self, episodes: Sequence[EpisodeSpec]) -> None:
        for spec in episodes:
            self._seen[spec.id] = self._seen.get(spec.id, 0) + 1

    def act(self, observations: Mapping[str, Observation]) -> dict[str, Chunk]:
        return {e: self._fault(self._options) if self._is_bad(e) else self._good(o) for e, o in observations.items()}

    def close(self) -> None:
        pass

    def _is_bad(self, episode: str) -> bool:
        return self._options.episode in ("", episode) and self._seen[episode] <= self._options.attempts

    def _good(self, observation: Observation) -> Chunk:
        return {COMMAND.name: np.repeat(observation[GOAL.name][None], STEPS, axis=0)}


def raises(options: Options) -> Straight:
    def fault(_: Options) -> Chunk:
        raise ValueError("the model has no weights\nfor this")

    return Straight(options, fault)


def sleeps(options: Options) -> Straight:
    def fault(options: Options) -> Chunk:
        time.sleep(options.seconds)
        return good_chunk()

    return Straight(options, fault)


def gives(options: Options) -> Straight:
    return Straight(options, lambda o: {COMMAND.name: np.full((STEPS, 2), o.value, np.float32)})


def gives_seven_steps(options: Options) -> Straight:
    return Straight(options, lambda o: good_chunk(7))


def forgets(options: Options) -> Straight:
    """Answers for nobody."""
    agent = Straight(options, lambda o: good_chunk())
    agent.act = lambda observations: {}  # type: ignore[method-assign]
    return agent


def needs_a_robot(options: Options) -> Straight:
    from tasks import gr1

    agent = Straight(options, lambda o: good_chunk())
    agent.reads, agent.gives = gr1.STATE[:1], gr1.ACTION[:2]  # type: ignore[assignment]
    return agent


class InWorker(Straight):
    """The same inside the worker, one control step at a time, with the simulator at hand."""

    in_worker = True

    def __init__(self, options: Options, fault: Callable[[Options], Chunk]):
        super().__init__(options, fault)
        self._env = None

    def attach(self, env: object) -> None:
        self._env = env

    def _good(self, observation: Observation) -> Chunk:
        assert type(self._env).__name__ == "Fake"
        return {COMMAND.name: observation[GOAL.name][None]}


def in_worker(options: Options) -> InWorker:
    def fault(options: Options) -> Chunk:
        if options.seconds:
            time.sleep(options.seconds)
        raise ValueError("no plan found")

    return InWorker(options, fault)


def answers(value: object) -> Callable[[Options], Straight]:
    """Return a factory of agents whose ``act`` answers with this, whatever they are asked."""

    def factory(options: Options) -> Straight:
        agent = Straight(options, lambda o: good_chunk())
        agent.act = lambda observations: value  # type: ignore[method-assign]
        return agent

    return factory


nothing, a_generator = answers(None), answers(iter(()))


def complex_numbers(options: Options) -> Straight:
    return Straight(options, lambda o: {COMMAND.name: np.full((STEPS, 2), 0.1 + 0.5j)})


def leaves(options: Options) -> Straight:
    """Calls sys.exit(0), as a script does that was made an agent."""
    return Straight(options, lambda o: sys.exit(0))


def leaves_at_once(options: Options) -> Straight:
    return Straight(options, lambda o: os._exit(0))  # type: ignore[arg-type]


def leaves_in_reset(options: Options) -> Straight:
    agent = Straight(options, lambda o: good_chunk())
    agent.reset = lambda episodes: sys.exit(0)  # type: ignore[method-assign]
    return agent


def swallows(options: Options) -> Straight:
    """Is not interrupted by any exception."""

    def fault(_: Options) -> Chunk:
        while True:
            try:
                time.sleep(60)
            except Exception:
                continue

    return Straight(options, fault)


def loops_in_c(options: Options) -> Straight:
    """Never comes back to Python, where a signal would be seen."""
    return Straight(options, lambda o: sum(itertools.repeat(0)))  # type: ignore[arg-type]


def answers_late(options: Options) -> Straight:
    """Swallows the interruption and answers all the same."""

    def fault(options: Options) -> Chunk:
        with contextlib.suppress(Exception):
            time.sleep(options.seconds)
        return good_chunk()

    return Straight(options, fault)


def hostile_text(options: Options) -> Straight:
    def fault(_: Options) -> Chunk:
        raise ValueError("unexpected token [/INST] :smile: \ud800 \x1b[2J" + "x" * 1_000_000)

    return Straight(options, fault)


def hostile_error(options: Options) -> Straight:
    class Unspeakable(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    def fault(_: Options) -> Chunk:
        raise Unspeakable

    return Straight(options, fault)


def cannot_close(options: Options) -> Straight:
    agent = Straight(options, lambda o: good_chunk())
    agent.close = lambda: 1 / 0  # type: ignore[method-assign]
    return agent


def cannot_be_made(options: Options) -> Straight:
    raise ValueError("no such model")


def slow_to_reset(options: Options) -> Straight:
    agent = Straight(options, lambda o: good_chunk())
    begin = agent.reset

    def reset(episodes: Sequence[EpisodeSpec]) -> None:
        time.sleep(options.seconds)
        begin(episodes)

    agent.reset = reset  # type: ignore[method-assign]
    agent._is_bad = lambda episode: False  # type: ignore[method-assign]
    return agent


class LeavesInWorker(InWorker):
    def act(self, observations: Mapping[str, Observation]) -> dict[str, Chunk]:
        sys.exit(0)


def leaves_in_worker(options: Options) -> InWorker:
    return LeavesInWorker(options, lambda o: good_chunk(1))
