"""Frozen features of pictures, computed once and kept on the disk, so that training on a CPU never waits for a network."""

from __future__ import annotations

import ctypes
import fcntl
import json
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from agents.unit.config import Visual
from agents.unit.visual import load_visual, tensor_of
from crossbody.contracts import digest
from crossbody.extras import cache_folder
from crossbody.runs import write_atomic
from crossbody.seeds import generator
from training.augment import jitter
from training.data.chunks import Chunks
from training.show import progress

FEATURES_VERSION = 1
JITTERED = 0.7  # share of the pictures that are seen under other light
SAVE_EVERY = 500  # pictures between notes of how far it is
MALLOPT_TRIM, MALLOPT_MMAP = -1, -3


@dataclass(frozen=True)
class GridFile:
    """The grids of some rows of a data set: float16 (pictures, …) per grid, memory-mapped."""

    rows: np.ndarray  # (pictures,) int64, ascending
    grids: dict[str, np.ndarray]

    def at(self, rows: np.ndarray, names: tuple[str, ...] | None = None) -> dict[str, np.ndarray]:
        """Return grid -> float32 (n, C, rows, columns) of the pictures nearest to these rows of the data set."""
        numbers = self.nearest(rows)
        return {name: np.asarray(self.grids[name][numbers], np.float32) for name in names or self.grids}

    def nearest(self, rows: np.ndarray) -> np.ndarray:
        """Return the numbers of the pictures that are nearest to these rows."""
        right = np.searchsorted(self.rows, rows).clip(0, len(self.rows) - 1)
        left = (right - 1).clip(0)
        return np.where(rows - self.rows[left] < self.rows[right] - rows, left, right)


def grid_shapes(visual: Visual) -> dict[str, tuple[int, int, int]]:
    """Return grid -> (channels, rows, columns)."""
    shapes = {"coarse": (visual.width, visual.rows, visual.columns)}
    return shapes | ({"fine": (visual.fine_width, 2 * visual.rows, 2 * visual.columns)} if visual.fine_width else {})


def cached_grids(chunks: Chunks, rows: np.ndarray, visual: Visual, seed: int, workers: int = 2) -> GridFile:
    """Return the grids of these rows' pictures, from the cache or computed now; a computation that was cut off goes on.

    Each picture is jittered by a generator of its own, so the result depends on neither order nor workers.
    """
    key = {"data": chunks.fingerprint(), "rows": digest(rows.tolist()), "visual": vars(visual), "seed": seed}
    folder = cache_folder() / "features" / digest(key | {"version": FEATURES_VERSION})
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder):
        files = {n: _open(folder / f"{n}.f16", (len(rows), *shape)) for n, shape in grid_shapes(visual).items()}
        note = folder / "done.json"
        done = json.loads(note.read_text())["pictures"] if note.exists() else 0
        pictures = chunks.pictures(rows[done:]) if done < len(rows) else iter(())
        for i, grids in enumerate(_compute(pictures, rows[done:], visual, seed, workers), done + 1):
            for name, file in files.items():
                file[i - 1] = grids[name]
            if i % SAVE_EVERY == 0 or i == len(rows):
                for file in files.values():
                    file.flush()
                write_atomic(note, json.dumps({"pictures": i, "of": len(rows)} | key).encode())
    return GridFile(rows, dict(files))


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
    pictures: Iterator[np.ndarray], rows: np.ndarray, visual: Visual, seed: int, workers: int
) -> Iterator[dict[str, np.ndarray]]:
    """Yield each picture's grids in order. Several single-threaded networks beat one with several threads."""
    if not len(rows):
        return
    keep_memory()
    torch.set_num_threads(1)
    network = load_visual(visual)

    def one(task: tuple[int, np.ndarray]) -> dict[str, np.ndarray]:
        row, picture = task
        random = generator(seed, f"jitter/{row}")
        shown = jitter(picture, random) if random.uniform() < JITTERED else picture
        return {n: g[0].numpy().astype(np.float16) for n, g in network(tensor_of(shown[None])).items()}

    tasks = zip(rows.tolist(), pictures, strict=True)
    with ThreadPoolExecutor(workers) as pool:
        for batch in progress(_batches(tasks, 4 * workers), -(-len(rows) // (4 * workers)), "features"):
            yield from pool.map(one, batch)


def _batches(items: Any, size: int) -> Iterator[Sequence[Any]]:
    batch = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def statistics(grids: GridFile, most: int = 2000) -> dict[str, np.ndarray]:
    """Return ``<grid>_mean`` and ``<grid>_std`` (channels,) over at most so many pictures, evenly spaced."""
    numbers = np.linspace(0, len(grids.rows) - 1, min(most, len(grids.rows))).astype(int)
    found = {}
    for name, grid in grids.grids.items():
        values = np.asarray(grid[numbers], np.float64)
        found[f"{name}_mean"] = values.mean((0, 2, 3)).astype(np.float32)
        found[f"{name}_std"] = values.std((0, 2, 3)).clip(1e-3).astype(np.float32)
    return found


def keep_memory() -> None:
    """Tell glibc to keep freed memory: where page faults are dear, a network is twenty times slower without this."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        if hasattr(libc, "mallopt"):
            libc.mallopt(MALLOPT_MMAP, 32 << 20)
            libc.mallopt(MALLOPT_TRIM, 2**31 - 1)


def _open(file: Path, shape: tuple[int, ...]) -> np.ndarray:
    if not file.exists():
        return np.lib.format.open_memmap(file, mode="w+", dtype=np.float16, shape=shape)
    return np.lib.format.open_memmap(file, mode="r+")
