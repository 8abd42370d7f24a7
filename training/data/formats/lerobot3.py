"""LeRobot v3.0: many episodes per Parquet and video file, found through ``meta/episodes``.

``data/chunk-000/file-000.parquet``; ``videos/<column>/chunk-000/file-000.mp4``; ``meta/tasks.parquet``;
``meta/episodes/chunk-000/file-000.parquet`` with each episode's files, rows and time stamps. ``modality.json`` as in
v2.1."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from crossbody.runs import write_atomic
from training.data import lerobot, statistics
from training.data.demonstration import Demonstration, Format
from training.data.jsons import short
from training.data.layout import DataError, Layout
from training.data.parquet import Place, open_table, read_table, write_table
from training.data.paths import file_of, inside, present
from training.data.video import VideoFile

VERSION = "v3.0"
CHUNK = 1000  # files per folder
DATA_MB, VIDEO_MB = 100, 200  # LeRobot's limits of a file
DATA = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
VIDEO = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
EPISODES = "meta/episodes/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
TASKS = "meta/tasks.parquet"
OVERLAP = 0.5  # of the time between two rows


class Writer:
    """Appends episodes to files of about LeRobot's sizes. Nothing can be read before ``close``."""

    def __init__(self, root: Path, layout: Layout, data_mb: float = DATA_MB, video_mb: float = VIDEO_MB):
        if (root / "meta").exists():
            raise DataError(f"{root} already holds a data set; give another folder")
        self.root, self.layout = root, layout
        self._limits = data_mb * 1e6, video_mb * 1e6
        self.remarks: list[str] = []
        self._tasks = lerobot.Tasks(layout.tasks)
        self._episodes: list[dict[str, Any]] = []
        self._notes: list[Mapping[str, Any]] = []
        self._rows: list[dict[str, Any]] = []  # of the data file under way
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
            "tasks": lerobot.texts_of(self.layout, demonstration),
            "length": demonstration.frames,
        }
        for camera, column in self.layout.cameras.items():
            sample = statistics.Sample(
                demonstration.pictures[camera], max(demonstration.frames // lerobot.STATS_PICTURES, 1)
            )
            line |= self._film(column, sample, demonstration.frames)
            stats[column] = statistics.describe_pictures(sample.kept)
            self._cameras[column] = sample.kept[0].shape
        line |= self._file_away(index, demonstration)
        line |= {f"stats/{name}/{key}": value for name, entry in stats.items() for key, value in entry.items()}
        self._episodes.append(line)
        self._notes.append({k.replace("/", "."): v for k, v in demonstration.notes.items() if k not in line})
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
        texts = self._tasks.texts
        tasks = pd.DataFrame({"task_index": range(len(texts))}, index=pd.Index(texts, name="task"))
        write_atomic(self.root / TASKS, tasks.to_parquet())
        place = EPISODES.format(chunk_index=0, file_index=0)
        place_note = {"meta/episodes/chunk_index": 0, "meta/episodes/file_index": 0}
        lines = [line | note | place_note for line, note in zip(self._episodes, _flat(self._notes), strict=True)]
        names = dict.fromkeys(name for line in lines for name in line)
        write_table(self.root / place, {name: [line.get(name) for line in lines] for name in names})
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

    def _file_away(self, index: int, demonstration: Demonstration) -> dict[str, Any]:
        if self._rows and sum(v.nbytes for row in self._rows for v in row.values()) > self._limits[0]:
            self._flush()
        self._rows.append(lerobot.table_of(self.layout, demonstration, self._tasks, index, self._total))
        place = {"data/chunk_index": self._data_file // CHUNK, "data/file_index": self._data_file % CHUNK}
        place |= {"dataset_from_index": self._total, "dataset_to_index": self._total + demonstration.frames}
        self._total += demonstration.frames
        return place

    def _flush(self) -> None:
        if self._rows:
            columns = {name: _joined([row[name] for row in self._rows]) for name in self._rows[0]}
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
            "total_tasks": len(self._tasks.texts),
            "chunks_size": CHUNK,
            "data_files_size_in_mb": DATA_MB,
            "video_files_size_in_mb": VIDEO_MB,
            "fps": self.layout.fps,
            "picture_every": self.layout.picture_every,
            "splits": {"train": f"0:{len(self._episodes)}"},
            "data_path": DATA,
            "video_path": VIDEO,
            "features": lerobot.features(self.layout, self._cameras),
        }


class Reader(lerobot.Reader):
    """Episodes of a set on the disk, by number. The last data file that was read stays in memory."""

    def __init__(self, root: Path):
        info = lerobot.read_info(root)
        super().__init__(info, _tasks(root), lerobot.checked_episodes(_episodes(root), root / "meta/episodes"))
        self._open: tuple[Path, Any] | None = None
        self._leave_out_absent_cameras()
        for column in self.layout.cameras.values():
            self._check_stretches(column)

    def _rows(self, line: Mapping[str, Any]) -> tuple[Path, Any, int]:
        file = self._packed(self.info.data_path, line, "data")
        if self._open is None or self._open[0] != file:
            self._open = file, open_table(file, self._wanted())
        place = Place(file, line["episode_index"])
        numbers = self._counter(self._column(self._open[1], "episode_index", place), "episode_index", place)
        rows = np.flatnonzero(numbers == place.episode)
        if len(rows) != line["length"]:
            raise DataError(
                f"{file} has {len(rows)} frames of episode {place.episode}, meta/episodes says {line['length']}"
            )
        if rows[-1] - rows[0] + 1 != len(rows):
            raise place.error("episode_index", "has other episodes' rows in between")
        return file, self._open[1].slice(int(rows[0]), len(rows)), int(rows[0])

    def _film(self, line: Mapping[str, Any], column: str) -> tuple[Path, float, float]:
        start, end = (line.get(f"videos/{column}/{side}_timestamp", math.inf) for side in ("from", "to"))
        end = math.inf if _unknown(end) else end
        if not isinstance(start, int | float) or not isinstance(end, int | float) or start < 0 or end < 0:
            raise DataError(
                f"{self.info.root}/meta/episodes, episode {line['episode_index']}: the stretch of {column} is from "
                f"{short(start)} to {short(end)}, expected seconds"
            )
        return self._packed(self.info.video_path, line, f"videos/{column}", column), float(start), float(end)

    def _packed(self, pattern: str | None, line: Mapping[str, Any], kind: str, column: str = "") -> Path:
        where = f"{self.info.root}/meta/episodes, episode {line['episode_index']}"
        chunk, number = (_index(line, f"{kind}/{name}_index", where) for name in ("chunk", "file"))
        return self._place(pattern, chunk_index=chunk, file_index=number, video_key=column)

    def _check_stretches(self, column: str) -> None:
        """Raise DataError where two episodes share a stretch of a video."""
        if self.info.features[column].dtype != "video":
            return
        stretches: dict[Path, list[tuple[float, float, int]]] = {}
        for line in self._episodes:
            file, start, end = self._film(line, column)
            stretches.setdefault(file, []).append((start, end, line["episode_index"]))
        for file, found in stretches.items():
            for (_, end, one), (start, _, other) in pairwise(sorted(found)):
                if start < end - OVERLAP / self.info.fps and end < math.inf:
                    raise DataError(
                        f"{self.info.root}/meta/episodes: episodes {one} and {other} share a stretch of "
                        f"{file.name} of {column}, "
                        f"one ends at {end:.3f} s, the other begins at {start:.3f} s"
                    )

    def _leave_out_absent_cameras(self) -> None:
        for camera, column in list(self.layout.cameras.items()):
            fields = [f"videos/{column}/{name}" for name in ("chunk_index", "file_index", "from_timestamp")]
            absent = [e["episode_index"] for e in self._episodes if any(_unknown(e.get(f)) for f in fields)]
            if absent and self.info.features[column].dtype == "video":
                cameras = {n: c for n, c in self.layout.cameras.items() if n != camera}
                self.layout = dataclasses.replace(self.layout, cameras=cameras)
                self.remarks.append(
                    f"the camera {camera} is left out of all episodes: meta/episodes has no video of it for "
                    f"{len(absent)} "
                    f"of them, the first is episode {absent[0]}"
                )


def _place(pattern: str, number: int, column: str = "") -> str:
    return pattern.format(chunk_index=number // CHUNK, file_index=number % CHUNK, video_key=column)


def _episodes(root: Path) -> Iterator[dict[str, Any]]:
    folder = inside(root, "meta/episodes")
    files = sorted(folder.glob("*/*.parquet"))
    if not files:
        raise DataError(f"{root} has no meta/episodes/*/*.parquet; a v3 data set needs one")
    for file in files:
        table = open_table(file_of(root, file.relative_to(root)))
        wanted = [name for name in table.column_names if not name.startswith("stats/")]
        yield from table.select(wanted).to_pylist()


def _tasks(root: Path) -> dict[int, str]:
    if not present(root, TASKS):
        return lerobot.listed_tasks(root)
    file = file_of(root, TASKS)
    table = open_table(file)
    name = next((name for name in ("task", "__index_level_0__") if name in table.column_names), None)
    if name is None or "task_index" not in table.column_names:
        raise DataError(f"{file} has no columns 'task_index' and 'task'; it has {', '.join(table.column_names)}")
    return lerobot.checked_tasks(zip(table["task_index"].to_pylist(), table[name].to_pylist(), strict=True), file)


def _unknown(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _index(line: Mapping[str, Any], name: str, where: str) -> int:
    value = line.get(name)
    if not isinstance(value, int | float) or not 0 <= value < 1e9 or value != int(value):
        raise DataError(f"{where}: {name} is {short(value)}, expected a whole number")
    return int(value)


def _joined(arrays: Sequence[Any]) -> Any:
    import pyarrow as pa

    return np.concatenate(arrays) if isinstance(arrays[0], np.ndarray) else pa.concat_arrays(arrays)


def _flat(notes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return notes as cells of columns: a note that is nested, or of several types, is JSON text in every episode."""
    names = dict.fromkeys(name for note in notes for name in note)
    kinds = {name: {type(note[name]) for note in notes if note.get(name) is not None} for name in names}
    plain = {n for n, found in kinds.items() if len(found) == 1 and found <= {bool, float, str}}
    plain |= {
        n for n, found in kinds.items() if found == {int} and all(abs(note.get(n) or 0) < 2**63 for note in notes)
    }
    cells = [{n: v if n in plain else json.dumps(v, default=str) for n, v in note.items()} for note in notes]
    return [
        {n: v.encode("utf-8", "replace").decode() if isinstance(v, str) else v for n, v in c.items()} for c in cells
    ]


def _hint(path: Path) -> str:
    return f"its meta/info.json says version {lerobot.version(path)!r}" if lerobot.is_set(path) else ""


FORMAT = Format(
    "meta/info.json of version v3.x",
    lambda path: lerobot.version(path).startswith("v3."),
    Reader,
    Writer,
    hint=_hint,
)
