"""What recipes train on: the frames of many episodes of one body, one after another,
whatever the format on the disk."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from agents.nets.embodiments import EMBODIMENTS
from tasks import gr1
from training.data.demonstration import Demonstration, DemonstrationSet
from training.data.formats import find_sets, open_set
from training.data.layout import DataError, Layout

SIDE = 256  # of a picture, px
CAMERAS = (gr1.EGO.name, gr1.EGO_CROP.name)
"""The head camera's names, the one that policies are trained on first; another set's first camera stands in."""
CAMERA_POSE = "state.camera"  # of every body, where it is recorded: it says where in the picture things are
AHEAD = 2  # episodes that are decoded before they are asked for


@dataclass(frozen=True)
class Chunks:
    """Episodes of one body in memory, all but the pictures. A set of single frames has no ``action.*`` values."""

    embodiment: str
    values: Mapping[str, np.ndarray]  # state.<part>, action.<part>, privileged.<thing> -> float32 (rows, width)
    first: np.ndarray  # (rows,) the first row of the episode that a row is in
    last: np.ndarray  # (rows,) its last row
    instruction: np.ndarray  # (rows,) index into ``instructions``
    instructions: Sequence[str]
    has_picture: np.ndarray  # (rows,) bool: False where the video repeats the picture before
    episodes: Sequence[Demonstration]
    camera: str

    def pictures(self, rows: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the picture, uint8 (256, 256, 3), of each row; rows ascend. The next episodes are decoded meanwhile."""
        rows = np.asarray(rows)
        starts = np.unique(self.first)
        numbers = np.searchsorted(starts, rows, side="right") - 1
        jobs = [(int(n), rows[numbers == n] - starts[n]) for n in np.unique(numbers)]
        with ThreadPoolExecutor(AHEAD) as pool:
            waiting = [pool.submit(self._take, *job) for job in jobs[:AHEAD]]
            for job in range(len(jobs)):
                decoded = waiting.pop(0).result()
                if job + AHEAD < len(jobs):
                    waiting.append(pool.submit(self._take, *jobs[job + AHEAD]))
                yield from decoded

    def videos(self) -> list[str]:
        """Return a digest of each episode's pictures: the bytes of its video, and which stretch of it."""
        stretches = [e.pictures[self.camera] for e in self.episodes]
        return [f"{_contents(f.file)}/{f.stretch}" for f in stretches]  # type: ignore[attr-defined]  # all readers' have it

    def fingerprint(self) -> str:
        """Return a digest of all numbers, the instructions and the lengths of the videos;
        the folder's name does not enter."""
        sha = hashlib.sha256("\n".join([self.embodiment, self.camera, *self.instructions]).encode())
        for name in sorted(self.values):
            sha.update(name.encode() + np.ascontiguousarray(self.values[name]).tobytes())
        for array in (self.last, self.instruction, self.has_picture):
            sha.update(array.astype(np.int64).tobytes())
        sha.update(str([_bytes(e.pictures[self.camera]) for e in self.episodes]).encode())
        return sha.hexdigest()[:16]

    def _take(self, number: int, frames: np.ndarray) -> list[np.ndarray]:
        footage = self.episodes[number].pictures[self.camera]
        return [letterbox(picture) for picture in footage.take(frames.tolist())]  # type: ignore[attr-defined]  # all readers' have it


def open_folders(folders: Sequence[Path], shares: Sequence[float]) -> list[Chunks]:
    """Return what these folders hold, each as ``open_chunks`` does; ``shares``: one for all of them,
    or one for each."""
    if len(shares) not in (1, len(folders)):
        raise DataError(
            f"--episodes has {len(shares)} shares and --data {len(folders)} folders: give one share for all, "
            "or one for each"
        )
    places = [folder.resolve() for folder in folders]
    if twice := [folder for folder, place in zip(folders, places, strict=True) if places.count(place) > 1]:
        raise DataError(f"--data has {twice[0]} twice; its episodes would count twice")
    each = shares if len(shares) > 1 else [*shares] * len(folders)
    return [chunks for folder, share in zip(folders, each, strict=True) for chunks in open_chunks(folder, share)]


def open_chunks(folder: Path, share: float = 1.0, embodiment: str | None = None) -> list[Chunks]:
    """Return what a folder holds: the demonstrations of all its data sets, and apart from them a collection's single
    frames.

    ``share``: how much of every data set is used, from its beginning, so that a smaller share lies inside a larger one.
    ``embodiment``: gr1, gr1_eef or human_egodex; by default what the names of the parts say.
    """
    if not 0 < share <= 1:
        raise DataError(f"the share of the episodes is {share}; it must be above 0 and at most 1")
    found = [join(_open_all(find_sets(folder)), share, embodiment)]
    frames = folder / "perception"
    if (folder / "collection.json").exists() and any(frames.glob("*/meta/episodes.jsonl")):
        found.append(join(_open_all(find_sets(frames)), share, embodiment))
    return found


def join(sets: Sequence[DemonstrationSet], share: float = 1.0, embodiment: str | None = None) -> Chunks:
    """Return the first episodes of data sets of one body, joined by the names of their parts."""
    embodiments = {embodiment or embodiment_of(s.layout) for s in sets}
    if len(embodiments) > 1:
        raise DataError(
            f"these data sets are of several bodies: {', '.join(sorted(embodiments))}; give each its own folder"
        )
    body = embodiments.pop()
    episodes = [s[i] for s in sets for i in range(math.ceil(share * len(s)))]
    if not episodes:
        raise DataError("these data sets have no episodes yet")
    names = [name for name in sets[0].layout.parts if _wanted(name, body) and all(name in e.values for e in episodes)]
    lengths = np.array([e.frames for e in episodes])
    first = np.cumsum(lengths) - lengths
    spoken = [e.instructions or [e.instruction] * e.frames for e in episodes]
    instructions = list(dict.fromkeys(text for texts in spoken for text in texts))
    number = {text: i for i, text in enumerate(instructions)}
    said = np.array([number[text] for texts in spoken for text in texts])
    every = np.concatenate([np.full(math.ceil(share * len(s)), s.layout.picture_every) for s in sets])
    step = np.arange(lengths.sum()) - np.repeat(first, lengths)
    return Chunks(
        body,
        {name: np.concatenate([e.values[name] for e in episodes]).astype(np.float32) for name in names},
        np.repeat(first, lengths),
        np.repeat(first + lengths - 1, lengths),
        said,
        instructions,
        step % np.repeat(every, lengths) == 0,
        [Demonstration({}, e.pictures, e.instruction, e.notes) for e in episodes],
        _camera(sets[0].layout),
    )


def embodiment_of(layout: Layout) -> str:
    """Return the body whose parts a layout has; GR1's joints come before its end effectors."""
    human = "human" in layout.embodiment or "egodex" in layout.embodiment
    for name in ("gr1", "human_egodex" if human else "gr1_eef"):
        if all(f"state.{part}" in layout.parts for part in EMBODIMENTS[name].parts):
            return name
    parts = ", ".join(n for n in layout.parts if n.startswith("state."))
    raise DataError(
        f"a data set of '{layout.embodiment}' has the parts of no known body ({', '.join(EMBODIMENTS)}): {parts}"
    )


def letterbox(picture: np.ndarray, side: int = SIDE) -> np.ndarray:
    """Return a picture as a square, uint8 (side, side, 3): resized whole,
    with black bands above and below or beside it."""
    height, width, _ = picture.shape
    if height == width == side:
        return picture
    scale = side / max(height, width)
    small = cv2.resize(picture, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
    top, left = (side - small.shape[0]) // 2, (side - small.shape[1]) // 2
    square = np.zeros((side, side, 3), np.uint8)
    square[top : top + small.shape[0], left : left + small.shape[1]] = small
    return square


def _open_all(sets: Mapping[str, Path]) -> list[DemonstrationSet]:
    return [s for s in map(open_set, sets.values()) if len(s)]


def _wanted(name: str, body: str) -> bool:
    section, _, part = name.partition(".")
    return section == "privileged" or name == CAMERA_POSE or part in EMBODIMENTS[body].parts


def _camera(layout: Layout) -> str:
    if not layout.cameras:
        raise DataError(f"a data set of '{layout.embodiment}' has no camera")
    return next((name for name in CAMERAS if name in layout.cameras), next(iter(layout.cameras)))


@cache
def _contents(file: Path) -> str:
    """A video's digest; of a file that holds many episodes, once."""
    if not file.is_file():
        raise DataError(f"the video {file} is absent")
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()[:32]


def _bytes(footage: object) -> int:
    file = getattr(footage, "file", None)
    return file.stat().st_size if file is not None and file.exists() else 0
