"""The canonical scenes: the starts that everybody meets, shipped as data in ``starts/``.

Scene ``index`` of a task is the one that seed 0 draws, with its objects settled once and for all: positions are rounded
to a grid of 2^-24 (m, rad), velocities to one of 2^-16 (m/s, rad/s), and the solver starts from zero. Both grids are
exact in float64, so a start is the same to the last bit on every machine. ``crossbody scenes make`` makes the data.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from crossbody.contracts import digest
from crossbody.runs import write_atomic
from envs.robocasa.state import SceneMismatch, State

FOLDER = Path(__file__).parent / "starts"
INDEX = "index.json"
VERSION = 1
RUN_SEED = 0
POSITION, SPEED = 2.0**-24, 2.0**-16
CONTROLS = 39  # actuators of the GR1 with its hands: the same in every scene


class Start(NamedTuple):
    """One canonical scene: the seed that draws its model, the model's digest,
    and positions and velocities on the grid."""

    seed: int
    model: str
    qpos: np.ndarray
    qvel: np.ndarray

    def state(self) -> State:
        """Return the state in which an episode begins."""
        return State.at_rest(self.qpos, self.qvel, CONTROLS)


def start(task: str, index: int) -> Start | None:
    """Return a task's canonical scene; None beyond those that there are. A damaged file raises SceneMismatch."""
    known = starts(task)
    return known[index] if index < len(known) else None


@functools.lru_cache(maxsize=4)
def starts(task: str, folder: Path = FOLDER) -> list[Start]:
    """Return all canonical scenes of a task."""
    recorded = read_index(folder)["tasks"].get(task)
    if recorded is None:
        raise SceneMismatch(f"there are no canonical scenes of {task}. Give --scenes fresh.")
    content = (folder / f"{task}.npz").read_bytes()
    if hashlib.sha256(content).hexdigest() != recorded["sha256"]:
        raise SceneMismatch(f"{folder / task}.npz is damaged: its digest is not the one in {INDEX}. Install it again.")
    return decode(content)


@functools.cache
def read_index(folder: Path = FOLDER) -> dict[str, Any]:
    """Return what the data are: format, asset pack, versions, and of each task its file's digest and number of
    scenes."""
    try:
        return json.loads((folder / INDEX).read_text(encoding="utf8"))
    except FileNotFoundError:
        raise SceneMismatch(f"there are no canonical scenes in {folder}. Give --scenes fresh.") from None


def fingerprint(folder: Path = FOLDER) -> str:
    """Return what stands in a protocol for the canonical scenes: name, format and digest of all of them."""
    return f"canonical {VERSION} {digest(read_index(folder)['tasks'])}"


def check_pack(sha256: str) -> None:
    """Raise SceneMismatch unless the canonical scenes were made with this asset pack."""
    made = read_index()["assets"]
    if made["sha256"] != sha256:
        raise SceneMismatch(
            f"the canonical scenes were made with asset pack {made['name']} {made['sha256'][:16]}, this is "
            f"{sha256[:16]}. "
            "Give --scenes fresh."
        )


def on_grid(values: np.ndarray, step: float) -> np.ndarray:
    """Return the values rounded to multiples of a power of two, which float64 holds exactly."""
    return np.round(np.asarray(values, dtype=float) / step) * step


def encode(found: Sequence[Start]) -> bytes:
    """Return the content of a task's file. Numbers are cut into byte planes, which compress better;
    nothing is pickled."""
    arrays = {
        "seed": np.array([s.seed for s in found], np.uint32),
        "model": np.array([int(s.model, 16) for s in found], np.uint64),
        "sizes": np.array([[len(s.qpos), len(s.qvel)] for s in found], np.uint8),
        "qpos": _planes(np.concatenate([s.qpos for s in found]) / POSITION),
        "qvel": _planes(np.concatenate([s.qvel for s in found]) / SPEED),
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def decode(content: bytes) -> list[Start]:
    """Return the scenes of a task's file."""
    with np.load(io.BytesIO(content), allow_pickle=False) as data:
        seeds, models, sizes = data["seed"].tolist(), data["model"].tolist(), data["sizes"].astype(int)
        qpos, qvel = _numbers(data["qpos"]) * POSITION, _numbers(data["qvel"]) * SPEED
    ends = np.cumsum(sizes, axis=0)
    parts = zip(np.split(qpos, ends[:-1, 0]), np.split(qvel, ends[:-1, 1]), strict=True)
    return [Start(s, f"{m:016x}", q, v) for s, m, (q, v) in zip(seeds, models, parts, strict=True)]


def write(folder: Path, task: str, found: Sequence[Start], made: dict[str, Any]) -> None:
    """Write a task's file and its line in the index; ``made`` says with which pack and versions."""
    content = encode(found)
    write_atomic(folder / f"{task}.npz", content)
    file = folder / INDEX
    index: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {"tasks": {}}
    index = {**index, "format": VERSION, **made}
    index["tasks"] = dict(
        sorted({**index["tasks"], task: {"scenes": len(found), "sha256": hashlib.sha256(content).hexdigest()}}.items())
    )
    write_atomic(file, (json.dumps(index, indent=1) + "\n").encode())


def _planes(numbers: np.ndarray) -> np.ndarray:
    """Return whole numbers as (4, n) bytes, the signs folded into the lowest bit."""
    whole = np.round(numbers).astype(np.int64)
    if np.abs(whole).max(initial=0) >= 2**31:
        raise SceneMismatch("a scene has a position or a velocity beyond what the format holds")
    folded = np.where(whole < 0, -2 * whole - 1, 2 * whole).astype("<u4")
    return folded.view(np.uint8).reshape(-1, 4).T


def _numbers(planes: np.ndarray) -> np.ndarray:
    folded = np.ascontiguousarray(planes.T).view("<u4").ravel().astype(np.int64)
    return np.where(folded & 1, -(folded + 1) // 2, folded // 2).astype(float)
