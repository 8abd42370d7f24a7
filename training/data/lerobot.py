"""What LeRobot v2 and v3 share: ``meta/info.json``, columns and their names, one episode's rows,
and what both write."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from training.data import jsons
from training.data.demonstration import Demonstration
from training.data.footage import Cells, Footage
from training.data.layout import TASK, DataError, Feature, Layout
from training.data.parquet import CARRIED, NUMBERS, Place, carried, numbers
from training.data.paths import file_of, fill, inside, present
from training.data.video import pixel_format

COUNTERS = ("timestamp", "frame_index", "episode_index", "index", TASK)
"""Columns that every set has and a writer makes anew, but for the number of the instruction."""
COUNTED = ("episode_index", "tasks", "length", "dataset_from_index", "dataset_to_index")
"""Fields of an episode that a writer makes anew; all others are notes."""
PICTURES = ("video", "image")
META = (
    "info.json",
    "modality.json",
    "tasks.jsonl",
    "tasks.parquet",
    "episodes",
    "episodes.jsonl",
    "episodes_stats.jsonl",
    "stats.json",
)
"""Files that are read, or that a writer makes anew."""
MAX_FPS = 1000
MAX_WIDTH = 1_000_000
MAX_GAPS = 1000  # numbers of tasks that may be unused
STATS_PICTURES = 8  # per episode, for the statistics of the pictures
ANOTHER_RATE = 0.02
"""Of fps: how far the rate of the time stamps may be from it."""
UNEVEN = 0.1
"""Of the time between two rows: how far their time stamps may differ from what fps says before a line tells it."""


@dataclass(frozen=True)
class Info:
    """``meta/info.json``, checked."""

    root: Path
    embodiment: str
    fps: float
    features: Mapping[str, Feature]
    data_path: str
    video_path: str | None
    chunk: int  # episodes per folder, in v2
    picture_every: int
    episodes: int | None
    splits: int  # how many parts the set is declared to have: train, val, …

    @property
    def file(self) -> Path:
        return self.root / "meta/info.json"


def version(root: Path) -> str:
    """Return the version of LeRobot's format that a folder says it has, '' without a meta/info.json."""
    return str(jsons.read_json(file_of(root, "meta/info.json")).get("codebase_version", "")) if is_set(root) else ""


def is_set(root: Path) -> bool:
    """Return whether a folder has LeRobot's meta/info.json."""
    return root.is_dir() and present(root, "meta/info.json")


def read_info(root: Path) -> Info:
    """Return ``meta/info.json``; without one, or with a wrong value, raise DataError."""
    if not present(root, "meta/info.json"):
        raise DataError(f"{root} is not a LeRobot data set: it has no meta/info.json")
    file = file_of(root, "meta/info.json")
    raw = jsons.read_json(file)

    def get(key: str, check: Any, expected: str, default: Any = None) -> Any:
        return jsons.field(raw, key, check, expected, file, default)

    def optional_text(value: Any) -> bool:
        return value is None or jsons.is_text(value)

    features = get("features", lambda v: isinstance(v, dict), "an object of columns")
    return Info(
        root,
        get("robot_type", optional_text, "a text") or "unknown",
        float(get("fps", _is_rate, f"a rate above 0 and at most {MAX_FPS} Hz")),
        {name: _feature(name, feature, file) for name, feature in features.items()},
        get("data_path", jsons.is_text, "a pattern of paths"),
        get("video_path", optional_text, "a pattern of paths"),
        get("chunks_size", lambda v: jsons.whole(v) and v > 0, "a whole number above 0", 1000),
        get("picture_every", lambda v: jsons.whole(v) and v > 0, "a whole number above 0", 1),
        get("total_episodes", lambda v: v is None or jsons.whole(v), "a whole number"),
        len(get("splits", lambda v: isinstance(v, dict), "an object", {})),
    )


def listed_tasks(root: Path) -> dict[int, str]:
    """Return number -> text of ``meta/tasks.jsonl``, nothing where there is none."""
    if not present(root, "meta/tasks.jsonl"):
        return {}
    file = file_of(root, "meta/tasks.jsonl")
    return checked_tasks(((line.get("task_index"), line.get("task")) for line in jsons.read_lines(file)), file)


def checked_tasks(lines: Iterable[tuple[Any, Any]], file: Path) -> dict[int, str]:
    """Return number -> text of (number, text) pairs; one that is no such pair, or a number used twice,
    raises DataError."""
    tasks: dict[int, str] = {}
    for number, text in lines:
        if not jsons.whole(number) or not jsons.is_text(text):
            raise DataError(
                f"{file}: {str(number)[:40]!r} with {str(text)[:40]!r} is no task; expected a task_index and a text"
            )
        if tasks.get(number, text) != text:
            raise DataError(f"{file}: task_index {number} stands for two texts, {tasks[number]!r} and {text!r}")
        tasks[number] = text
    if tasks and max(tasks) > MAX_GAPS + 10 * len(tasks):
        raise DataError(f"{file}: task_index {max(tasks)} among {len(tasks)} tasks; numbers of tasks count up from 0")
    return tasks


def checked_episodes(lines: Iterable[Mapping[str, Any]], file: Path) -> list[dict[str, Any]]:
    """Return the lines of episodes; a wrong one, or a number that stands there twice, raises DataError."""
    found: dict[int, dict[str, Any]] = {}
    for line in lines:
        line = dict(line)
        number = jsons.field(line, "episode_index", jsons.whole, "a whole number", file)
        where = f"{file}, episode {number}"
        jsons.field(line, "length", jsons.whole, "a whole number", where)
        line["tasks"] = line.get("tasks") or []
        jsons.field(
            line, "tasks", lambda v: isinstance(v, list) and all(map(jsons.is_text, v)), "a list of texts", where
        )
        if number in found:
            raise DataError(f"{file} has episode {number} twice; delete one of the two lines, or it would count twice")
        found[number] = line
    return list(found.values())


class Reader(ABC):
    """Episodes of a set on the disk, by number. A version says where an episode's rows and videos are."""

    def __init__(self, info: Info, tasks: Mapping[int, str], episodes: Sequence[dict[str, Any]]):
        from training.data.columns import read_layout

        self.info, self._tasks = info, tasks
        self.remarks: list[str] = []
        self.layout = read_layout(info, tasks, self.remarks)
        self._episodes = [line for line in episodes if line["length"]]
        self.remarks += [
            f"episode {e['episode_index']} has no frames and is left out" for e in episodes if not e["length"]
        ]
        if info.episodes is not None and info.episodes != len(episodes):
            self.remarks.append(f"info.json counts {info.episodes} episodes, the list of episodes has {len(episodes)}")

        self.remarks += _unread(info)

    def __len__(self) -> int:
        return len(self._episodes)

    def __getitem__(self, index: int) -> Demonstration:
        line = self._episodes[index]
        file, table, first = self._rows(line)
        place = Place(file, line["episode_index"])
        self._check_counters(table, place)
        times = self._times(table, place)
        flat = {}
        for column in self.layout.columns():
            flat[column] = numbers(self._column(table, column, place), self.info.features[column], column, place)
        language = self._language(table, place)
        said = self._said(language, place)
        notes = {k: v for k, v in line.items() if k not in COUNTED and "/" not in k}
        return Demonstration(
            self.layout.unpack(flat),
            {c: self._pictures(line, column, times, (file, first)) for c, column in self.layout.cameras.items()},
            said[0] if said else next(iter(line["tasks"]), ""),
            notes,
            said if len(set(said)) > 1 else (),
            language,
            {c: carried(self._column(table, c, place), f, c, place) for c, f in self.layout.extras.items()},
        )

    @abstractmethod
    def _rows(self, line: Mapping[str, Any]) -> tuple[Path, Any, int]:
        """Return an episode's file, its rows as an Arrow table, and the first of them within the file."""

    @abstractmethod
    def _film(self, line: Mapping[str, Any], column: str) -> tuple[Path, float, float]:
        """Return an episode's video of a camera, and from when to when (s) it is in there."""

    def _wanted(self) -> list[str]:
        texts = [c for c in self.layout.extras]
        return [*self.layout.columns(), *COUNTERS, *self.layout.languages.values(), *texts]

    def _column(self, table: Any, column: str, place: Place) -> Any:
        if column not in table.column_names:
            raise DataError(f"{place.file} has no column {column}; it has {', '.join(table.column_names)}")
        return table[column]

    def _counter(self, values: Any, column: str, place: Place) -> np.ndarray:
        return numbers(values, Feature("int64", (1,)), column, place)[:, 0]

    def _check_counters(self, table: Any, place: Place) -> None:
        if "episode_index" in table.column_names:
            there = self._counter(table["episode_index"], "episode_index", place)
            if (wrong := there != place.episode).any():
                raise place.error("episode_index", f"is {there[np.argmax(wrong)]}", int(np.argmax(wrong)))
        if "frame_index" in table.column_names:
            there = self._counter(table["frame_index"], "frame_index", place)
            if (wrong := np.diff(there) != 1).any():
                raise place.error("frame_index", "does not count up by one", int(np.argmax(wrong)) + 1)

    def _times(self, table: Any, place: Place) -> np.ndarray:
        """Return when each row was (rows,), s; time stamps that contradict fps raise DataError."""
        even = np.arange(len(table)) / self.info.fps
        if "timestamp" not in table.column_names:
            return even
        times = numbers(table["timestamp"], Feature("float64", (1,)), "timestamp", place)[:, 0]
        gaps = np.diff(times)
        if (wrong := gaps <= 0).any():
            raise place.error("timestamp", "does not ascend", int(np.argmax(wrong)) + 1)
        if len(gaps) and abs(np.median(gaps) * self.info.fps - 1) > ANOTHER_RATE:
            raise DataError(
                f"{place.file}: the rows of episode {place.episode} are {np.median(gaps):.4g} s apart by their "
                "timestamp, "
                f"but info.json says {self.info.fps:g} fps"
            )
        if np.abs(times - times[0] - even).max() > UNEVEN / self.info.fps:
            self._remark(
                "timestamps are not evenly spaced; pictures are taken at their times, and rows are written evenly"
            )
        return times

    def _language(self, table: Any, place: Place) -> dict[str, np.ndarray]:
        """Return the numbers of tasks that a row's instruction and annotations have, by column."""
        found = {}
        if not self.layout.tasks:
            return found
        for column in (TASK, *self.layout.languages.values()):
            if column in table.column_names:
                found[column] = self._counter(table[column], column, place)
        return found

    def _said(self, language: Mapping[str, np.ndarray], place: Place) -> list[str]:
        """Return the instruction at every row, [] where no column has one; a number without a text raises DataError."""
        column = self.layout.instruction_column()
        column = column if column in language else TASK
        if column not in language:
            return []
        there = language[column]
        known = np.isin(there, list(self._tasks))
        if not known.all():
            row = int(np.argmin(known))
            raise place.error(column, f"is {there[row]}, which is no task of meta/tasks,", row)
        return [self.layout.tasks[n] for n in there]

    def _pictures(self, line: Mapping[str, Any], column: str, times: np.ndarray, rows: tuple[Path, int]) -> Any:
        feature = self.info.features[column]
        if feature.dtype == "image":
            return Cells(self.info.root, rows[0], column, rows[1], len(times), feature.shape)
        file, start, end = self._film(line, column)
        return Footage(file, len(times), start + times, self.info.fps, end)

    def _remark(self, sentence: str) -> None:
        if sentence not in self.remarks:
            self.remarks.append(sentence)

    def _place(self, pattern: str | None, **values: int | str) -> Path:
        if pattern is None:
            raise DataError(f"{self.info.file}: video_path is null, but there are cameras of dtype video")
        return inside(self.info.root, fill(pattern, values, self.info.file))


class Tasks:
    """The list of instructions under way."""

    def __init__(self, texts: Iterable[str]):
        self.texts = list(texts)

    def number(self, text: str) -> int:
        """Return a text's number; one that is new is appended."""
        if text not in self.texts:
            self.texts.append(text)
        return self.texts.index(text)


def table_of(layout: Layout, demonstration: Demonstration, tasks: Tasks, index: int, first: int) -> dict[str, Any]:
    """Return all columns of an episode's rows; ``first``: rows of the set before it."""
    frames = demonstration.frames
    counter = np.arange(frames, dtype=np.int64)
    said = [tasks.number(text) for text in demonstration.instructions or [demonstration.instruction]]
    spoken = np.broadcast_to(np.array(said, np.int64), (frames,))
    columns: dict[str, Any] = {
        **layout.pack(demonstration.values),
        **{c: demonstration.extras[c] for c in layout.extras},
    }
    columns |= {c: demonstration.language.get(c, spoken) for c in layout.languages.values()}
    return columns | {
        "timestamp": (counter / layout.fps).astype(np.float32),
        "frame_index": counter,
        "episode_index": np.full(frames, index, np.int64),
        "index": counter + first,
        TASK: demonstration.language.get(TASK, spoken),
    }


def texts_of(layout: Layout, demonstration: Demonstration) -> list[str]:
    """Return the instruction of an episode, then every other text that its rows point at."""
    texts = [demonstration.instruction, *demonstration.instructions]
    for found in demonstration.language.values():
        texts += [layout.tasks[n] for n in dict.fromkeys(found.tolist()) if 0 <= n < len(layout.tasks)]
    return list(dict.fromkeys(texts))


def features(layout: Layout, cameras: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    """Return LeRobot's description of every column."""
    names = {column: [""] * width for column, width in layout.columns().items()}
    for name, part in layout.parts.items():
        key = name.partition(".")[2]
        names[part.column][part.start : part.end] = [f"{key}_{i}" for i in range(part.width)]
    dtypes = layout.dtypes()
    found: dict[str, Any] = {
        c: {"dtype": dtypes[c], "shape": [len(n)], "names": layout.names.get(c, n)} for c, n in names.items()
    }
    for column, shape in cameras.items():
        found[column] = _video_feature(shape, layout.fps)
    for column, feature in layout.extras.items():
        found[column] = {"dtype": feature.dtype, "shape": list(feature.shape), "names": feature.names}
    scalars = dict.fromkeys(["frame_index", "episode_index", "index", TASK, *layout.languages.values()], "int64")
    scalars = {"timestamp": "float32", **scalars}
    return found | {name: {"dtype": dtype, "shape": [1], "names": None} for name, dtype in scalars.items()}


def _video_feature(shape: tuple[int, ...], fps: float) -> dict[str, Any]:
    height, width, channels = shape
    video = {"video.fps": fps, "video.height": height, "video.width": width, "video.channels": channels}
    video |= {
        "video.codec": "h264",
        "video.pix_fmt": pixel_format(shape),
        "video.is_depth_map": False,
        "has_audio": False,
    }
    return {"dtype": "video", "shape": [*shape], "names": ["height", "width", "channel"], "info": video}


def _unread(info: Info) -> list[str]:
    """Return a sentence on what stands in ``meta`` and is carried nowhere."""
    others = sorted(f.name for f in (info.root / "meta").iterdir() if f.name not in META and not f.name.startswith("."))
    names = [*(f"meta/{name}" for name in others), *(["the splits of info.json"] if info.splits > 1 else [])]
    return [f"left out: {', '.join(names)}"] if names else []


def _is_rate(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value) and 0 < value <= MAX_FPS


def _feature(name: str, feature: Any, file: Path) -> Feature:
    if not isinstance(feature, dict) or not jsons.is_text(feature.get("dtype")):
        raise DataError(f"{file}: features.{name} is no object with dtype and shape")
    dtype, shape = feature["dtype"], feature.get("shape")
    if shape is None and dtype not in NUMBERS:
        shape = [1]
    if not isinstance(shape, list) or len(shape) > 6 or not all(map(jsons.whole, shape)):
        raise DataError(f"{file}: features.{name} has shape {str(shape)[:60]}; expected a list of whole numbers")
    if dtype in CARRIED and math.prod(shape) > MAX_WIDTH:
        raise DataError(
            f"{file}: features.{name} claims {math.prod(shape)} values per frame; this reads up to {MAX_WIDTH}"
        )
    return Feature("depth video" if _is_depth(feature) else dtype, tuple(shape), feature.get("names"))


def _is_depth(feature: Mapping[str, Any]) -> bool:
    """Return whether a video holds distances, which no reader of colours may take for a picture."""
    said = [feature, feature.get("info"), feature.get("video_info")]
    return any(s.get(k) is True for s in said if isinstance(s, dict) for k in ("is_depth_map", "video.is_depth_map"))
