"""What a data set's columns hold: named body parts in flat vectors,
declared as GR00T's ``meta/modality.json`` declares them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from crossbody.errors import CrossbodyError

SECTIONS = ("state", "action", "privileged")
"""Kinds of parts. ``privileged`` is ours: what only a simulator knows. GR00T's reader passes over it."""

DEFAULT_COLUMNS = {"state": "observation.state", "action": "action"}
TASK = "task_index"
"""LeRobot's column of the instruction; annotation columns hold indices into the same list of texts."""
INSTRUCTION_WORDS = ("coarse_action", "task_description", "instruction", "language")
"""How GR00T's sets name the annotation that is the instruction, most telling first; others (validity, …) are not."""
PLAIN_NAME = re.compile(r"[^/\\\x00-\x1f\x7f\ud800-\udfff]{1,200}")
MAX_NAME_BYTES = 200
MAX_SENTENCE = 1000


class DataError(CrossbodyError):
    """A data set that cannot be read, written or converted, in one line that any terminal can show."""

    def __init__(self, sentence: str):
        line = " ".join(sentence.encode("utf-8", "backslashreplace").decode().split())
        super().__init__(line if len(line) <= MAX_SENTENCE else f"{line[:MAX_SENTENCE]} …")


@dataclass(frozen=True)
class Part:
    """Where a part such as ``state.left_arm`` lies: columns ``start`` to ``end`` of a flat vector."""

    column: str
    start: int
    end: int
    dtype: str = "float32"  # of its column
    about: Mapping[str, Any] = field(default_factory=dict)  # what else modality.json says: absolute, rotation_type, …

    @property
    def width(self) -> int:
        return self.end - self.start


@dataclass(frozen=True)
class Feature:
    """What LeRobot's ``info.json`` says of a column."""

    dtype: str
    shape: tuple[int, ...]
    names: Any = None

    @property
    def width(self) -> int:
        """Numbers per frame."""
        return int(np.prod(self.shape, dtype=np.int64))


@dataclass(frozen=True)
class Layout:
    """Names and places of everything that a frame has. Order in a flat vector never matters:
    parts are found by name."""

    embodiment: str  # LeRobot's robot_type
    fps: float
    parts: Mapping[str, Part]
    cameras: Mapping[str, str] = field(default_factory=dict)  # video.ego_view -> its column
    languages: Mapping[str, str] = field(default_factory=dict)  # annotation.human.coarse_action -> its column
    picture_every: int = 1  # frames; where it is more than 1, the frames between repeat the last picture
    extras: Mapping[str, Feature] = field(default_factory=dict)  # columns that are carried as they are: next.reward, …
    names: Mapping[str, Any] = field(default_factory=dict)  # column -> what its set calls its numbers, where it does
    tasks: tuple[str, ...] = ()  # the texts that TASK and annotations point at

    def columns(self) -> dict[str, int]:
        """Return the flat vectors and their widths."""
        widths: dict[str, int] = {}
        for part in self.parts.values():
            widths[part.column] = max(widths.get(part.column, 0), part.end)
        return widths

    def dtypes(self) -> dict[str, str]:
        """Return the type of each flat vector."""
        return {part.column: part.dtype for part in self.parts.values()}

    def pack(self, values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return flat vectors, column -> (frames, width), from parts (frames, width);
        an absent or misshapen one raises."""
        frames, dtypes = len(next(iter(values.values()))), self.dtypes()
        flat = {name: np.zeros((frames, width), dtypes[name]) for name, width in self.columns().items()}
        for name, part in self.parts.items():
            if name not in values:
                raise DataError(f"there is no {name}; the layout of {self.embodiment} needs {', '.join(self.parts)}")
            if values[name].shape != (frames, part.width):
                raise DataError(f"{name} has shape {values[name].shape}, expected ({frames}, {part.width})")
            flat[part.column][:, part.start : part.end] = values[name]
        return flat

    def unpack(self, flat: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return every part (frames, width) of flat vectors (frames, width)."""
        return {name: flat[part.column][:, part.start : part.end] for name, part in self.parts.items()}

    def instruction_column(self) -> str:
        """Return the column whose text is the instruction: the annotation that is named as one, else LeRobot's own."""
        for word in INSTRUCTION_WORDS:
            for name, column in self.languages.items():
                if word in name:
                    return column
        return TASK

    def to_modality(self) -> dict[str, Any]:
        """Return the content of ``meta/modality.json``."""
        modality: dict[str, Any] = {}
        for name, part in self.parts.items():
            section, _, key = name.partition(".")
            entry: dict[str, Any] = {"start": part.start, "end": part.end, **part.about}
            if part.column != DEFAULT_COLUMNS.get(section):
                entry["original_key"] = part.column
            modality.setdefault(section, {})[key] = entry
        modality["video"] = {n.removeprefix("video."): {"original_key": c} for n, c in self.cameras.items()}
        modality["annotation"] = {n.removeprefix("annotation."): _annotation(n, c) for n, c in self.languages.items()}
        return modality


def check_names(names: Iterable[str], where: object) -> None:
    """Raise DataError for a name of a part, camera or column that could be a path."""
    for name in names:
        if not PLAIN_NAME.fullmatch(name) or name in (".", "..") or len(name.encode()) > MAX_NAME_BYTES:
            raise DataError(
                f"{where}: {name!r} is no name of a column or part; names have no slashes or control characters"
            )


def consecutive(column: str, widths: Mapping[str, int], dtype: str = "float32") -> dict[str, Part]:
    """Return parts that lie side by side in one column, in the order given."""
    parts, start = {}, 0
    for name, width in widths.items():
        parts[name] = Part(column, start, start + width, dtype)
        start += width
    return parts


def _annotation(name: str, column: str) -> dict[str, str]:
    return {} if column == name else {"original_key": column}
