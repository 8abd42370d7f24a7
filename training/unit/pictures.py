"""Frozen features of pictures, computed once and kept on the disk,
so that training on a CPU never waits for a network."""

from __future__ import annotations

import fcntl
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from agents.nets.visual import Visual, load_visual, tensor_of
from crossbody.contracts import digest
from crossbody.extras import cache_folder
from crossbody.seeds import generator
from training.data.chunks import Chunks
from training.loop import keep_memory
from training.show import progress
from training.unit.augment import jitter

FEATURES_VERSION = 2
JITTERED = 0.7  # share of the pictures that are seen under other light


@dataclass(frozen=True)
class CachedGrids:
    """The grids of some rows of a data set: float16 (pictures, …) per grid and episode, memory-mapped."""

    rows: np.ndarray  # (pictures,) int64, ascending
    begins: np.ndarray  # (episodes,) number of each episode's first picture
    episodes: Sequence[Mapping[str, np.ndarray]]  # grid -> float16 (pictures of the episode, C, rows, columns)

    def at(self, rows: np.ndarray, names: tuple[str, ...] | None = None) -> dict[str, np.ndarray]:
        """Return grid -> float32 (n, C, rows, columns) of the pictures nearest to these rows of the data set."""
        return self.take(self.nearest(rows), names)

    def take(self, numbers: np.ndarray, names: tuple[str, ...] | None = None) -> dict[str, np.ndarray]:
        """Return grid -> float32 (n, C, rows, columns) of pictures by their number."""
        episode = np.searchsorted(self.begins, numbers, side="right") - 1
        places = list(zip(episode.tolist(), (numbers - self.begins[episode]).tolist(), strict=True))
        return {
            name: np.stack([self.episodes[e][name][i] for e, i in places]).astype(np.float32)
            for name in names or self.episodes[0]
        }

    def nearest(self, rows: np.ndarray) -> np.ndarray:
        """Return the numbers of the pictures that are nearest to these rows."""
        right = np.searchsorted(self.rows, rows).clip(0, len(self.rows) - 1)
        left = (right - 1).clip(0)
        return np.where(rows - self.rows[left] < self.rows[right] - rows, left, right)


def grid_names(visual: Visual) -> tuple[str, ...]:
    """Return the grids that a backbone gives."""
    return ("coarse", "fine") if visual.fine_width else ("coarse",)


def cached_grids(chunks: Chunks, rows: np.ndarray, visual: Visual, seed: int, workers: int = 2) -> CachedGrids:
    """Return the grids of these rows' pictures, from the cache or computed now.

    Every episode has files of its own, named by what its video holds: more episodes, another order or a kill cost only
    what is not there yet. Each picture is jittered by a generator of its own, so the result depends on neither order
    nor workers."""
    place = digest({"visual": vars(visual), "seed": seed, "version": FEATURES_VERSION})
    folder = cache_folder() / "features" / place
    folder.mkdir(parents=True, exist_ok=True)
    starts, names = np.unique(chunks.first), grid_names(visual)
    number = np.searchsorted(starts, rows, side="right") - 1
    shown, begins = np.unique(number, return_index=True)
    videos = chunks.videos()
    parts = [
        Part(folder, digest([videos[e], (own - starts[e]).tolist()]), own)
        for e, own in zip(shown.tolist(), np.split(rows, begins[1:]), strict=True)
    ]
    with alone(folder):
        missing = [p for p in parts if not p.made(names)]
        for part, grids in _compute(chunks, missing, visual, seed, workers):
            part.write(grids)
        opened = [p.open(names) for p in parts]
    return CachedGrids(rows, begins, opened)


@dataclass(frozen=True)
class Part:
    """One episode's grids on the disk."""

    folder: Path
    key: str  # of the video and of which of its frames
    rows: np.ndarray

    def made(self, names: Sequence[str]) -> bool:
        return all(self._file(name).exists() for name in names)

    def write(self, grids: Sequence[Mapping[str, np.ndarray]]) -> None:
        """Write the grids of all pictures; a file is whole or absent."""
        for name in grids[0]:
            part = self._file(name).with_suffix(".part")
            with part.open("wb") as file:
                np.save(file, np.stack([g[name] for g in grids]))
            part.replace(self._file(name))

    def open(self, names: Sequence[str]) -> dict[str, np.ndarray]:
        return {name: np.load(self._file(name), mmap_mode="r", allow_pickle=False) for name in names}

    def _file(self, name: str) -> Path:
        return self.folder / f"{self.key}.{name}.npy"


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold a folder's lock, waiting for whoever computes the same features: two recipes may start side by side."""
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("another training computes these features; waiting for it", file=sys.stderr)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _compute(
    chunks: Chunks, parts: Sequence[Part], visual: Visual, seed: int, workers: int
) -> Iterator[tuple[Part, list[dict[str, np.ndarray]]]]:
    """Yield each episode's grids, picture by picture. Several single-threaded networks beat one with several
    threads."""
    if not parts:
        return
    keep_memory()
    torch.set_num_threads(1)
    network = load_visual(visual)

    def one(task: tuple[str, np.ndarray]) -> dict[str, np.ndarray]:
        name, picture = task
        random = generator(seed, f"jitter/{name}")
        shown = jitter(picture, random) if random.uniform() < JITTERED else picture
        return {n: g[0].numpy().astype(np.float16) for n, g in network(tensor_of(shown[None])).items()}

    pictures = chunks.pictures(np.concatenate([p.rows for p in parts]))
    names = (f"{p.key}/{i}" for p in parts for i in range(len(p.rows)))
    total = sum(len(p.rows) for p in parts)
    with ThreadPoolExecutor(workers) as pool:
        made = progress(_mapped(pool, one, zip(names, pictures, strict=True), 4 * workers), total, "features")
        for part in parts:
            yield part, list(islice(made, len(part.rows)))


def _mapped(
    pool: ThreadPoolExecutor, function: Callable[[Any], Any], tasks: Iterator[Any], ahead: int
) -> Iterator[Any]:
    """Yield the results in order, with at most so many tasks under way."""
    waiting = deque(pool.submit(function, task) for task in islice(tasks, ahead))
    while waiting:
        result = waiting.popleft().result()
        waiting.extend(pool.submit(function, task) for task in islice(tasks, 1))
        yield result


def statistics(grids: CachedGrids, most: int = 2000) -> dict[str, np.ndarray]:
    """Return ``<grid>_mean`` and ``<grid>_std`` (channels,) over at most so many pictures, evenly spaced."""
    numbers = np.linspace(0, len(grids.rows) - 1, min(most, len(grids.rows))).astype(int)
    found = {}
    for name, values in grids.take(numbers).items():
        found[f"{name}_mean"] = values.mean((0, 2, 3), np.float64).astype(np.float32)
        found[f"{name}_std"] = values.std((0, 2, 3), np.float64).clip(1e-3).astype(np.float32)
    return found
