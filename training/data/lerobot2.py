"""LeRobot v2.1 with GR00T's ``modality.json``: one Parquet file and one video per episode, written one episode at a time.

``meta/info.json``, ``episodes.jsonl``, ``episodes_stats.jsonl``, ``tasks.jsonl``, ``modality.json``;
``data/chunk-000/episode_000000.parquet``; ``videos/chunk-000/<column>/episode_000000.mp4``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from crossbody.runs import write_atomic
from training.data import statistics
from training.data.layout import Layout
from training.data.video import KEYFRAME_EVERY, write_video

VERSION = "v2.1"
CHUNK = 1000
DATA = "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet"
VIDEO = "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4"
STATS_PICTURES = 8  # per episode, for the statistics of the pictures


@dataclass(frozen=True)
class Demonstration:
    """One episode to be written: parts (frames, width), pictures per camera, the instruction, and notes for ``episodes.jsonl``."""

    values: Mapping[str, np.ndarray]
    pictures: Mapping[str, Sequence[np.ndarray]]
    instruction: str
    notes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def frames(self) -> int:
        return len(next(iter(self.values.values())))


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
            pictures = demonstration.pictures[camera]
            write_video(self.root / _place(VIDEO, index, column), pictures, self.layout.fps, self._keyframe_every)
            self._cameras[column] = pictures[0].shape
            stats[column] = statistics.describe_pictures(pictures[:: max(len(pictures) // STATS_PICTURES, 1)])
        self._write_table(index, flat, demonstration)
        self._stats.append({"episode_index": index, "stats": stats})
        line = {"episode_index": index, "tasks": [demonstration.instruction], "length": demonstration.frames}
        self._episodes.append(line | dict(demonstration.notes))
        self._write_meta()
        return index

    def write_stats(self) -> None:
        """Write ``meta/stats.json``, the statistics over all frames, which GR00T's loader reads."""
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


def write_table(file: Path, columns: Mapping[str, np.ndarray]) -> None:
    """Write columns (rows,) or (rows, width) as a Parquet file that is complete or absent."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({name: _arrow(values) for name, values in columns.items()}), sink)
    write_atomic(file, sink.getvalue().to_pybytes())


def read_table(file: Path) -> dict[str, np.ndarray]:
    """Return the columns of a Parquet file, (rows,) or (rows, width)."""
    import pyarrow.parquet as pq

    table = pq.read_table(file)
    return {name: _numpy(table[name]) for name in table.column_names}


def _arrow(values: np.ndarray) -> Any:
    import pyarrow as pa

    if values.ndim == 1:
        return pa.array(values)
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(values).ravel()), values.shape[1])


def _numpy(column: Any) -> np.ndarray:
    import pyarrow as pa

    array = column.combine_chunks()
    if not (
        pa.types.is_list(array.type) or pa.types.is_fixed_size_list(array.type) or pa.types.is_large_list(array.type)
    ):
        return array.to_numpy(zero_copy_only=False)
    return array.flatten().to_numpy(zero_copy_only=False).reshape(len(array), -1)


def _place(pattern: str, index: int, column: str = "") -> str:
    return pattern.format(episode_chunk=index // CHUNK, episode_index=index, video_key=column)


def _jsonl(lines: Sequence[Mapping[str, Any]]) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def _lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines() if line] if file.exists() else []


def _json(file: Path) -> Any:
    return json.loads(file.read_text()) if file.exists() else None
