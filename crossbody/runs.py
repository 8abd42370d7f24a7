"""A run folder: what it holds and how it is read and written. Everything about a run is in its files."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crossbody.contracts import SUCCESS_RULES, EpisodeRow, EpisodeSpec, RunProtocol, TaskSpec
from crossbody.errors import RunFolderError
from crossbody.reading import Unreadable, read_json, typed
from crossbody.rows import append_row, read_rows
from crossbody.traces import DamagedTrace as DamagedTrace
from crossbody.traces import check_trace
from crossbody.traces import judge as judge
from crossbody.traces import load_trace as load_trace
from crossbody.traces import save_trace as save_trace

if TYPE_CHECKING:
    import numpy as np

FORMAT = 1
LARGEST_MANIFEST = 1 << 28
LONGEST_NAME = 200
"""Characters of a task's name, which becomes part of the names of files."""


@dataclasses.dataclass(frozen=True)
class Manifest:
    """Everything needed to run it again: ``manifest.json``."""

    command: tuple[str, ...]  # as typed
    created: str  # ISO 8601, UTC
    agent: str
    agent_options: Mapping[str, Any]
    agent_card: Mapping[str, Any]  # weights hash, pre-training data, …; empty for agents without weights
    suite: str
    suite_title: str
    suite_source: str
    protocol: RunProtocol
    protocol_hash: str
    environment: Mapping[str, Any]  # render preset (``look``), asset pack and hash, patches, PYTHONHASHSEED
    seed: int
    episodes: tuple[EpisodeSpec, ...]  # the queue
    host: Mapping[str, Any]
    packages: Mapping[str, str]
    git: str  # commit, with + when the tree had changes; '' outside a checkout
    format: int = FORMAT

    def to_json(self) -> dict[str, Any]:
        """Return plain data; tasks stand once, episodes refer to them by name."""
        data = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        data["protocol"] = dataclasses.asdict(self.protocol)
        data["tasks"] = list({e.task.name: dataclasses.asdict(e.task) for e in self.episodes}.values())
        data["episodes"] = [[e.task.name, e.index, e.seed] for e in self.episodes]
        return data

    @staticmethod
    def from_json(data: Any) -> Manifest:
        """Return the manifest; one of another format raises RunFolderError, one that is damaged Unreadable."""
        data = typed(Mapping[str, Any], data, "the manifest")
        if data.get("format") != FORMAT:
            packages = data.get("packages")
            version = packages.get("crossbody", "unknown") if isinstance(packages, dict) else "unknown"
            raise RunFolderError(
                f"this run folder has format {data.get('format')}; this version reads format {FORMAT}. "
                f"Use the version that wrote it ({version})."
            )
        tasks = {task.name: task for task in typed(tuple[TaskSpec, ...], data.get("tasks"), "tasks")}
        queue = typed(tuple[tuple[Any, ...], ...], data.get("episodes"), "episodes")
        episodes = tuple(_episode(tasks, entry, f"episodes[{i}]") for i, entry in enumerate(queue))
        plain = {k: v for k, v in data.items() if k not in ("tasks", "episodes")}
        manifest = dataclasses.replace(typed(Manifest, plain | {"episodes": []}), episodes=episodes)
        _check(manifest)
        return manifest


class RunFolder:
    """``manifest.json``, ``episodes.jsonl``, ``traces/``, ``scenes/``, ``video/``, tables and ``report.html``."""

    def __init__(self, path: Path | str):
        self.path = Path(path)

    @staticmethod
    def create(path: Path | str, manifest: Manifest) -> RunFolder:
        """Make the folder; one that already holds a run raises RunFolderError."""
        folder = RunFolder(path)
        folder.refuse_existing()
        try:
            for name in ("traces", "scenes", "video"):
                (folder.path / name).mkdir(parents=True, exist_ok=True)
            write_atomic(folder.path / "manifest.json", json.dumps(manifest.to_json(), indent=1).encode())
        except OSError as error:
            raise RunFolderError(
                f"cannot write the run folder {folder.path}: {error.strerror}. Give another --out, or free the disk."
            ) from error
        return folder

    def refuse_existing(self) -> None:
        """Raise RunFolderError when the folder already holds a run."""
        if (self.path / "manifest.json").exists():
            raise RunFolderError(
                f"{self.path} already holds a run. Continue it with `uv run crossbody resume {self.path}`, or "
                "give another --out."
            )

    def manifest(self) -> Manifest:
        """Return the manifest; a folder without one, or with a broken one, raises RunFolderError."""
        file = self.path / "manifest.json"
        try:
            return Manifest.from_json(read_json(file, LARGEST_MANIFEST))
        except FileNotFoundError:
            raise RunFolderError(
                f"{self.path} is not a run folder: it has no manifest.json. Runs are listed by `ls runs`."
            ) from None
        except Unreadable as error:
            raise RunFolderError(f"{file} cannot be read: {error}. The run must be started anew.") from error

    def attempts(self) -> list[EpisodeRow]:
        """Return every recorded attempt in file order; see ``rows.read_rows``."""
        return read_rows(self.path / "episodes.jsonl")

    def final_rows(self) -> dict[str, EpisodeRow]:
        """Return episode id -> its last attempt, in the queue's order; episodes without an attempt are absent."""
        return final_rows(self.manifest(), self.attempts())

    def append(self, row: EpisodeRow) -> None:
        """Write one row and flush it to the disk; the end that an earlier process left is mended first."""
        file = self.path / "episodes.jsonl"
        try:
            append_row(file, row)
        except OSError as error:
            raise RunFolderError(
                f"cannot write {file}: {error.strerror}. Nothing recorded is lost; free the disk and `uv run "
                f"crossbody resume {self.path}`."
            ) from error

    def trace(self, row: EpisodeRow, protocol: RunProtocol) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Return (success bits (steps,), signals) of an attempt; DamagedTrace unless they bear its row out."""
        return check_trace(self.trace_file(row.episode, row.attempt), row, protocol)

    def files(self, kind: str) -> list[Path]:
        """Return the files of ``traces``, ``scenes`` or ``video``; a link or a pipe among them raises
        RunFolderError."""
        folder = self.path / kind
        found = [f for f in sorted(folder.iterdir()) if not f.name.startswith(".")] if folder.is_dir() else []
        for file in (folder, *found):
            if file.is_symlink() or (file != folder and not file.is_file()):
                raise RunFolderError(
                    f"{file} is a link, a pipe or a folder, which no run makes. Put what it leads to in its "
                    "place, or remove it."
                )
        return found

    def leftovers(self, kind: str = "") -> list[Path]:
        """Return the files that a killed process was writing in the folder, or in ``traces``,
        ``scenes`` or ``video``."""
        folder = self.path / kind
        return [] if folder.is_symlink() and kind else [f for f in folder.glob(".*.part*") if f.is_file()]

    def trace_file(self, episode: str, attempt: int = 1) -> Path:
        """Return the path of an attempt's trace."""
        return self.path / "traces" / f"{episode.replace('/', '-')}-{attempt}.npz"

    def scene_file(self, episode: str) -> Path:
        """Return the path of an episode's scene manifest."""
        return self.path / "scenes" / f"{episode.replace('/', '-')}.json"

    def video_file(self, episode: str, attempt: int = 1) -> Path:
        """Return the path of an attempt's video."""
        return self.path / "video" / f"{episode.replace('/', '-')}-{attempt}.mp4"


def final_rows(manifest: Manifest, attempts: Iterable[EpisodeRow]) -> dict[str, EpisodeRow]:
    """Return episode id -> its last attempt, in the queue's order;
    a row that is of no episode of the queue raises RunFolderError."""
    queue = {e.id: e for e in manifest.episodes}
    last: dict[str, EpisodeRow] = {}
    for row in attempts:
        spec = queue.get(row.episode)
        if spec is None or row.seed != spec.seed:
            what = f"its seed is {spec.seed}, not {row.seed}" if spec else "its queue has no such episode"
            raise RunFolderError(
                f"episodes.jsonl has a row of {row.episode} that is not of the run in manifest.json: {what}. "
                "Put the two files of one run together again."
            )
        last[row.episode] = row
    return {name: last[name] for name in queue if name in last}


def write_atomic(file: Path, content: bytes) -> None:
    """Write a file so that it is either complete or absent, whatever happens."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        part.replace(file)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def _episode(tasks: Mapping[str, TaskSpec], entry: tuple[Any, ...], place: str) -> EpisodeSpec:
    if len(entry) != 3:
        raise Unreadable(f"{place} has {len(entry)} values, not task, index and seed")
    name, index, seed = (typed(kind, v, place) for kind, v in zip((str, int, int), entry, strict=True))
    if name not in tasks:
        raise Unreadable(f"{place} is of the task {name[:LONGEST_NAME]}, which is not among its tasks")
    return EpisodeSpec(tasks[name], index, seed)


def _check(manifest: Manifest) -> None:
    """Raise Unreadable for what no run can have written, where somebody would stumble over it later."""
    p = manifest.protocol
    if p.success_rule not in SUCCESS_RULES or min(p.max_steps, p.chunk, p.episodes_per_task) < 1:
        raise Unreadable("protocol has an unknown success rule, or a number below 1")
    if not manifest.episodes:
        raise Unreadable("its queue has no episode")
    names = [e.id for e in manifest.episodes]
    if len(set(names)) < len(names) or min(min(e.index, e.seed) for e in manifest.episodes) < 0:
        raise Unreadable("its queue has an episode twice, or a negative index or seed")
    if wrong := next((n for n in (*names, manifest.suite) if len(n) > LONGEST_NAME or "\0" in n), ""):
        raise Unreadable(f"the name {wrong[:40]}… is longer than {LONGEST_NAME} characters")
    if typed(float, manifest.environment.get("control_hz", 0), "environment.control_hz") < 0:
        raise Unreadable("environment.control_hz is negative")
