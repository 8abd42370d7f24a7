"""What a data set's columns hold: named body parts in flat vectors, declared as GR00T's ``meta/modality.json`` declares them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from crossbody.errors import CrossbodyError

SECTIONS = ("state", "action", "privileged")
"""Kinds of parts. ``privileged`` is ours: what only a simulator knows. GR00T's reader passes over it."""

DEFAULT_COLUMNS = {"state": "observation.state", "action": "action"}


class DataError(CrossbodyError):
    """A data set that cannot be read, written or converted."""


@dataclass(frozen=True)
class Part:
    """Where a part such as ``state.left_arm`` lies: columns ``start`` to ``end`` of a flat vector."""

    column: str
    start: int
    end: int

    @property
    def width(self) -> int:
        return self.end - self.start


@dataclass(frozen=True)
class Layout:
    """Names and places of everything that a frame has. Order in a flat vector never matters: parts are found by name."""

    embodiment: str  # LeRobot's robot_type
    fps: float
    parts: Mapping[str, Part]
    cameras: Mapping[str, str] = field(default_factory=dict)  # video.ego_view -> its column
    languages: Mapping[str, str] = field(default_factory=dict)  # annotation.human.coarse_action -> its column
    picture_every: int = 1  # frames; where it is more than 1, the frames between repeat the last picture

    def columns(self) -> dict[str, int]:
        """Return the flat vectors and their widths."""
        widths: dict[str, int] = {}
        for part in self.parts.values():
            widths[part.column] = max(widths.get(part.column, 0), part.end)
        return widths

    def pack(self, values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return flat vectors, column -> float32 (frames, width), from parts (frames, width); an absent or misshapen one raises."""
        frames = len(next(iter(values.values())))
        flat = {name: np.zeros((frames, width), np.float32) for name, width in self.columns().items()}
        for name, part in self.parts.items():
            if name not in values:
                raise DataError(f"there is no {name}; the layout of {self.embodiment} needs {', '.join(self.parts)}")
            if values[name].shape != (frames, part.width):
                raise DataError(f"{name} has shape {values[name].shape}, expected ({frames}, {part.width})")
            flat[part.column][:, part.start : part.end] = values[name]
        return flat

    def unpack(self, flat: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return every part, float32 (frames, width), of flat vectors (frames, width)."""
        return {name: flat[part.column][:, part.start : part.end] for name, part in self.parts.items()}

    def to_modality(self) -> dict[str, Any]:
        """Return the content of ``meta/modality.json``."""
        modality: dict[str, Any] = {}
        for name, part in self.parts.items():
            section, _, key = name.partition(".")
            entry: dict[str, Any] = {"start": part.start, "end": part.end}
            if part.column != DEFAULT_COLUMNS.get(section):
                entry["original_key"] = part.column
            modality.setdefault(section, {})[key] = entry
        modality["video"] = {n.removeprefix("video."): {"original_key": c} for n, c in self.cameras.items()}
        modality["annotation"] = {n.removeprefix("annotation."): _annotation(n, c) for n, c in self.languages.items()}
        return modality

    @staticmethod
    def from_modality(modality: Mapping[str, Any], embodiment: str, fps: float, picture_every: int = 1) -> Layout:
        """Return the layout that a ``modality.json`` declares; a section that is not one raises DataError."""
        try:
            return Layout(
                embodiment,
                fps,
                {f"{s}.{key}": _part(s, entry) for s in SECTIONS for key, entry in modality.get(s, {}).items()},
                {f"video.{key}": entry["original_key"] for key, entry in modality.get("video", {}).items()},
                {
                    f"annotation.{key}": entry.get("original_key", f"annotation.{key}")
                    for key, entry in (modality.get("annotation") or {}).items()
                },
                picture_every,
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise DataError(f"modality.json is not one: {type(error).__name__} {error}") from error


def consecutive(column: str, widths: Mapping[str, int]) -> dict[str, Part]:
    """Return parts that lie side by side in one column, in the order given."""
    parts, start = {}, 0
    for name, width in widths.items():
        parts[name] = Part(column, start, start + width)
        start += width
    return parts


def _part(section: str, entry: Mapping[str, Any]) -> Part:
    return Part(entry.get("original_key") or DEFAULT_COLUMNS[section], int(entry["start"]), int(entry["end"]))


def _annotation(name: str, column: str) -> dict[str, str]:
    return {} if column == name else {"original_key": column}
