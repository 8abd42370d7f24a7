"""LeRobot sets as others write them: plain Parquet lists, metadata by hand,
pictures whose brightness says which row they are of."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from training.convert import convert
from training.data.layout import DataError
from training.data.video import write_video

SIDE = 32
FRONT = "observation.images.front"
DATA2 = "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet"
VIDEO2 = "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4"
DATA3 = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
VIDEO3 = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"


def brightness(row: float) -> int:
    """Return the grey of a row's picture; rows count through the whole set."""
    return round(10 + 12 * row)


def row_of(picture: np.ndarray) -> float:
    """Return the row (half rows, too) that a decoded picture shows."""
    return round((float(np.median(picture)) - 10) / 6) / 2


def grey(row: float) -> np.ndarray:
    return np.full((SIDE, SIDE, 3), brightness(row), np.uint8)


def png(row: int) -> dict[str, Any]:
    """Return a cell of LeRobot's ``dtype: image``."""
    content = io.BytesIO()
    Image.fromarray(grey(row)).save(content, "PNG")
    return {"bytes": content.getvalue(), "path": None}


def feature(dtype: str, *shape: int) -> dict[str, Any]:
    return {"dtype": dtype, "shape": list(shape), "names": None}


@dataclass
class Recorded:
    """What a set is to hold; ``write2`` and ``write3`` put it on the disk."""

    lengths: Sequence[int] = (5, 6)
    fps: float = 10
    video_fps: float | None = None  # of the file, where it is not that of the rows
    tasks: Sequence[str] = ("pick the cube",)
    columns: dict[str, tuple[dict[str, Any], list]] = field(default_factory=dict)  # name -> feature, a value per row
    cameras: Sequence[str] = (FRONT,)
    modality: dict[str, Any] | None = None
    notes: Sequence[Mapping[str, Any]] = ()
    info: dict[str, Any] = field(default_factory=dict)  # replaces

    def __post_init__(self) -> None:
        rows = sum(self.lengths)
        for name, width in (("observation.state", 6), ("action", 3)):
            values = np.random.default_rng(width).normal(size=(rows, width)).astype(np.float32)
            self.columns.setdefault(name, (feature("float32", width), values.tolist()))
        self.columns.setdefault("task_index", (feature("int64", 1), [0] * rows))
        episodes = np.repeat(np.arange(len(self.lengths)), self.lengths)
        steps = np.concatenate([np.arange(n) for n in self.lengths])
        counters = {
            "timestamp": steps / self.fps,
            "frame_index": steps,
            "episode_index": episodes,
            "index": np.arange(rows),
        }
        for name, values in counters.items():
            kind = "float32" if name == "timestamp" else "int64"
            self.columns.setdefault(name, (feature(kind, 1), values.astype(kind).tolist()))

    def rows(self, episode: int) -> slice:
        first = sum(self.lengths[:episode])
        return slice(first, first + self.lengths[episode])

    def texts(self, episode: int) -> list[str]:
        numbers = self.columns["task_index"][1][self.rows(episode)]
        return [str(self.tasks[n]) for n in dict.fromkeys(numbers) if n < len(self.tasks)]

    def write2(self, root: Path) -> Path:
        """Write LeRobot v2.1."""
        self._write_info(root, "v2.1", DATA2, VIDEO2)
        lines = []
        for episode, length in enumerate(self.lengths):
            rows = self.rows(episode)
            place = {"episode_chunk": 0, "episode_index": episode}
            _write(root / DATA2.format(**place), {n: v[rows] for n, (_, v) in self.columns.items()})
            for camera in self.cameras if length else ():
                self._film(root / VIDEO2.format(**place, video_key=camera), range(rows.start, rows.stop))
            note = dict(self.notes[episode]) if self.notes else {}
            lines.append({"episode_index": episode, "tasks": self.texts(episode), "length": length} | note)
        (root / "meta/episodes.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        self.write_tasks(root)
        return root

    def write3(self, root: Path) -> Path:
        """Write LeRobot v3.0, all in one file."""
        self._write_info(root, "v3.0", DATA3, VIDEO3)
        place = {"chunk_index": 0, "file_index": 0}
        _write(root / DATA3.format(**place), {n: v for n, (_, v) in self.columns.items()})
        lines = []
        for episode, length in enumerate(self.lengths):
            rows = self.rows(episode)
            line = {"episode_index": episode, "tasks": self.texts(episode), "length": length}
            line |= {"data/chunk_index": 0, "data/file_index": 0}
            line |= {"dataset_from_index": rows.start, "dataset_to_index": rows.stop}
            for camera in self.cameras:
                line |= {f"videos/{camera}/{k}": 0 for k in place}
                line |= {f"videos/{camera}/from_timestamp": rows.start / self.fps}
                line |= {f"videos/{camera}/to_timestamp": rows.stop / self.fps}
            lines.append(line | (dict(self.notes[episode]) if self.notes else {}))
        for camera in self.cameras:
            self._film(root / VIDEO3.format(**place, video_key=camera), range(sum(self.lengths)))
        episodes = root / "meta/episodes/chunk-000/file-000.parquet"
        episodes.parent.mkdir(parents=True, exist_ok=True)
        pd.DataFrame(lines).to_parquet(episodes)
        table = pd.DataFrame({"task_index": range(len(self.tasks))}, index=pd.Index(list(self.tasks), name="task"))
        table.to_parquet(root / "meta/tasks.parquet")
        return root

    def write_tasks(self, root: Path) -> None:
        lines = [{"task_index": i, "task": task} for i, task in enumerate(self.tasks)]
        (root / "meta/tasks.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    def _film(self, file: Path, rows: range) -> None:
        rate = self.video_fps or self.fps
        seconds = np.arange(round(len(rows) / self.fps * rate)) / rate
        write_video(file, [grey(rows.start + s * self.fps) for s in seconds], rate)

    def _write_info(self, root: Path, version: str, data: str, video: str) -> None:
        features = {name: about for name, (about, _) in self.columns.items()}
        features |= {camera: feature("video", SIDE, SIDE, 3) for camera in self.cameras}
        info = {"codebase_version": version, "robot_type": "so100", "fps": self.fps, "chunks_size": 1000}
        info |= {"total_episodes": len(self.lengths), "data_path": data, "video_path": video, "features": features}
        (root / "meta").mkdir(parents=True)
        (root / "meta/info.json").write_text(json.dumps(info | self.info))
        if self.modality is not None:
            (root / "meta/modality.json").write_text(json.dumps(self.modality))


def _write(file: Path, columns: Mapping[str, list]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({name: pa.array(values) for name, values in columns.items()}), file)


def edit(file: Path, **changes: Any) -> None:
    """Change fields of a JSON file."""
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def rewrite(file: Path, **columns: Any) -> None:
    """Replace or add columns of a Parquet file."""
    table = pq.read_table(file)
    found = {name: table[name] for name in table.column_names} | columns
    pq.write_table(
        pa.table({name: v if isinstance(v, pa.ChunkedArray | pa.Array) else pa.array(v) for name, v in found.items()}),
        file,
    )


def refusal(source: Path, folder: Path) -> str:
    """Return the sentence with which a conversion is refused, after checking that nothing is left of it."""
    with pytest.raises(DataError) as caught:
        convert(source, folder / "out/made", "lerobot3")
    assert "\n" not in str(caught.value)
    assert not list((folder / "out").iterdir() if (folder / "out").exists() else [])
    return str(caught.value)
