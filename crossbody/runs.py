"""A run folder: what it holds and how it is read and written. Everything about a run is in its files."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crossbody.contracts import EpisodeRow, EpisodeSpec, RunProtocol, TaskSpec
from crossbody.errors import RunFolderError

if TYPE_CHECKING:
    import numpy as np

FORMAT = 1


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
    def from_json(data: Mapping[str, Any]) -> Manifest:
        """Return the manifest; one of another format raises RunFolderError."""
        if data.get("format") != FORMAT:
            raise RunFolderError(
                f"this run folder has format {data.get('format')}; this version reads format {FORMAT}. Use the version that wrote it ({data.get('packages', {}).get('crossbody', 'unknown')})."
            )
        tasks = {t["name"]: TaskSpec(**t) for t in data["tasks"]}
        fields = {f.name: data[f.name] for f in dataclasses.fields(Manifest)}
        fields["protocol"] = RunProtocol(**data["protocol"])
        fields["episodes"] = tuple(EpisodeSpec(tasks[name], index, seed) for name, index, seed in data["episodes"])
        fields["command"] = tuple(data["command"])
        return Manifest(**fields)


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
                f"{self.path} already holds a run. Continue it with `uv run crossbody resume {self.path}`, or give another --out."
            )

    def manifest(self) -> Manifest:
        """Return the manifest; a folder without one, or with a broken one, raises RunFolderError."""
        file = self.path / "manifest.json"
        try:
            return Manifest.from_json(json.loads(file.read_text()))
        except FileNotFoundError:
            raise RunFolderError(
                f"{self.path} is not a run folder: it has no manifest.json. Runs are listed by `ls runs`."
            ) from None
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise RunFolderError(f"{file} cannot be read ({error}); the run must be started anew.") from error

    def attempts(self) -> list[EpisodeRow]:
        """Return every recorded attempt in file order. A torn last line (the process died while writing) is left out."""
        file = self.path / "episodes.jsonl"
        if not file.exists():
            return []
        lines = file.read_bytes().split(b"\n")
        rows = []
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                rows.append(EpisodeRow(**json.loads(line)))
            except (json.JSONDecodeError, TypeError, UnicodeDecodeError) as error:
                if number == len(lines):  # no newline after it: torn
                    break
                raise RunFolderError(
                    f"{file}, line {number} is not an episode row ({error}). Remove that line to run the episode again."
                ) from error
        return rows

    def final_rows(self) -> dict[str, EpisodeRow]:
        """Return episode id -> its last attempt, in the queue's order; episodes without an attempt are absent."""
        last = {row.episode: row for row in self.attempts()}
        return {e.id: last[e.id] for e in self.manifest().episodes if e.id in last}

    def append(self, row: EpisodeRow) -> None:
        """Write one row and flush it to the disk; a torn last line of an earlier process is cut off first."""
        file = self.path / "episodes.jsonl"
        try:
            _cut_torn_line(file)
            with file.open("ab") as out:
                out.write(json.dumps(dataclasses.asdict(row), allow_nan=False).encode() + b"\n")
                out.flush()
                os.fsync(out.fileno())
        except OSError as error:
            raise RunFolderError(
                f"cannot write {file}: {error.strerror}. Nothing recorded is lost; free the disk and `uv run crossbody resume {self.path}`."
            ) from error

    def trace_file(self, episode: str, attempt: int = 1) -> Path:
        """Return the path of an attempt's trace."""
        return self.path / "traces" / f"{episode.replace('/', '-')}-{attempt}.npz"

    def scene_file(self, episode: str) -> Path:
        """Return the path of an episode's scene manifest."""
        return self.path / "scenes" / f"{episode.replace('/', '-')}.json"

    def video_file(self, episode: str, attempt: int = 1) -> Path:
        """Return the path of an attempt's video."""
        return self.path / "video" / f"{episode.replace('/', '-')}-{attempt}.mp4"


def write_atomic(file: Path, content: bytes) -> None:
    """Write a file so that it is either complete or absent, whatever happens."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    with part.open("wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    part.replace(file)


def save_trace(file: Path, success: Iterable[bool], signals: Mapping[str, np.ndarray]) -> str:
    """Write a trace and return its digest: the success bit of every control step and named arrays (steps, …)."""
    import hashlib
    import io

    import numpy as np

    arrays = {
        "success": np.asarray(list(success), dtype=bool),
        **{f"signal.{k}": np.asarray(v) for k, v in signals.items()},
    }
    sha = hashlib.sha256()
    for name in sorted(arrays):
        a = np.ascontiguousarray(arrays[name])
        sha.update(f"{name} {a.dtype.str} {a.shape}".encode() + a.tobytes())
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    write_atomic(file, buffer.getvalue())
    return sha.hexdigest()[:16]


def load_trace(file: Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return (success bits (steps,), signals) of a trace file."""
    import numpy as np

    with np.load(file, allow_pickle=False) as data:
        return data["success"], {k.removeprefix("signal."): data[k] for k in data.files if k.startswith("signal.")}


def judge(success: np.ndarray, rule: str, chunk: int) -> bool:
    """Return whether the success bits (steps,) of an episode count as a success under a rule.

    ``any_step``: any bit. ``chunk_end``: any bit at the last step of a chunk, the last chunk being cut where the
    episode ends. ``final``: the last bit. An episode without a step is a failure.
    """
    if len(success) == 0:
        return False
    if rule == "any_step":
        return bool(success.any())
    if rule == "chunk_end":
        return bool(success[chunk - 1 :: chunk].any() or success[-1])
    return bool(success[-1])


def _cut_torn_line(file: Path) -> None:
    if not file.exists() or file.stat().st_size == 0:
        return
    with file.open("rb+") as out:
        out.seek(-1, os.SEEK_END)
        if out.read(1) != b"\n":
            content = file.read_bytes()
            out.truncate(content.rfind(b"\n") + 1)
