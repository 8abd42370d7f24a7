"""LeRobot v3.0: many episodes per Parquet and video file, found through ``meta/episodes``.

``data/chunk-000/file-000.parquet``; ``videos/<column>/chunk-000/file-000.mp4``; ``meta/tasks.parquet``;
``meta/episodes/chunk-000/file-000.parquet`` with each episode's files, rows and time stamps. ``modality.json`` as in v2.1.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from crossbody.runs import write_atomic
from training.data import statistics
from training.data.demonstration import Demonstration, Footage
from training.data.layout import DataError, Layout
from training.data.lerobot2 import features, read_info, read_layout, said, unpack
from training.data.parquet import read_table, write_table
from training.data.video import VideoFile

VERSION = "v3.0"
CHUNK = 1000  # files per folder
DATA_MB, VIDEO_MB = 100, 200  # LeRobot's limits of a file
DATA = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
VIDEO = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
EPISODES = "meta/episodes/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
TASKS = "meta/tasks.parquet"
STATS_PICTURES = 8


class Writer:
    """Appends episodes to files of about LeRobot's sizes. Nothing can be read before ``close``."""

    def __init__(self, root: Path, layout: Layout, data_mb: float = DATA_MB, video_mb: float = VIDEO_MB):
        if (root / "meta").exists():
            raise DataError(f"{root} already holds a data set; give another folder")
        self.root, self.layout = root, layout
        self._limits = data_mb * 1e6, video_mb * 1e6
        self._tasks: list[str] = []
        self._episodes: list[dict[str, Any]] = []
        self._rows: list[dict[str, np.ndarray]] = []  # of the data file under way
        self._data_file = 0
        self._total = 0
        self._videos: dict[str, VideoFile] = {}
        self._video_files = dict.fromkeys(layout.cameras.values(), 0)
        self._cameras: dict[str, tuple[int, ...]] = {}

    def add(self, demonstration: Demonstration) -> int:
        """Write an episode and return its index."""
        index, flat = len(self._episodes), self.layout.pack(demonstration.values)
        stats: dict[str, Any] = statistics.describe_columns(flat)
        line: dict[str, Any] = {
            "episode_index": index,
            "tasks": [demonstration.instruction],
            "length": demonstration.frames,
        }
        for camera, column in self.layout.cameras.items():
            sample = statistics.Sample(demonstration.pictures[camera], max(demonstration.frames // STATS_PICTURES, 1))
            line |= self._film(column, sample, demonstration.frames)
            stats[column] = statistics.describe_pictures(sample.kept)
            self._cameras[column] = sample.kept[0].shape
        line |= self._file_away(index, flat, demonstration)
        line |= {f"stats/{name}/{key}": value for name, entry in stats.items() for key, value in entry.items()}
        self._episodes.append(line | {k: v for k, v in demonstration.notes.items() if k not in line})
        return index

    def close(self) -> None:
        """Write what makes the files a data set."""
        import pandas as pd

        for video in self._videos.values():
            video.close()
        self._flush()
        if not self._episodes:
            return
        meta = self.root / "meta"
        meta.mkdir(parents=True, exist_ok=True)
        tasks = pd.DataFrame({"task_index": range(len(self._tasks))}, index=pd.Index(self._tasks, name="task"))
        write_atomic(self.root / TASKS, tasks.to_parquet())
        place = EPISODES.format(chunk_index=0, file_index=0)
        place_note = {"meta/episodes/chunk_index": 0, "meta/episodes/file_index": 0}
        write_atomic(self.root / place, pd.DataFrame([line | place_note for line in self._episodes]).to_parquet())
        write_atomic(meta / "modality.json", json.dumps(self.layout.to_modality(), indent=1).encode())
        write_atomic(meta / "stats.json", json.dumps(self._all_stats()).encode())
        write_atomic(meta / "info.json", json.dumps(self._info(), indent=1).encode())

    def _film(self, column: str, pictures: Iterable[np.ndarray], frames: int) -> dict[str, Any]:
        """Append an episode's pictures and return where they are."""
        video = self._videos.get(column)
        if video is not None and video.size() > self._limits[1]:
            video.close()
            self._video_files[column] += 1
            video = None
        number = self._video_files[column]
        if video is None:
            video = self._videos[column] = VideoFile(self.root / _place(VIDEO, number, column), self.layout.fps)
        first = video.frames
        for picture in pictures:
            video.add(picture)
        if video.frames - first != frames:
            raise DataError(f"{column}: {video.frames - first} pictures for {frames} frames")
        return {
            f"videos/{column}/chunk_index": number // CHUNK,
            f"videos/{column}/file_index": number % CHUNK,
            f"videos/{column}/from_timestamp": first / self.layout.fps,
            f"videos/{column}/to_timestamp": video.frames / self.layout.fps,
        }

    def _file_away(self, index: int, flat: Mapping[str, np.ndarray], demonstration: Demonstration) -> dict[str, Any]:
        if demonstration.instruction not in self._tasks:
            self._tasks.append(demonstration.instruction)
        frames, task = demonstration.frames, self._tasks.index(demonstration.instruction)
        if self._rows and sum(v.nbytes for row in self._rows for v in row.values()) > self._limits[0]:
            self._flush()
        counter = np.arange(frames, dtype=np.int64)
        columns = dict(flat) | {c: np.full(frames, task, np.int64) for c in self.layout.languages.values()}
        columns |= {
            "timestamp": (counter / self.layout.fps).astype(np.float32),
            "frame_index": counter,
            "episode_index": np.full(frames, index, np.int64),
            "index": counter + self._total,
            "task_index": np.full(frames, task, np.int64),
        }
        self._rows.append(columns)
        place = {"data/chunk_index": self._data_file // CHUNK, "data/file_index": self._data_file % CHUNK}
        place |= {"dataset_from_index": self._total, "dataset_to_index": self._total + frames}
        self._total += frames
        return place

    def _flush(self) -> None:
        if self._rows:
            columns = {name: np.concatenate([row[name] for row in self._rows]) for name in self._rows[0]}
            write_table(self.root / _place(DATA, self._data_file), columns)
            self._rows, self._data_file = [], self._data_file + 1

    def _all_stats(self) -> dict[str, Any]:
        tables = [read_table(self.root / _place(DATA, number)) for number in range(self._data_file)]
        return statistics.describe_columns({c: np.concatenate([t[c] for t in tables]) for c in self.layout.columns()})

    def _info(self) -> dict[str, Any]:
        return {
            "codebase_version": VERSION,
            "robot_type": self.layout.embodiment,
            "total_episodes": len(self._episodes),
            "total_frames": self._total,
            "total_tasks": len(self._tasks),
            "chunks_size": CHUNK,
            "data_files_size_in_mb": DATA_MB,
            "video_files_size_in_mb": VIDEO_MB,
            "fps": self.layout.fps,
            "picture_every": self.layout.picture_every,
            "splits": {"train": f"0:{len(self._episodes)}"},
            "data_path": DATA,
            "video_path": VIDEO,
            "features": features(self.layout, self._cameras),
        }


class Reader:
    """Episodes of a set on the disk, by number. The last data file that was read stays in memory."""

    def __init__(self, root: Path):
        self._root = root
        self.info = read_info(root)
        self.layout = read_layout(root, self.info)
        self._episodes = list(_episodes(root))
        self._tasks = _tasks(root / TASKS)
        self._open: tuple[Path, dict[str, np.ndarray]] | None = None

    def __len__(self) -> int:
        return len(self._episodes)

    def __getitem__(self, index: int) -> Demonstration:
        line = self._episodes[index]
        file = self._root / self._place(self.info["data_path"], line, "data")
        table = self._table(file)
        rows = np.flatnonzero(table["episode_index"] == line["episode_index"])
        if len(rows) != line["length"]:
            raise DataError(
                f"{file} has {len(rows)} frames of episode {line['episode_index']}, meta/episodes says {line['length']}"
            )
        table = {name: values[rows] for name, values in table.items()}
        footage = {
            camera: Footage(
                self._root / self._place(self.info["video_path"], line, f"videos/{column}", column),
                round(line[f"videos/{column}/from_timestamp"] * self.layout.fps),
                len(rows),
            )
            for camera, column in self.layout.cameras.items()
        }
        instruction = said(self.layout, table, self._tasks) or str(next(iter(line["tasks"]), ""))
        return Demonstration(unpack(file, self.layout, table), footage, instruction, _notes(line))

    def _table(self, file: Path) -> dict[str, np.ndarray]:
        if self._open is None or self._open[0] != file:
            self._open = file, read_table(file)
        return self._open[1]

    def _place(self, pattern: str, line: Mapping[str, Any], kind: str, column: str = "") -> str:
        chunk, number = int(line[f"{kind}/chunk_index"]), int(line[f"{kind}/file_index"])
        return pattern.format(chunk_index=chunk, file_index=number, video_key=column)


def _place(pattern: str, number: int, column: str = "") -> str:
    return pattern.format(chunk_index=number // CHUNK, file_index=number % CHUNK, video_key=column)


def _episodes(root: Path) -> Iterator[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    files = sorted((root / "meta/episodes").glob("*/*.parquet"))
    if not files:
        raise DataError(f"{root} has no meta/episodes/*/*.parquet; a v3 data set needs one")
    for file in files:
        try:
            table = pq.read_table(file)
        except (OSError, pa.ArrowInvalid) as error:
            raise DataError(f"{file} cannot be read: {str(error).splitlines()[0]}") from error
        wanted = [name for name in table.column_names if not name.startswith("stats/")]
        yield from table.select(wanted).to_pylist()


def _tasks(file: Path) -> dict[int, str]:
    table = read_table(file)
    names = next((table[name] for name in ("task", "__index_level_0__") if name in table), None)
    if names is None:
        raise DataError(f"{file} has no column 'task'; it has {', '.join(table)}")
    return {int(i): str(name) for i, name in zip(table["task_index"], names, strict=True)}


def _notes(line: Mapping[str, Any]) -> dict[str, Any]:
    known = ("episode_index", "tasks", "length", "dataset_from_index", "dataset_to_index")
    return {k: v for k, v in line.items() if "/" not in k and k not in known}
