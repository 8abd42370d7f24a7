"""Conditions of motions that are typed: a text, a time, a state, a track, an occluded part."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from crossbody.contracts import ANY, Channel, ClipKind, digest
from crossbody.errors import CrossbodyError
from evaluators.generation.asked import TEXT, Asked, digest_of_files

TIME = Channel("condition.time", (), "float64", "s", "duration")
STATE = Channel("condition.state", (ANY, 15, 3), "float64", "m", "keypoints_world_z_up")
TRACK = Channel("condition.track", (ANY, 15, 3), "float64", "m", "keypoints_world_z_up")
OCCLUDED = Channel("condition.occluded", (ANY, 15, 3), "float64", "m", "keypoints_world_z_up")
OCCLUDED_PART = Channel("condition.occluded_part", (), "str", "text", "body_part")
RATES = {c.name: Channel(f"{c.name}_fps", (), "float64", "1/s", "rate") for c in (STATE, TRACK, OCCLUDED)}
LONGEST_TEXT = 10_000  # characters


def open_conditions(asked: Asked) -> Typed | None:
    """Return the conditions of a command line, or None where none is typed."""
    typed = asked.text or asked.time or asked.state or asked.track or asked.occlusion
    return Typed(asked) if typed and asked.data is None else None


class Typed:
    """One condition per text, or a single one without a text; named 0000, 0001, …"""

    kind: ClipKind = "motion"

    def __init__(self, asked: Asked):
        for text in asked.text:
            if not text.strip():
                raise CrossbodyError("--text is empty. Say what the motion is, such as --text 'a person waves'.")
            if len(text) > LONGEST_TEXT:
                raise CrossbodyError(f"--text has {len(text):,} characters; at most {LONGEST_TEXT:,} are taken")
        if asked.time is not None and not 0 < asked.time < float("inf"):
            raise CrossbodyError(f"--time is {asked.time:g}; expected seconds above 0")
        self._asked, self._shared, self._files = asked, {}, []
        if asked.time is not None:
            self._shared[TIME] = float(asked.time)
        for channel, file in ((STATE, asked.state), (TRACK, asked.track)):
            if file is not None:
                self._take(channel, file)
        if asked.occlusion:
            if len(asked.occlusion) != 2:
                raise CrossbodyError("--occlusion takes a part and a file, such as --occlusion left_arm walk.npz")
            self._shared[OCCLUDED_PART] = asked.occlusion[0]
            self._take(OCCLUDED, Path(asked.occlusion[1]))
        self.names = tuple(f"{i:04d}" for i in range(max(1, len(asked.text))))
        self.offers = (*((TEXT,) if asked.text else ()), *self._shared)

    def _take(self, channel: Channel, file: Path) -> None:
        from tasks.motion.foreign import Hints
        from tasks.motion.reading import read_one

        motion = read_one(file, Hints(self._asked.fps, None, None))
        self._shared |= {channel: motion.keypoints, RATES[channel.name]: motion.fps}
        self._files.append(file)

    def digest(self) -> str:
        told = [list(self._asked.text), self._asked.time, *self._asked.occlusion[:1]]
        return digest(json.loads(json.dumps([*told, digest_of_files(self._files)])))

    def load(self, name: str, channels) -> dict[str, Any]:
        loaded = {channel.name: value for channel, value in self._shared.items()}
        if self._asked.text:
            loaded[TEXT.name] = self._asked.text[int(name)]
        return {channel: loaded[channel] for channel in channels}
