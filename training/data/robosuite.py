"""robosuite's HDF5 demonstrations, as RoboCasa and robomimic keep them: one file, ``/data/demo_<i>``.

``obs/<name>`` (N, …), pictures as ``obs/<camera>_image`` (N, height, width, 3) uint8, ``actions`` (N, A), ``action_dict/<part>``;
the instruction stands in the attribute ``ep_meta`` (JSON, ``lang``), the rate in ``env_args``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from training.data.demonstration import Demonstration
from training.data.hdf5 import opened
from training.data.layout import DataError, Layout, Part, consecutive

IMAGE = "_image"
LANGUAGE = "annotation.human.coarse_action"
HZ = 20  # robosuite's default control rate


class Writer:
    """Appends episodes to one file, which has its name only once it is closed."""

    def __init__(self, file: Path, layout: Layout):
        import h5py

        if file.exists():
            raise DataError(f"{file} exists; give another name")
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file, self._layout = file, layout
        self._part = file.with_name(f".{file.name}.part")
        self._out = h5py.File(self._part, "w")
        self._data = self._out.create_group("data")
        self._count = self._total = 0

    def add(self, demonstration: Demonstration) -> int:
        """Write an episode and return its index."""
        group = self._data.create_group(f"demo_{self._count}")
        flat = self._layout.pack(demonstration.values)
        for name in self._layout.parts:
            section, _, key = name.partition(".")
            place = {"state": f"obs/{key}", "action": f"action_dict/{key}"}.get(section, f"obs/{name}")
            group[place] = demonstration.values[name]
        if "action" in flat:
            group["actions"] = flat["action"]
        for camera in self._layout.cameras:
            self._write_pictures(group, camera, demonstration)
        group.attrs["num_samples"] = demonstration.frames
        group.attrs["ep_meta"] = json.dumps({"lang": demonstration.instruction, **demonstration.notes})
        self._count, self._total = self._count + 1, self._total + demonstration.frames
        return self._count - 1

    def close(self) -> None:
        """Complete the file."""
        self._data.attrs["total"] = self._total
        env = {"env_kwargs": {"robots": self._layout.embodiment, "control_freq": self._layout.fps}}
        self._data.attrs["env_args"] = json.dumps(env)
        self._out.close()
        self._part.replace(self._file)

    def _write_pictures(self, group: Any, camera: str, demonstration: Demonstration) -> None:
        data: Any = None
        for number, picture in enumerate(demonstration.pictures[camera]):
            if data is None:
                shape = (demonstration.frames, *picture.shape)
                place = f"obs/{camera.partition('.')[2]}{IMAGE}"
                data = group.create_dataset(place, shape, np.uint8, chunks=(1, *picture.shape), compression="lzf")
            data[number] = picture


class Reader:
    """Episodes of a file, by number: ``demo_2`` comes before ``demo_10``."""

    def __init__(self, file: Path):
        self._file = file
        with opened(file) as root:
            if "data" not in root:
                raise DataError(f"{file} is not a robosuite file: it has no /data")
            demos = [name for name in root["data"] if name.startswith("demo")]
            self._names = sorted(demos, key=lambda name: int(name.rpartition("_")[2]))
            if not self._names:
                raise DataError(f"{file} has no demonstrations under /data")
            self.layout = _layout(root["data"], root["data"][self._names[0]])

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, index: int) -> Demonstration:
        name = self._names[index]
        with opened(self._file) as root:
            group = root["data"][name]
            values = {
                part: np.asarray(_find(group, self._file, _place(group, part)), np.float32)
                for part in self.layout.parts
            }
            meta = json.loads(group.attrs.get("ep_meta", "{}"))
        frames = len(next(iter(values.values())))
        cameras = {
            c: Frames(self._file, f"data/{name}/obs/{c.partition('.')[2]}{IMAGE}", frames) for c in self.layout.cameras
        }
        notes = {k: v for k, v in meta.items() if k != "lang"}
        return Demonstration(
            {n: v.reshape(frames, -1) for n, v in values.items()}, cameras, meta.get("lang", ""), notes
        )


@dataclass(frozen=True)
class Frames:
    """The pictures of one episode inside an HDF5 file."""

    file: Path
    place: str
    frames: int

    @property
    def stretch(self) -> str:
        """Which part of the file this is."""
        return self.place

    def __len__(self) -> int:
        return self.frames

    def __iter__(self) -> Iterator[np.ndarray]:
        with opened(self.file) as root:
            for number in range(self.frames):
                yield root[self.place][number]

    def take(self, indices: Sequence[int]) -> list[np.ndarray]:
        """Return frames by number, uint8 (height, width, 3)."""
        with opened(self.file) as root:
            return [root[self.place][int(i)] for i in indices]


def _layout(data: Any, demo: Any) -> Layout:
    env = json.loads(data.attrs.get("env_args", "{}")).get("env_kwargs", {})
    arrays = {name: value for name, value in demo.get("obs", {}).items() if value.dtype.kind == "f"}
    cameras = [n for n, v in demo.get("obs", {}).items() if v.dtype == np.uint8 and v.ndim == 4 and n.endswith(IMAGE)]
    state = {f"state.{n}": _width(v) for n, v in arrays.items() if not n.startswith("privileged.")}
    parts: dict[str, Part] = consecutive("observation.state", state)
    if "action_dict" in demo:
        parts |= consecutive("action", {f"action.{n}": _width(v) for n, v in demo["action_dict"].items()})
    elif "actions" in demo:
        parts |= consecutive("action", {"action.all": _width(demo["actions"])})
    for name in arrays:
        if name.startswith("privileged."):
            parts |= consecutive(name, {name: _width(arrays[name])})
    names = [n.removesuffix(IMAGE) for n in cameras]
    robots = env.get("robots", "unknown")
    embodiment = robots if isinstance(robots, str) else robots[0]
    rate = float(env.get("control_freq", HZ))
    return Layout(
        embodiment, rate, parts, {f"video.{n}": f"observation.images.{n}" for n in names}, {LANGUAGE: LANGUAGE}
    )


def _place(group: Mapping[str, Any], part: str) -> str:
    section, _, key = part.partition(".")
    if section == "action":
        return f"action_dict/{key}" if "action_dict" in group else "actions"
    return f"obs/{key}" if section == "state" else f"obs/{part}"


def _find(group: Any, file: Path, place: str) -> Any:
    if place not in group:
        raise DataError(f"{file} has no {group.name}/{place}, which its first demonstration has")
    return group[place]


def _width(array: Any) -> int:
    return int(np.prod(array.shape[1:]))
