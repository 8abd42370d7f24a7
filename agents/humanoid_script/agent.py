"""The script as an agent: one frame of key points per control step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agents.humanoid_script.detection import HUES_DEG
from agents.humanoid_script.player import Player, Script
from agents.humanoid_script.scripts import script
from crossbody.contracts import Chunk, EpisodeSpec, Observation
from crossbody.errors import CrossbodyError
from tasks import humanoid_vision

JOINTS = 23


class ScriptAgent:
    """Sees with the head camera and makes its motions with ``env.skills``; it reads no state of the scene."""

    reads = humanoid_vision.contract(JOINTS).observation
    gives = humanoid_vision.contract(JOINTS).action
    in_worker = True

    def __init__(self) -> None:
        self._skills: Any = None
        self._running: dict[str, tuple[Player, Script] | None] = {}

    def attach(self, env: Any) -> None:
        """Use the motions of ``env.skills`` from now on."""
        self._skills = env.skills

    def reset(self, episodes: Sequence[EpisodeSpec]) -> None:
        """Begin these episodes; each script starts with its first observation, which has the instruction."""
        if self._skills is None:
            raise CrossbodyError(
                "humanoid_script: not attached to an environment. Run it through `evaluate`, or call attach(env)"
            )
        self._running = {spec.id: None for spec in episodes}

    def act(self, observations: Mapping[str, Observation]) -> Mapping[str, Chunk]:
        """Return the next frame of each episode's script; after its end, the last one."""
        return {episode: self._next(episode, observation) for episode, observation in observations.items()}

    def close(self) -> None:
        self._running, self._skills = {}, None

    def _next(self, episode: str, observation: Observation) -> Chunk:
        running = self._running.get(episode)
        if running is None:
            instruction = str(observation[humanoid_vision.LANGUAGE.name])
            player = Player(self._skills, _colour(instruction))
            running = self._running[episode] = (player, script(player, instruction))
        player, frames = running
        player.watch(observation)
        points = next(frames, None)
        return {humanoid_vision.COMMAND.name: (player.still() if points is None else points)[None]}


def _colour(instruction: str) -> str:
    named = [colour for colour in HUES_DEG if f" {colour} " in instruction]
    if len(named) != 1:
        raise CrossbodyError(
            f"the instruction '{instruction}' names {len(named)} colours of {', '.join(HUES_DEG)}; expected one"
        )
    return named[0]
