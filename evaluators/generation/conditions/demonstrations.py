"""Demonstrations in any format of the catalog: the first pictures, the instruction, every state and action between."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crossbody import catalog
from crossbody.contracts import ANY, Channel, ClipKind
from crossbody.errors import CrossbodyError
from evaluators.generation.asked import FPS, FRAMES, GIVEN, OTHER, TEXT, TRUTH, Asked, given_and_truth

if TYPE_CHECKING:
    import numpy as np

SECTIONS = ("state", "action")


def open_conditions(asked: Asked) -> Demonstrations | None:
    """Return the conditions of a folder or file of demonstrations, or None where ``--data`` is none."""
    if asked.data is None or asked.kind == "motion":
        return None
    try:
        sets = catalog.load("training.data.formats:find_sets")(asked.data)
    except CrossbodyError:
        return None
    return Demonstrations(sets, asked)


class Demonstrations:
    """One condition per episode, ``<set>-<number>``. All sets have the same parts and a camera."""

    kind: ClipKind = "video"

    def __init__(self, sets: Mapping[str, Path], asked: Asked):
        self._asked = asked
        open_set = catalog.load("training.data.formats:open_set")
        self._sets = {name: open_set(path) for name, path in sets.items()}
        self._where = {f"{n}-{i:04d}": (n, i) for n, found in self._sets.items() for i in range(len(found))}
        self.names = tuple(self._where)
        if not self.names:
            raise CrossbodyError(f"--data {asked.data} has no episodes yet")
        layout = next(iter(self._sets.values())).layout
        if not layout.cameras:
            raise CrossbodyError(f"--data {asked.data} has no camera, so there is no picture to begin with")
        self._camera = next(iter(layout.cameras))
        self._parts = {n: p.width for n, p in layout.parts.items() if n.partition(".")[0] in SECTIONS}
        parts = (Channel(n, (ANY, width), "float32", "as recorded", "as recorded") for n, width in self._parts.items())
        self.offers = (GIVEN["video"], TRUTH["video"], OTHER["video"], FRAMES, FPS, TEXT, *parts)

    def digest(self) -> str:
        sha = hashlib.sha256(self._camera.encode())
        for set_name, number in self._where.values():
            sha.update(self._sets[set_name][number].digest())
        return sha.hexdigest()[:16]

    def load(self, name: str, channels: Sequence[str]) -> dict[str, Any]:
        import numpy as np

        set_name, number = self._where[name]
        layout, episode = self._sets[set_name].layout, self._sets[set_name][number]
        every = self._asked.every or layout.picture_every
        loaded: dict[str, Any] = {FPS.name: layout.fps / every, TEXT.name: episode.instruction}
        loaded |= {n: np.asarray(episode.values[n], np.float32) for n in self._parts if n in channels}
        if {GIVEN["video"].name, TRUTH["video"].name, OTHER["video"].name, FRAMES.name} & set(channels):
            truth = self._pictures(name, every)
            other = self._pictures(self._next(name), every) if OTHER["video"].name in channels else truth
            loaded |= given_and_truth("video", truth, other, self._asked)
        return {channel: loaded[channel] for channel in channels}

    def _pictures(self, name: str, every: int) -> np.ndarray:
        import numpy as np

        set_name, number = self._where[name]
        episode = self._sets[set_name][number]
        if self._camera not in episode.pictures:
            raise CrossbodyError(
                f"{name} has no {self._camera}; leave the episode out, or give sets in which it is there"
            )
        footage: Any = episode.pictures[self._camera]
        return np.stack(footage.take(list(range(0, episode.frames, every))))

    def _next(self, name: str) -> str:
        return self.names[(self.names.index(name) + 1) % len(self.names)]
