"""Repeats the actions of a recorded run, episode by episode."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agents.joints import AnyEnvironment
from crossbody.contracts import Chunk, EpisodeSpec, Observation
from crossbody.errors import CrossbodyError
from crossbody.runs import RunFolder, load_trace

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Options:
    """Which run."""

    run: Path
    """Folder of the recorded run; use its --seed or its --scenes, so that the scenes are the same."""


class Replay(AnyEnvironment):
    """Open loop: an environment whose physics repeat gives the recorded outcomes.
    After the record its last action is held."""

    def __init__(self, run: Path):
        self._folder = RunFolder(run)
        self._rows = self._folder.final_rows()
        self._actions: dict[str, dict[str, np.ndarray]] = {}
        self._done: dict[str, int] = {}

    def reset(self, episodes: Sequence[EpisodeSpec]) -> None:
        """Load the records; an episode that the run has no trace of raises CrossbodyError."""
        for spec in episodes:
            row = self._rows.get(spec.id)
            if row is None or row.status != "ok" or row.steps == 0:
                raise CrossbodyError(
                    f"{self._folder.path} has no recorded actions of {spec.id}; run that episode there first"
                )
            _, signals = load_trace(self._folder.trace_file(spec.id, row.attempt))
            self._actions[spec.id] = {c.name: self.recorded(spec, signals, c.name) for c in self.gives}
            self._done[spec.id] = 0

    def recorded(self, spec: EpisodeSpec, signals: dict[str, np.ndarray], channel: str) -> np.ndarray:
        """Return the actions (steps, width) of a channel."""
        if channel not in signals:
            raise CrossbodyError(f"{self._folder.path} was recorded without {channel}; it is a run of another robot")
        return signals[channel]

    def chunk_for(self, episode: str, observation: Observation) -> Chunk:
        import numpy as np

        first = self._done[episode]
        self._done[episode] += self.chunk
        actions = self._actions[episode]
        return {name: a[np.minimum(np.arange(first, first + self.chunk), len(a) - 1)] for name, a in actions.items()}


def make(options: Options) -> Replay:
    return Replay(options.run)
