"""LeRobot v2.1 with GR00T's ``modality.json``: one Parquet file and one video per episode, written one episode at a
time.

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
from training.data import lerobot, statistics
from training.data.demonstration import Demonstration, Format
from training.data.jsons import read_json, read_lines
from training.data.layout import DataError, Layout
from training.data.parquet import open_table, read_table, write_table
from training.data.paths import file_of, present
from training.data.video import KEYFRAME_EVERY, write_video

VERSION = "v2.1"
CHUNK = 1000
DATA = "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet"
VIDEO = "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4"


class Writer:
    """Appends episodes. What is on the disk is a whole data set after each,
    and an unfinished one leaves no trace that counts."""

    def __init__(self, root: Path, layout: Layout, keep: int | None = None, keyframe_every: int = KEYFRAME_EVERY):
        """``keep``: go on after so many episodes and forget the rest; by default after all that are there."""
        self.root, self.layout, self._keyframe_every = root, layout, keyframe_every
        self.remarks: list[str] = []
        self._episodes = _lines(root, "meta/episodes.jsonl")[:keep]
        self._stats = _lines(root, "meta/episodes_stats.jsonl")[: len(self._episodes)]
        self._tasks = lerobot.Tasks([line["task"] for line in _lines(root, "meta/tasks.jsonl")] or layout.tasks)
        self._cameras: dict[str, tuple[int, ...]] = {}
        if self._episodes and present(root, "meta/info.json"):
            info = read_json(file_of(root, "meta/info.json"))
            self._cameras = {c: tuple(info["features"][c]["shape"]) for c in layout.cameras.values()}

    def __len__(self) -> int:
        return len(self._episodes)

    def add(self, demonstration: Demonstration) -> int:
        """Write an episode and return its index; its data first, what makes it count last."""
        index = len(self._episodes)
        flat = self.layout.pack(demonstration.values)
        stats: dict[str, Any] = statistics.describe_columns(flat)
        for camera, column in self.layout.cameras.items():
            sample = statistics.Sample(
                demonstration.pictures[camera], max(demonstration.frames // lerobot.STATS_PICTURES, 1)
            )
            file = self.root / _place(VIDEO, index, column)
            written = write_video(file, sample, self.layout.fps, self._keyframe_every)
            if written != demonstration.frames:
                raise DataError(f"{file}: {written} pictures of {camera} for {demonstration.frames} frames")
            shape = sample.kept[0].shape
            if self._cameras.setdefault(column, shape) != shape:
                raise DataError(f"{file}: pictures of {camera} are {shape}, those before were {self._cameras[column]}")
            stats[column] = statistics.describe_pictures(sample.kept)
        self._write_table(index, demonstration)
        self._stats.append({"episode_index": index, "stats": stats})
        texts = lerobot.texts_of(self.layout, demonstration)
        line = {"episode_index": index, "tasks": texts, "length": demonstration.frames}
        self._episodes.append({k: v for k, v in demonstration.notes.items() if k not in line} | line)
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

    def _write_table(self, index: int, demonstration: Demonstration) -> None:
        first = sum(e["length"] for e in self._episodes)
        write_table(
            self.root / _place(DATA, index), lerobot.table_of(self.layout, demonstration, self._tasks, index, first)
        )
        lines = [{"task_index": i, "task": task} for i, task in enumerate(self._tasks.texts)]
        write_atomic(self.root / "meta/tasks.jsonl", _jsonl(lines))

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
            "total_tasks": len(self._tasks.texts),
            "total_videos": episodes * len(self._cameras),
            "total_chunks": -(-episodes // CHUNK),
            "chunks_size": CHUNK,
            "fps": self.layout.fps,
            "picture_every": self.layout.picture_every,  # not LeRobot's: it ignores what it does not know
            "splits": {"train": f"0:{episodes}"},
            "data_path": DATA,
            "video_path": VIDEO,
            "features": lerobot.features(self.layout, self._cameras),
        }


class Reader(lerobot.Reader):
    """Episodes of a set on the disk, by number."""

    def __init__(self, root: Path):
        info = lerobot.read_info(root)
        file = file_of(root, "meta/episodes.jsonl")
        super().__init__(info, lerobot.listed_tasks(root), lerobot.checked_episodes(read_lines(file), file))

    def _rows(self, line: Mapping[str, Any]) -> tuple[Path, Any, int]:
        file = self._numbered(self.info.data_path, line)
        table = open_table(file, self._wanted())
        if len(table) != line["length"]:
            raise DataError(f"{file} has {len(table)} frames, episodes.jsonl says {line['length']}")
        return file, table, 0

    def _film(self, line: Mapping[str, Any], column: str) -> tuple[Path, float, float]:
        return self._numbered(self.info.video_path, line, column), 0.0, float("inf")

    def _numbered(self, pattern: str | None, line: Mapping[str, Any], column: str = "") -> Path:
        number = line["episode_index"]
        return self._place(pattern, episode_chunk=number // self.info.chunk, episode_index=number, video_key=column)


def _place(pattern: str, index: int, column: str = "") -> str:
    return pattern.format(episode_chunk=index // CHUNK, episode_index=index, video_key=column)


def _jsonl(lines: Sequence[Mapping[str, Any]]) -> bytes:
    return b"".join(json.dumps(line, default=str).encode() + b"\n" for line in lines)


def _lines(root: Path, name: str) -> list[dict[str, Any]]:
    return read_lines(file_of(root, name)) if present(root, name) else []


FORMAT = Format(
    "meta/info.json of version v2.x",
    lambda path: lerobot.version(path).startswith("v2."),
    Reader,
    Writer,
    going_on=Writer,
)
