"""EgoDex (arXiv 2505.11709): ``<task>/<i>.hdf5`` with poses of 69 joints at 30 Hz beside ``<task>/<i>.mp4``.

``/transforms/<joint>`` (N, 4, 4) in the world frame of the recording, ``/camera/intrinsic`` (3, 3),
``/confidences/<joint>`` (N,) in most files. As an action an episode has its own next state: the camera, both wrists
(position and the first two columns of the rotation) and ten fingertips, 57 numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from training.data import hdf5
from training.data.demonstration import Demonstration, Format
from training.data.footage import Footage
from training.data.hdf5 import opened
from training.data.layout import DataError, Layout, Part, consecutive
from training.data.paths import inside, plain
from training.data.video import frame_rate, write_video

HZ = 30
SIDES = ("left", "right")
FINGERS = ("Thumb", "IndexFinger", "MiddleFinger", "RingFinger", "LittleFinger")
LINKS = ("Metacarpal", "Knuckle", "IntermediateBase", "IntermediateTip", "Tip")
BODY = ("hip", *(f"spine{i}" for i in range(1, 8)), *(f"neck{i}" for i in range(1, 5)))
CAMERA_NAME = "video.ego_view"
WIDTHS = {"camera": 9, "left_wrist": 9, "left_fingertips": 15, "right_wrist": 9, "right_fingertips": 15}
EMBODIMENT = "human_egodex"
PICTURE_EVERY = "picture_every"
"""Ours, of a recording whose video repeats a picture in between: the frames from one to the next."""


def hand_joints(side: str) -> tuple[str, ...]:
    """Return the names of one hand's 24 finger joints; the thumb has no metacarpal."""
    return tuple(f"{side}{f}{link}" for f in FINGERS for link in LINKS if (f, link) != ("Thumb", "Metacarpal"))


JOINTS = BODY + tuple(
    name
    for side in SIDES
    for name in (*(f"{side}{part}" for part in ("Shoulder", "Arm", "Forearm", "Hand")), *hand_joints(side))
)
"""The 68 joints of the upper body and the hands."""
TRANSFORMS = ("camera", *JOINTS)


@dataclass(frozen=True)
class Recording:
    """What one pair of files holds."""

    transforms: Mapping[str, np.ndarray]  # joint -> (frames, 4, 4), world frame, metres
    intrinsic: np.ndarray  # (3, 3), pixels
    attributes: Mapping[str, Any]  # llm_description, …
    pictures: Iterable[np.ndarray]
    confidences: Mapping[str, np.ndarray] = field(default_factory=dict)  # joint -> (frames,), 0 to 1
    privileged: Mapping[str, np.ndarray] = field(default_factory=dict)  # ours: (frames, 3) of simulated recordings


def layout(privileged: Iterable[str] = (), fps: float = HZ, picture_every: int = 1) -> Layout:
    """Return the layout of the 57 numbers, as state and as action."""
    parts: dict[str, Part] = {}
    for section, column in (("state", "observation.state"), ("action", "action")):
        parts |= consecutive(column, {f"{section}.{name}": width for name, width in WIDTHS.items()})
    for name in privileged:
        parts |= consecutive(f"privileged.{name}", {f"privileged.{name}": 3})
    language = "annotation.human.coarse_action"
    return Layout(
        EMBODIMENT, fps, parts, {CAMERA_NAME: "observation.images.ego_view"}, {language: language}, picture_every
    )


def end_effectors(transforms: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return camera (n, 9), wrists (n, 9) and fingertips (n, 15), float32, from poses (n, 4, 4)."""
    found = {"camera": _pose9(transforms["camera"])}
    for side in SIDES:
        found[f"{side}_wrist"] = _pose9(transforms[f"{side}Hand"])
        tips = [transforms[f"{side}{finger}Tip"][:, :3, 3] for finger in FINGERS]
        found[f"{side}_fingertips"] = np.concatenate(tips, axis=1)
    return {name: value.astype(np.float32) for name, value in found.items()}


def next_state(state: np.ndarray) -> np.ndarray:
    """Return the action of every frame, (n, width): the next frame's state, and the last one's own."""
    return np.concatenate([state[1:], state[-1:]])


def instruction(attributes: Mapping[str, Any], task: str) -> str:
    """Return what the person was told.

    A reversible task has two descriptions, one per direction, and ``which_llm_description`` says which was done ('1' or
    '2'). Attributes come as str, bytes or numbers; a file without a description has its task's name.
    """
    which = _text(attributes.get("which_llm_description", "1")) or "1"
    second = _text(attributes.get("llm_type", "")) == "reversible" and which == "2"
    return _text(attributes.get("llm_description2" if second else "llm_description", "")) or task.replace("_", " ")


class Reader:
    """Episodes of a folder of tasks, or of one task, in the order of tasks and numbers."""

    def __init__(self, root: Path):
        there = [*root.glob("*.hdf5"), *root.glob("*/*.hdf5")]
        found = [f for f in there if NUMBER.fullmatch(f.stem)]
        self.files = sorted(found, key=lambda f: (f.parent.name, int(f.stem)))
        self._root = root
        others = sorted(f.name for f in there if f not in found)
        self.remarks = [f"left out, since their names are no numbers: {', '.join(others)}"] if others else []
        if not self.files:
            raise DataError(f"{root} is not an EgoDex folder: it has no <task>/<number>.hdf5")
        with opened(inside(root, self.files[0].relative_to(root))) as file:
            video = self._video(0)
            rate = frame_rate(video) if video.is_file() else HZ
            group = hdf5.find(file, "privileged")
            privileged = sorted(hdf5.names(group)) if group is not None else []
            self.layout = layout(privileged, rate, _picture_every(file, self.files[0]))

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Demonstration:
        path = inside(self._root, self.files[index].relative_to(self._root))
        with opened(path) as file:
            poses = {name: _read(file, f"transforms/{name}", path) for name in USED}
            frames = len(poses["camera"])
            for name, pose in poses.items():
                if not frames or pose.shape != (frames, 4, 4):
                    raise DataError(
                        f"{path}: /transforms/{name} has shape {pose.shape}, expected ({frames or 'frames'}, 4, 4)"
                    )
                hdf5.check_finite(pose, f"{path}: /transforms/{name}")
            state = end_effectors(poses)
            privileged = {
                name: hdf5.check_finite(_read(file, name.replace(".", "/"), path), f"{path}: {name}")
                for name in self.layout.parts
                if name.startswith("privileged")
            }
            said = instruction(file.attrs, path.parent.name)
        values = {f"state.{name}": value for name, value in state.items()}
        values |= {f"action.{name}": next_state(value) for name, value in state.items()}
        values |= {name: value.astype(np.float32) for name, value in privileged.items()}
        for name, value in values.items():
            if value.shape != (frames, self.layout.parts[name].width):
                raise DataError(
                    f"{path}: {name} has shape {value.shape}, expected {(frames, self.layout.parts[name].width)}"
                )
        video = self._video(index)
        if not video.is_file():
            raise DataError(f"{path} has no {video.name} beside it")
        return Demonstration(values, {CAMERA_NAME: Footage(video, frames)}, said, {"task": path.parent.name})

    def confidences(self, index: int) -> dict[str, np.ndarray]:
        """Return joint -> (frames,) of an episode, empty where the file has none."""
        with opened(self.files[index]) as file:
            group = hdf5.find(file, "confidences")
            return {} if group is None else {name: hdf5.array(group, name) for name in hdf5.names(group)}

    def _video(self, index: int) -> Path:
        return inside(self._root, self.files[index].with_suffix(".mp4").relative_to(self._root))


NUMBER = re.compile("[0-9]{1,9}")
CHANGES = "left out: how the instruction changes within episodes; EgoDex has one per episode"
USED = ("camera", *(f"{side}{part}" for side in SIDES for part in ("Hand", *(f"{finger}Tip" for finger in FINGERS))))
"""The joints that the 57 numbers come from."""


def write(file: Path, recording: Recording, fps: float = HZ) -> None:
    """Write ``<i>.hdf5`` and ``<i>.mp4``; the poses come last, so a pair with poses is whole.
    A missing joint raises DataError."""
    import h5py

    if missing := [name for name in TRANSFORMS if name not in recording.transforms]:
        raise DataError(f"{file}: {len(missing)} of 69 transforms are absent, the first is {missing[0]}")
    frames = write_video(file.with_suffix(".mp4"), recording.pictures, fps)
    if frames != len(recording.transforms["camera"]):
        raise DataError(f"{file}: {frames} pictures for {len(recording.transforms['camera'])} poses")
    part = file.with_name(f".{file.name}.part")
    with h5py.File(part, "w") as out:
        out["camera/intrinsic"] = recording.intrinsic.astype(np.float32)
        groups = {
            "transforms": recording.transforms,
            "confidences": recording.confidences,
            "privileged": recording.privileged,
        }
        for group, arrays in groups.items():
            for name, array in arrays.items():
                out[f"{group}/{name}"] = np.asarray(array, np.float32)
        for name, value in recording.attributes.items():
            out.attrs[name] = value
    part.replace(file)


class Writer:
    """Writes demonstrations that have the 57 numbers. Joints that those say nothing about are made up,
    with confidence 0."""

    def __init__(self, root: Path, layout: Layout):
        absent = [name for name in WIDTHS if f"state.{name}" not in layout.parts]
        if absent:
            raise DataError(
                f"EgoDex needs {', '.join(f'state.{n}' for n in absent)}, which this data set does not have; "
                "collect with end effectors"
            )
        if not layout.cameras:
            raise DataError("EgoDex needs the pictures of a camera, which this data set does not have")
        self._root, self._layout, self._count = root, layout, 0
        self.remarks = _left_out(layout)

    def add(self, demonstration: Demonstration) -> int:
        """Write an episode and return its number within all."""
        task = str(demonstration.notes.get("task", self._root.name))
        folder = inside(self._root, plain(task, f"the task of episode {self._count}"))
        folder.mkdir(parents=True, exist_ok=True)
        transforms, confidences = skeleton(demonstration.values)
        camera = next(iter(self._layout.cameras))
        privileged = {n.partition(".")[2]: v for n, v in demonstration.values.items() if n.startswith("privileged.")}
        said: dict[str, Any] = {"llm_type": "neutral", "llm_description": demonstration.instruction}
        if self._layout.picture_every > 1:
            said[PICTURE_EVERY] = self._layout.picture_every
        if demonstration.instructions and CHANGES not in self.remarks:
            self.remarks.append(CHANGES)
        recording = Recording(transforms, np.eye(3), said, demonstration.pictures[camera], confidences, privileged)
        write(folder / f"{len(list(folder.glob('*.hdf5')))}.hdf5", recording, self._layout.fps)
        self._count += 1
        return self._count - 1

    def close(self) -> None:
        """Nothing is left to write."""


def _left_out(layout: Layout) -> list[str]:
    parts = [n for n in layout.parts if n.partition(".")[2] not in WIDTHS and not n.startswith("privileged.")]
    more = [*list(layout.cameras)[1:], *(n for n, c in layout.languages.items() if c != layout.instruction_column())]
    names = [*parts, *more, *layout.extras]
    return [f"left out, since EgoDex has no place for them: {', '.join(names)} and notes but the task"] if names else []


def skeleton(values: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return all 69 transforms (n, 4, 4) and 68 confidences (n,) from the 57 numbers.

    Finger joints lie on the line from wrist to fingertip and the rest at the camera: only the shape of the file needs
    them."""
    transforms = {"camera": _matrices(values["state.camera"])}
    for side in SIDES:
        wrist = transforms[f"{side}Hand"] = _matrices(values[f"state.{side}_wrist"])
        tips = values[f"state.{side}_fingertips"].reshape(len(wrist), len(FINGERS), 3)
        for number, finger in enumerate(FINGERS):
            for share, link in zip(np.linspace(0.2, 1.0, len(LINKS)), LINKS, strict=True):
                pose = wrist.copy()
                pose[:, :3, 3] += share * (tips[:, number] - wrist[:, :3, 3])
                transforms[f"{side}{finger}{link}"] = pose
    known = set(USED)
    frames = len(transforms["camera"])
    confidences = {name: np.full(frames, float(name in known)) for name in JOINTS}
    return {name: transforms.get(name, transforms["camera"]) for name in TRANSFORMS}, confidences


def _pose9(transform: np.ndarray) -> np.ndarray:
    return np.concatenate([transform[:, :3, 3], transform[:, :3, 0], transform[:, :3, 1]], axis=1)


def _matrices(pose9: np.ndarray) -> np.ndarray:
    first, second = pose9[:, 3:6], pose9[:, 6:9]
    matrix = np.tile(np.eye(4), (len(pose9), 1, 1))
    matrix[:, :3, :3] = np.stack([first, second, np.cross(first, second)], axis=2)
    matrix[:, :3, 3] = pose9[:, :3]
    return matrix


def _read(file: Any, name: str, path: Path) -> np.ndarray:
    if hdf5.find(file, name) is None:
        count = len(hdf5.find(file, "transforms") or ())
        raise DataError(f"{path} has no /{name}; EgoDex has 69 transforms, this has {count}")
    return np.asarray(hdf5.array(file, name), np.float64)


def _picture_every(file: Any, path: Path) -> int:
    value = file.attrs.get(PICTURE_EVERY, 1)
    if not isinstance(value, int | np.integer) or value < 1:
        raise DataError(
            f"{path}: the attribute {PICTURE_EVERY} is {str(value)[:40]!r}, expected a whole number above 0"
        )
    return int(value)


def _holds_numbers(folder: Path) -> bool:
    return folder.is_dir() and any(NUMBER.fullmatch(f.stem) for f in folder.glob("*.hdf5"))


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


FORMAT = Format("<task>/<number>.hdf5 beside <number>.mp4", _holds_numbers, Reader, Writer, nests=True)
