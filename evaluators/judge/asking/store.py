"""Answers on disk: one line each, flushed when it comes; and a cache by content, so that nothing is paid for twice."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from crossbody.errors import RunFolderError
from crossbody.reading import Unreadable, read_bytes
from crossbody.runs import write_atomic
from evaluators.judge.asking.redact import Redactor
from evaluators.judge.questions.schema import Answer

FORMAT = 1
LARGEST_ANSWER = 16 * 2**20  # bytes


class Store:
    """The folder of a judging run: ``manifest.json``, ``answers.jsonl``, ``frames/``, and what is made of them."""

    def __init__(self, path: Path, cache: Path, redact: Redactor):
        self.path, self._cache, self._redact = path, cache, redact
        self._lock = threading.Lock()
        self._file = path / "answers.jsonl"

    def open(self, manifest: Mapping[str, Any]) -> None:
        """Make the folder, or go on with one of the same settings; other settings raise RunFolderError and are
        listed."""
        file = self.path / "manifest.json"
        if file.exists():
            self._refuse_other_settings(file, manifest)
        try:
            (self.path / "frames").mkdir(parents=True, exist_ok=True)
            write_atomic(file, self._redact(json.dumps({"format": FORMAT, **manifest}, indent=1)).encode())
            _cut_torn_line(self._file)
        except OSError as error:
            raise RunFolderError(
                f"cannot write {self.path}: {error.strerror}. Give another --out, or free the disk."
            ) from error

    def answers(self) -> list[Answer]:
        """Return every recorded answer in file order; a torn last line is left out."""
        if not self._file.exists():
            return []
        lines = self._file.read_bytes().split(b"\n")
        found = []
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                found.append(Answer.model_validate_json(line))
            except ValidationError as error:
                if number == len(lines):  # no newline after it: the process died while writing
                    break
                raise RunFolderError(
                    f"{self._file}, line {number} is not an answer. Remove that line to ask again."
                ) from error
        return found

    def latest(self) -> dict[str, Answer]:
        """Return key -> the last answer to each question."""
        return {a.key: a for a in self.answers()}

    def add(self, answer: Answer) -> Answer:
        """Write an answer, without keys, to the folder and (when it came from a judge just now) to the cache."""
        clean = Answer.model_validate_json(self._redact(answer.model_dump_json()))
        with self._lock:
            try:
                with self._file.open("ab") as out:
                    out.write(clean.model_dump_json().encode() + b"\n")
                    out.flush()
                    os.fsync(out.fileno())
                if clean.final and not clean.cached:
                    _write_private(self._cached_file(clean.key), clean.model_dump_json().encode())
            except OSError as error:
                raise RunFolderError(
                    f"cannot write {self._file}: {error.strerror}. Every answer so far is kept; free the disk "
                    "and start again."
                ) from error
        return clean

    def cached(self, key: str) -> Answer | None:
        """Return the answer that an earlier run got to the same question, or None."""
        try:
            answer = Answer.model_validate_json(read_bytes(self._cached_file(key), LARGEST_ANSWER))
        except (OSError, Unreadable, ValidationError):
            return None
        return answer if answer.key == key and answer.final else None

    def picture(self, name: str, content: bytes) -> None:
        """Keep a frame that is sent."""
        file = self.path / "frames" / name
        with self._lock:
            if not file.exists():
                part = file.with_suffix(".part")  # no fsync: a lost frame is written again, and there are many
                part.write_bytes(content)
                part.replace(file)

    def write(self, name: str, text: str) -> None:
        """Write one of the files made from the answers."""
        write_atomic(self.path / name, self._redact(text).encode())

    def _cached_file(self, key: str) -> Path:
        return self._cache / key[:2] / f"{key}.json"

    def _refuse_other_settings(self, file: Path, manifest: Mapping[str, Any]) -> None:
        try:
            before = json.loads(file.read_text())["settings"]
        except (OSError, json.JSONDecodeError, KeyError, TypeError) as error:
            raise RunFolderError(f"{file} cannot be read ({error}); give another --out.") from error
        now = json.loads(self._redact(json.dumps(manifest["settings"])))
        changed = [
            f"{k}: {before.get(k)} before, {now.get(k)} now" for k in {**before, **now} if before.get(k) != now.get(k)
        ]
        if changed:
            raise RunFolderError(
                f"{self.path} was judged with other settings; answers to both cannot be pooled. Give another --out.\n  "
                + "\n  ".join(changed)
            )


def _write_private(file: Path, content: bytes) -> None:
    """Write a file that only its owner can read: other users of the machine have no business with the answers."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.parent.chmod(0o700)
    write_atomic(file, content)
    file.chmod(0o600)


def _cut_torn_line(file: Path) -> None:
    content = file.read_bytes() if file.exists() else b""
    if content and not content.endswith(b"\n"):
        with file.open("rb+") as out:
            out.truncate(content.rfind(b"\n") + 1)
