"""LeRobot v2.1 with GR00T's ``modality.json``: one Parquet file and one video per episode, written one episode at a time.

``meta/info.json``, ``episodes.jsonl``, ``episodes_stats.jsonl``, ``tasks.jsonl``, ``modality.json``;
``data/chunk-000/episode_000000.parquet``; ``videos/chunk-000/<column>/episode_000000.mp4``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from crossbody.runs import write_atomic
from training.data import statistics
from training.data.demonstration import Demonstration, Footage
from training.data.layout import DataError, Layout
from training.data.parquet import read_table, write_table
from training.data.video import KEYFRAME_EVERY, write_video

VERSION = "v2.1"
CHUNK = 1000
DATA = "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet"
VIDEO = "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4"
STATS_PICTURES = 8  # per episode, for the statistics of the pictures


class Writer:
    """Appends episodes. What is on the disk is a whole data set after each, and an unfinished one leaves no trace that counts."""

    def __init__(self, root: Path, layout: Layout, keep: int | None = None, keyframe_every: int = KEYFRAME_EVERY):
        """``keep``: go on after so many episodes and forget the rest; by default after all that are there."""
        self.root, self.layout, self._keyframe_every = root, layout, keyframe_every
        self._episodes = _lines(root / "meta/episodes.jsonl")[:keep]
        self._stats = _lines(root / "meta/episodes_stats.jsonl")[: len(self._episodes)]
        self._tasks = [line["task"] for line in _lines(root / "meta/tasks.jsonl")]
        self._cameras: dict[str, tuple[int, ...]] = {}
        if self._episodes and (info := _json(root / "meta/info.json")):
            self._cameras = {c: tuple(info["features"][c]["shape"]) for c in layout.cameras.values()}

    def __len__(self) -> int:
        return len(self._episodes)

    def add(self, demonstration: Demonstration) -> int:
        """Write an episode and return its index; its data first, what makes it count last."""
        index = len(self._episodes)
        flat = self.layout.pack(demonstration.values)
        stats: dict[str, Any] = statistics.describe_columns(flat)
        for camera, column in self.layout.cameras.items():
            sample = statistics.Sample(demonstration.pictures[camera], max(demonstration.frames // STATS_PICTURES, 1))
            file = self.root / _place(VIDEO, index, column)
            written = write_video(file, sample, self.layout.fps, self._keyframe_every)
            if written != demonstration.frames:
                raise DataError(f"{file}: {written} pictures of {camera} for {demonstration.frames} frames")
            self._cameras[column] = sample.kept[0].shape
            stats[column] = statistics.describe_pictures(sample.kept)
        self._write_table(index, flat, demonstration)
        self._stats.append({"episode_index": index, "stats": stats})
        line = {"episode_index": index, "tasks": [demonstration.instruction], "length": demonstration.frames}
        self._episodes.append(line | dict(demonstration.notes))
        self._write_meta()
        return index

    def close(self) -> None:
        """Write ``meta/stats.json``, the statistics over all frames, which GR00T's loader reads."""
        if not self._episodes:
            return
        columns = {name: [] for name in self.layout.columns()}
        for index in range(len(self)):
            table = read_table(self.root / _place(DATA, index))
            for name, parts in columns.items():
                parts.append(table[name])
        stats = statistics.describe_columns({name: np.concatenate(parts) for name, parts in columns.items()})
        write_atomic(self.root / "meta/stats.json", json.dumps(stats).encode())

    def _write_table(self, index: int, flat: Mapping[str, np.ndarray], demonstration: Demonstration) -> None:
        frames, task = demonstration.frames, self._task(demonstration.instruction)
        counter = np.arange(frames, dtype=np.int64)
        columns: dict[str, np.ndarray] = dict(flat)
        columns |= {column: np.full(frames, task, np.int64) for column in self.layout.languages.values()}
        columns |= {
            "timestamp": (counter / self.layout.fps).astype(np.float32),
            "frame_index": counter,
            "episode_index": np.full(frames, index, np.int64),
            "index": counter + sum(e["length"] for e in self._episodes),
            "task_index": np.full(frames, task, np.int64),
        }
        write_table(self.root / _place(DATA, index), columns)

    def _task(self, instruction: str) -> int:
        if instruction not in self._tasks:
            self._tasks.append(instruction)
            lines = [{"task_index": i, "task": task} for i, task in enumerate(self._tasks)]
            write_atomic(self.root / "meta/tasks.jsonl", _jsonl(lines))
        return self._tasks.index(instruction)

    def _write_meta(self) -> None:
        meta = self.root / "meta"
        write_atomic(meta / "modality.json", json.dumps(self.layout.to_modality(), indent=1).encode())
        write_atomic(meta / "episodes_stats.jsonl", _jsonl(self._stats))
        write_atomic(meta / "info.json", json.dumps(self._info(), indent=1).encode())
        write_atomic(meta / "episodes.jsonl", _jsonl(self._episodes))

    def _info(self) -> dict[str, Any]:
        episodes = len(self._episodes)
        return {
            "codebase_version": VERSION,
            "robot_type": self.layout.embodiment,
            "total_episodes": episodes,
            "total_frames": sum(e["length"] for e in self._episodes),
            "total_tasks": len(self._tasks),
            "total_videos": episodes * len(self._cameras),
            "total_chunks": -(-episodes // CHUNK),
            "chunks_size": CHUNK,
            "fps": self.layout.fps,
            "picture_every": self.layout.picture_every,  # not LeRobot's: it ignores what it does not know
            "splits": {"train": f"0:{episodes}"},
            "data_path": DATA,
            "video_path": VIDEO,
            "features": features(self.layout, self._cameras),
        }


class Reader:
    """Episodes of a set on the disk, by number. ``modality.json`` says where parts lie; without one, a vector is one part."""

    def __init__(self, root: Path):
        self._root = root
        self.info = read_info(root)
        self.layout = read_layout(root, self.info)
        self._episodes = _lines(root / "meta/episodes.jsonl")
        self._tasks = {line["task_index"]: line["task"] for line in _lines(root / "meta/tasks.jsonl")}

    def __len__(self) -> int:
        return len(self._episodes)

    def __getitem__(self, index: int) -> Demonstration:
        line = self._episodes[index]
        number = line["episode_index"]
        file = self._root / self._place(self.info["data_path"], number)
        table = read_table(file)
        frames = len(table["frame_index"])
        if frames != line["length"]:
            raise DataError(f"{file} has {frames} frames, episodes.jsonl says {line['length']}")
        footage = {
            camera: Footage(self._root / self._place(self.info["video_path"], number, column), 0, frames)
            for camera, column in self.layout.cameras.items()
        }
        notes = {k: v for k, v in line.items() if k not in ("episode_index", "tasks", "length")}
        instruction = said(self.layout, table, self._tasks) or (line.get("tasks") or [""])[0]
        return Demonstration(unpack(file, self.layout, table), footage, instruction, notes)

    def _place(self, pattern: str, index: int, column: str = "") -> str:
        chunk = index // self.info.get("chunks_size", CHUNK)
        return pattern.format(episode_chunk=chunk, episode_index=index, video_key=column)


def read_info(root: Path) -> dict[str, Any]:
    """Return ``meta/info.json``; without one, or with a broken one, raise DataError."""
    file = root / "meta/info.json"
    try:
        return json.loads(file.read_text())
    except FileNotFoundError:
        raise DataError(f"{root} is not a LeRobot data set: it has no meta/info.json") from None
    except ValueError as error:
        raise DataError(f"{file} is not JSON ({error})") from error


def read_layout(root: Path, info: Mapping[str, Any]) -> Layout:
    """Return the layout of ``meta/modality.json``, or of the features where there is none."""
    embodiment, fps = info.get("robot_type") or "unknown", float(info["fps"])
    modality = _json(root / "meta/modality.json")
    if modality is None:
        modality = _plain_modality(info["features"])
    layout = Layout.from_modality(modality, embodiment, fps, info.get("picture_every", 1))
    for name, part in layout.parts.items():
        width = info["features"].get(part.column, {}).get("shape", [0])[0]
        if part.end > width:
            raise DataError(
                f"{root}: modality.json puts {name} at {part.start}:{part.end} of {part.column}, which has {width} columns"
            )
    return layout


def said(layout: Layout, table: Mapping[str, np.ndarray], tasks: Mapping[int, str]) -> str:
    """Return the instruction that an episode's annotation or task column names, '' without one."""
    columns = [c for c in (*layout.languages.values(), "task_index") if c in table]
    return tasks.get(int(table[columns[0]][0]), "") if columns else ""


def unpack(file: Path, layout: Layout, table: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the parts of a table's frames, float32; a column that is absent or too narrow raises DataError."""
    flat = {}
    for column, width in layout.columns().items():
        if column not in table:
            raise DataError(f"{file} has no column {column}; it has {', '.join(table)}")
        values = np.asarray(table[column], np.float32)
        flat[column] = values.reshape(len(values), -1)
        if flat[column].shape[1] < width:
            raise DataError(
                f"{file}: {column} has {flat[column].shape[1]} values per frame; modality.json needs {width}"
            )
    return layout.unpack(flat)


def _plain_modality(features: Mapping[str, Any]) -> dict[str, Any]:
    modality: dict[str, Any] = {"video": {}}
    for name, feature in features.items():
        if feature["dtype"] == "video":
            modality["video"][name.removeprefix("observation.images.")] = {"original_key": name}
        elif name == "action" or name.startswith("observation."):
            section = "action" if name == "action" else "state"
            key = name.removeprefix("observation.").removeprefix("state").strip(".") or "all"
            entry = {"start": 0, "end": feature["shape"][0], "original_key": name}
            modality.setdefault(section, {})["all" if section == "action" else key] = entry
    return modality


def features(layout: Layout, cameras: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    """Return LeRobot's description of every column."""
    names = {column: [""] * width for column, width in layout.columns().items()}
    for name, part in layout.parts.items():
        key = name.partition(".")[2]
        names[part.column][part.start : part.end] = [f"{key}_{i}" for i in range(part.width)]
    found: dict[str, Any] = {c: {"dtype": "float32", "shape": [len(n)], "names": n} for c, n in names.items()}
    for column, (height, width, channels) in cameras.items():
        video = {"video.fps": layout.fps, "video.height": height, "video.width": width, "video.channels": channels}
        video |= {"video.codec": "h264", "video.pix_fmt": "yuv420p", "video.is_depth_map": False, "has_audio": False}
        found[column] = {
            "dtype": "video", "shape": [height, width, channels], "names": ["height", "width", "channel"], "info": video,
        }  # fmt: skip
    scalars = {"timestamp": "float32"}
    scalars |= dict.fromkeys(
        ["frame_index", "episode_index", "index", "task_index", *layout.languages.values()], "int64"
    )
    return found | {name: {"dtype": dtype, "shape": [1], "names": None} for name, dtype in scalars.items()}


def _place(pattern: str, index: int, column: str = "") -> str:
    return pattern.format(episode_chunk=index // CHUNK, episode_index=index, video_key=column)


def _jsonl(lines: Sequence[Mapping[str, Any]]) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def _lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines() if line] if file.exists() else []


def _json(file: Path) -> Any:
    return json.loads(file.read_text()) if file.exists() else None
