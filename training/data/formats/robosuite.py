"""robosuite and robomimic HDF5: one file, an episode per ``/data/demo_<i>``.

``obs/<name>`` (N, …), pictures as ``obs/<camera>_image`` (N, height, width, 3) uint8, ``actions`` (N, A),
``action_dict/<part>``,
``rewards`` and ``dones`` (N,); the instruction stands in the attribute ``ep_meta`` (JSON, ``lang``), the rate in
``env_args``. LIBERO's files are such, too: pictures as ``obs/<camera>_rgb``, the instruction in ``problem_info``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from training.data import hdf5
from training.data.demonstration import Demonstration, Format
from training.data.hdf5 import opened
from training.data.layout import DataError, Feature, Layout, Part, check_names, consecutive

IMAGE = "_image"
LANGUAGE = "annotation.human.coarse_action"
HZ = 20  # robosuite's default control rate
MAX_HZ = 1000
REWARDS = {"next.reward": ("rewards", "float32"), "next.done": ("dones", "bool")}
"""LeRobot's columns under robomimic's names."""
READ = ("obs", "actions", "action_dict", *(name for name, _ in REWARDS.values()))
CHANGES = "left out: how the instruction changes within episodes; robosuite's files have one per episode"
MAKE_OBSERVATIONS = (
    "it has states but no observations; make them with robomimic: `python -m robomimic.scripts.dataset_states_to_obs "
    "--dataset {file} --output_name with_obs.hdf5 --done_mode 2 --camera_names agentview`"
)


class Writer:
    """Appends episodes to one file, which has its name only once it is closed."""

    def __init__(self, file: Path, layout: Layout):
        import h5py

        if file.exists():
            raise DataError(f"{file} exists; give another name")
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file, self._layout = file, layout
        self.remarks = _left_out(layout)
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
        for column, (place, _) in REWARDS.items():
            if column in self._layout.extras:
                group[place] = demonstration.extras[column].to_numpy(zero_copy_only=False)
        for camera in self._layout.cameras:
            self._write_pictures(group, camera, demonstration)
        if demonstration.instructions and CHANGES not in self.remarks:
            self.remarks.append(CHANGES)
        group.attrs["num_samples"] = demonstration.frames
        group.attrs["ep_meta"] = hdf5.to_json({**demonstration.notes, "lang": demonstration.instruction})
        self._count, self._total = self._count + 1, self._total + demonstration.frames
        return self._count - 1

    def close(self) -> None:
        """Complete the file."""
        self._data.attrs["total"] = self._total
        env = {"env_kwargs": {"robots": self._layout.embodiment, "control_freq": self._layout.fps}}
        self._data.attrs["env_args"] = hdf5.to_json(env)
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
    """Episodes of a file, by number: ``demo_2`` comes before ``demo_10``, and names without a number come last."""

    def __init__(self, file: Path):
        self._file = file
        self.remarks: list[str] = []
        with opened(file) as root:
            data = hdf5.find(root, "data")
            if data is None or not hasattr(data, "keys"):
                raise DataError(f"{file} is not a robosuite file: it has no /data")
            self._names = sorted((name for name in hdf5.names(data) if name.startswith("demo")), key=_order)
            if not self._names:
                raise DataError(f"{file} has no demonstrations under /data")
            first = hdf5.find(data, self._names[0])
            if not hasattr(first, "keys"):
                raise DataError(f"{file}: /data/{self._names[0]} is no group")
            self.layout, self._places = _layout(file, data, first, self.remarks)

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, index: int) -> Demonstration:
        name = self._names[index]
        with opened(self._file) as root:
            group = root["data"][name]
            values = {part: self._values(group, part) for part in self.layout.parts}
            frames = len(next(iter(values.values())))
            self._check_lengths(group, frames)
            pictures = {c: self._pictures(group, c, frames) for c in self.layout.cameras}
            extras = {c: _extra(group, c, f, frames) for c, f in self.layout.extras.items()}
            meta, problem = hdf5.attribute(group, "ep_meta"), hdf5.attribute(root["data"], "problem_info")
        said = meta.get("lang") or problem.get("language_instruction") or ""
        if not isinstance(said, str):
            said = " ".join(map(str, said)) if isinstance(said, list) else str(said)
        notes = {k: v for k, v in meta.items() if k != "lang"}
        return Demonstration(values, pictures, said, notes, extras=extras)

    def _values(self, group: Any, part: str) -> np.ndarray:
        where = f"{self._file}: {group.name}/{self._places[part]}"
        found = hdf5.find(group, self._places[part])
        if found is None:
            raise DataError(f"{self._file} has no {group.name}/{self._places[part]}, which its first demonstration has")
        values = hdf5.array(group, self._places[part])
        if not values.ndim or not len(values):
            raise DataError(f"{where} has no rows")
        values = values.reshape(len(values), -1)
        if values.shape[1] != self.layout.parts[part].width:
            raise DataError(
                f"{where} has {values.shape[1]} numbers per row, the first demonstration "
                f"{self.layout.parts[part].width}"
            )
        return hdf5.check_finite(values.astype(self.layout.parts[part].dtype), where)

    def _check_lengths(self, group: Any, frames: int) -> None:
        for place in [*self._places.values()]:
            rows = hdf5.dataset(group, place).shape[0]
            if rows != frames:
                raise DataError(f"{self._file}: {group.name}/{place} has {rows} rows, others have {frames}")

    def _pictures(self, group: Any, camera: str, frames: int) -> Frames:
        place = self._places[camera]
        found = hdf5.dataset(group, place)
        if found.ndim != 4 or found.dtype != np.uint8 or 3 not in (found.shape[3], found.shape[1]):
            raise DataError(
                f"{self._file}: {group.name}/{place} is {found.dtype} {found.shape}, expected pictures as uint8"
            )
        return Frames(self._file, f"{group.name}/{place}".lstrip("/"), frames)


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
        yield from self._read(range(self.frames))

    def take(self, indices: Sequence[int]) -> list[np.ndarray]:
        """Return frames by number, uint8 (height, width, 3)."""
        return list(self._read(indices))

    def places(self) -> np.ndarray:
        """Return the rows of the pictures."""
        return np.arange(self.frames)

    def _read(self, indices: Sequence[int]) -> Iterator[np.ndarray]:
        with opened(self.file) as root:
            found = hdf5.dataset(root, self.place)
            for number in indices:
                picture = hdf5.read(found, int(number))
                yield picture if picture.shape[2] == 3 else np.moveaxis(picture, 0, 2)


def _layout(file: Path, data: Any, demo: Any, remarks: list[str]) -> tuple[Layout, dict[str, str]]:
    """Return the layout of a file's first demonstration, and part or camera -> place within a demonstration."""
    if "obs" not in demo:
        raise DataError(f"{file}: {MAKE_OBSERVATIONS.format(file=file)}")
    obs = {name: hdf5.find(demo, f"obs/{name}") for name in hdf5.names(hdf5.find(demo, "obs"))}
    obs = {name: found for name, found in obs.items() if getattr(found, "shape", None) is not None}
    places = {f"video.{n.removesuffix(IMAGE)}": f"obs/{n}" for n, v in obs.items() if _is_camera(v)}
    cameras = {name: f"observation.images.{name.partition('.')[2]}" for name in places}
    numbers = {n: v for n, v in obs.items() if v.dtype.kind in "fiu" and 1 <= v.ndim <= 2 and np.prod(v.shape[1:])}
    parts = _parts(
        "observation.state", {f"state.{n}": v for n, v in numbers.items() if not n.startswith("privileged.")}
    )
    places |= {f"state.{n}": f"obs/{n}" for n in numbers if not n.startswith("privileged.")}
    for name in (n for n in numbers if n.startswith("privileged.")):
        parts |= _parts(name, {name: numbers[name]})
        places[name] = f"obs/{name}"
    taken = _actions(demo)
    parts |= _parts("action", {f"action.{n}": hdf5.dataset(demo, place) for n, place in taken.items()})
    places |= {f"action.{n}": place for n, place in taken.items()}
    check_names([*parts, *cameras], file)
    if not parts:
        raise DataError(f"{file}: {demo.name} has no observations and no actions that are numbers per row")
    extras = {
        c: Feature(kind, (1,))
        for c, (place, kind) in REWARDS.items()
        if getattr(hdf5.find(demo, place), "ndim", 0) == 1
    }
    left = sorted({*(f"obs/{n}" for n in demo["obs"]), *(n for n in demo if n not in READ)} - set(places.values()))
    if left:
        remarks.append(f"left out: {', '.join(left)}")
    embodiment, rate = _environment(data, remarks)
    return Layout(embodiment, rate, parts, cameras, {LANGUAGE: LANGUAGE}, extras=extras), places


def _actions(demo: Any) -> dict[str, str]:
    """Return the name of an action's part -> its place."""
    if "action_dict" in demo:
        return {n: f"action_dict/{n}" for n in hdf5.names(hdf5.find(demo, "action_dict"))}
    return {"all": "actions"} if "actions" in demo else {}


def _parts(column: str, arrays: Mapping[str, Any]) -> dict[str, Part]:
    dtype = str(np.result_type(np.float32, *(v.dtype for v in arrays.values()))) if arrays else "float32"
    return consecutive(column, {name: int(np.prod(v.shape[1:])) for name, v in arrays.items()}, dtype)


def _is_camera(found: Any) -> bool:
    return found.dtype == np.uint8 and found.ndim == 4 and 3 in (found.shape[3], found.shape[1])


def _environment(data: Any, remarks: list[str]) -> tuple[str, float]:
    env = hdf5.attribute(data, "env_args").get("env_kwargs")
    env = env if isinstance(env, dict) else {}
    robots, rate = env.get("robots"), env.get("control_freq")
    embodiment = robots if isinstance(robots, str) else next((r for r in robots or [] if isinstance(r, str)), "unknown")
    if isinstance(rate, int | float) and not isinstance(rate, bool) and 0 < rate <= MAX_HZ:
        return embodiment, float(rate)
    remarks.append(f"control_freq is {str(rate)[:40]}; {HZ} Hz, robosuite's default, is taken")
    return embodiment, float(HZ)


def _extra(group: Any, column: str, feature: Feature, frames: int) -> Any:
    import pyarrow as pa

    values = hdf5.array(group, REWARDS[column][0])
    if values.shape != (frames,):
        raise DataError(
            f"{group.file.filename}: {group.name}/{REWARDS[column][0]} has shape {values.shape}, expected ({frames},)"
        )
    return pa.array(values.astype(feature.dtype))


def _left_out(layout: Layout) -> list[str]:
    annotations = [n for n, c in layout.languages.items() if c != layout.instruction_column()]
    about = [f"{k} of {n}" for n, part in layout.parts.items() for k in part.about]
    names = [*annotations, *about, *(n for n in layout.extras if n not in REWARDS)]
    return [f"left out, since robosuite's files have no place for them: {', '.join(names)}"] if names else []


def _order(name: str) -> tuple[int, int, str]:
    found = re.fullmatch(r"demo_?([0-9]{1,9})", name)
    return (0, int(found[1]), name) if found else (1, 0, name)


FORMAT = Format("*.hdf5 of robosuite, robomimic or LIBERO", hdf5.is_hdf5, Reader, Writer, suffix=".hdf5")
