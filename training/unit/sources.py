"""What a recipe trains on: sets of chunks of one embodiment each, and how often each is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from agents.nets.embodiments import Embodiment, Scaling, find_embodiment
from training.data.chunks import CAMERA_POSE, Chunks
from training.unit.camera import pixels

THINGS = ("object", "container")

LIKE_A_ROBOT = {
    "human_egodex": (np.array([[0, 0, -1], [-1, 0, 0], [0, 1, 0]], np.float32), np.array([0.23, 0, -0.75], np.float32))
}
"""Body -> rotation and shift of its world to the robot's base frame, nearly:
one network may then say of both where things are."""


@dataclass(frozen=True)
class Raw:
    """Raw numbers of some rows of a source."""

    state: np.ndarray  # (n, A)
    action: np.ndarray  # (n, horizon, A), the last step repeated after the episode's end
    mask: np.ndarray  # (n, horizon) bool: False after the end, and everywhere in a set without actions
    positions: np.ndarray  # (n, 2, 3) of object and container in the base frame, NaN where unknown
    pixels: np.ndarray  # (n, 2, 2) column and row of both in the picture, which may lie outside, NaN where unknown


class Source:
    """A set of chunks with its embodiment's vectors joined; ``rows`` are those that have a picture and may start a
    chunk."""

    def __init__(self, chunks: Chunks, horizon: int, every: int):
        """``every``: a chunk may start at every so many-th row of an episode (frames of a set without actions all
        count)."""
        self.chunks, self.horizon = chunks, horizon
        self.embodiment: Embodiment = find_embodiment(chunks.embodiment)
        self._state = self.embodiment.join(_section(chunks.values, "state"))
        self.acts = any(name.startswith("action.") for name in chunks.values)
        self._action = self.embodiment.join(_section(chunks.values, "action")) if self.acts else self._state
        step = np.arange(len(chunks.last)) - chunks.first
        regular = step % (every if self.acts else 1) == 0
        self.rows = np.flatnonzero(chunks.has_picture & regular)
        ends = np.unique(chunks.last[self.rows])
        self.picture_rows = np.union1d(self.rows, ends[chunks.has_picture[ends]])

    def raw(self, rows: np.ndarray) -> Raw:
        """Return states, chunks and positions of these rows."""
        steps = rows[:, None] + np.arange(self.horizon)
        last = self.chunks.last[rows][:, None]
        inside = (steps <= last) & self.acts
        places = self._places(rows)
        return Raw(
            self._state[rows],
            self._action[np.minimum(steps, last)],
            inside,
            self._positions(places),
            self._pixels(rows, places),
        )

    def goal(self, rows: np.ndarray) -> np.ndarray:
        """Return the rows one horizon later, or the episode's last."""
        return np.minimum(rows + self.horizon, self.chunks.last[rows])

    def fit(self) -> Scaling:
        """Return the statistics of this source's chunks."""
        raw = self.raw(self.rows)
        return Scaling.fit(self.embodiment, raw.state, raw.action, raw.mask)

    def _places(self, rows: np.ndarray) -> np.ndarray:
        """Return where object and container are (n, 2, 3), in the frame of the data."""
        unknown = np.full((len(rows), 3), np.nan, np.float32)
        values = self.chunks.values
        return np.stack([values[n][rows] if (n := f"privileged.{t}") in values else unknown for t in THINGS], 1)

    def _pixels(self, rows: np.ndarray, places: np.ndarray) -> np.ndarray:
        if CAMERA_POSE not in self.chunks.values:
            return np.full((len(rows), len(THINGS), 2), np.nan, np.float32)
        return pixels(self.chunks.values[CAMERA_POSE][rows], places, self.embodiment.name)

    def _positions(self, places: np.ndarray) -> np.ndarray:
        rotation, shift = LIKE_A_ROBOT.get(self.embodiment.name, (np.eye(3, dtype=np.float32), np.zeros(3, np.float32)))
        return places @ rotation.T + shift


def _section(values: Mapping[str, np.ndarray], section: str) -> dict[str, np.ndarray]:
    prefix = f"{section}."
    return {name.removeprefix(prefix): v for name, v in values.items() if name.startswith(prefix)}
