"""The scripted expert as an agent: one script per episode, one command per control step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from agents.expert import Options
from agents.expert.motion import Script
from agents.expert.scripts import script
from agents.expert.task import Episode
from crossbody.contracts import Chunk, EpisodeSpec, Observation
from crossbody.errors import CrossbodyError
from tasks.gr1 import ACTION

NOISE_MEMORY = 0.9  # share of the disturbance that is left one control step later
NOISY = ("left_arm", "right_arm")


class ExpertAgent:
    """Solves a task with what only the simulator knows. It must be attached to the environment that it acts in."""

    reads = ()
    gives = ACTION
    in_worker = True

    def __init__(self, options: Options):
        if not options.action_noise_rad >= 0:
            raise CrossbodyError(f"expert: action_noise_rad is {options.action_noise_rad}; it must be 0 or more")
        self.options = options
        self._simulator: Any = None
        self._episodes: dict[str, _Running] = {}

    def attach(self, env: Any) -> None:
        """Read the state of ``env.simulator`` (``task``, ``model``, ``data``) from now on."""
        self._simulator = env

    def reset(self, episodes: Sequence[EpisodeSpec]) -> None:
        """Begin these episodes; the scenes of one simulator come one after the other, so earlier scripts end here."""
        if self._simulator is None:
            raise CrossbodyError(
                "expert: not attached to an environment. Run it through `evaluate`, or call attach(env)"
            )
        for spec in episodes:
            running = _Running(self._simulator.simulator, self.options, spec.seed)
            self._episodes = {spec.id: running}

    def act(self, observations: Mapping[str, Observation]) -> dict[str, Chunk]:
        """Return the next command (1, width) per channel; after the script's end, the last one."""
        return {id: self._running(id).act() for id in observations}

    def intended(self, episode_id: str) -> dict[str, np.ndarray]:
        """Return the last command of an episode before the disturbance, (width,) per channel."""
        return self._running(episode_id).intended

    def report(self, episode_id: str) -> dict[str, Any]:
        """Return how an episode's script stands: ``stage``, ``steps``, ``attempts``, ``lifted``,
        ``held_over_container``, ``finished``."""
        return dict(self._running(episode_id).episode.report)

    def close(self) -> None:
        self._episodes.clear()
        self._simulator = None

    def _running(self, id: str) -> _Running:
        if id not in self._episodes:
            raise CrossbodyError(
                f"expert: episode '{id}' was never begun; under way: {', '.join(self._episodes) or 'none'}"
            )
        return self._episodes[id]


class _Running:
    """One episode's script and its disturbance."""

    def __init__(self, simulator: Any, options: Options, seed: int):
        self.episode = Episode(simulator)
        self.script: Script = script(self.episode)
        self.intended = self.episode.body.action()
        self.noise = np.zeros((len(NOISY), 7))
        self.scale = options.action_noise_rad
        self.random = np.random.default_rng([seed, 0xE8])

    def act(self) -> Chunk:
        report = self.episode.report
        if not report["finished"]:
            try:
                next(self.script)
                report["steps"] += 1
            except StopIteration:
                self.episode.note("finished", finished=True)
        self.intended = self.episode.body.action()
        given = dict(self.intended)
        if self.scale > 0 and not report["finished"]:
            fresh = self.random.normal(size=self.noise.shape)
            self.noise = NOISE_MEMORY * self.noise + np.sqrt(1 - NOISE_MEMORY**2) * self.scale * fresh
            for part, noise in zip(NOISY, self.noise, strict=True):
                given[f"action.{part}"] = (given[f"action.{part}"] + noise).astype(np.float32)
        return {channel: value[None] for channel, value in given.items()}
