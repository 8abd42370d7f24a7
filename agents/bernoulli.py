"""Succeeds with a known probability, for testing the harness and its statistics; it acts in the fake environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crossbody.contracts import Channel, Chunk, Contract, EpisodeSpec, Observation
from crossbody.errors import CrossbodyError
from crossbody.seeds import episode_seed, generator

if TYPE_CHECKING:
    import numpy as np

POSITION = Channel("state.position", (2,), "float32", "m", "position")
GOAL = Channel("privileged.goal", (2,), "float32", "m", "position")
COMMAND = Channel("action.position", (2,), "float32", "m", "absolute_position")

SHORT_OF_GOAL = 0.5


@dataclass(frozen=True)
class Options:
    """How often it succeeds, and when."""

    p: float = 0.5
    """Probability of success of an episode."""
    spread: float = 0.0
    """Tasks differ by up to this much about p, each by a fixed amount."""
    first: int = 150
    """Earliest control step at which it arrives."""
    last: int = 450
    """Latest control step at which it arrives."""


@dataclass(frozen=True)
class Fate:
    """What an episode will come to, whoever asks: drawn from its seed."""

    succeeds: bool
    arrives: int  # control step


def probability(options: Options, task: str) -> float:
    """Return the probability of success in a task."""
    shift = 2 * episode_seed(0, task, 0) / 2**32 - 1
    return min(1.0, max(0.0, options.p + options.spread * shift))


def fate(options: Options, spec: EpisodeSpec) -> Fate:
    """Return what the episode will come to."""
    rng = generator(spec.seed, "fate")
    succeeds = bool(rng.random() < probability(options, spec.task.name))
    return Fate(succeeds, int(rng.integers(options.first, options.last + 1)))


class Bernoulli:
    """Moves in a straight line so as to be at the goal, or half-way to it, at the step that it drew."""

    reads = (POSITION, GOAL)
    gives = (COMMAND,)
    in_worker = False

    def __init__(self, options: Options):
        self._options = options
        self._chunk = 1
        self._fates: dict[str, Fate] = {}
        self._lines: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self._steps: dict[str, int] = {}

    def bind(self, contract: Contract, chunk: int) -> None:
        self._chunk = chunk

    def reset(self, episodes: Sequence[EpisodeSpec]) -> None:
        for spec in episodes:
            self._fates[spec.id] = fate(self._options, spec)
            self._lines.pop(spec.id, None)
            self._steps[spec.id] = 0

    def act(self, observations: Mapping[str, Observation]) -> Mapping[str, Chunk]:
        return {episode: self._next(episode, observation) for episode, observation in observations.items()}

    def close(self) -> None:
        pass

    def _next(self, episode: str, observation: Observation) -> Chunk:
        import numpy as np

        fate = self._fates[episode]
        if episode not in self._lines:
            reach = 1.0 if fate.succeeds else SHORT_OF_GOAL
            self._lines[episode] = (
                observation[POSITION.name],
                reach * (observation[GOAL.name] - observation[POSITION.name]),
            )
        start, way = self._lines[episode]
        steps = self._steps[episode] + np.arange(1, self._chunk + 1)
        self._steps[episode] += self._chunk
        done = np.minimum(1.0, steps / fate.arrives)[:, None]
        return {COMMAND.name: (start + done * way).astype(np.float32)}


def make(options: Options) -> Bernoulli:
    if not 0 <= options.p <= 1:
        raise CrossbodyError(f"--options.p is {options.p}; a probability is from 0 to 1")
    if not 1 <= options.first <= options.last:
        raise CrossbodyError(
            f"--options.first is {options.first} and --options.last {options.last}; 1 <= first <= last"
        )
    return Bernoulli(options)
