"""``episodes.jsonl``: one line per attempt, checked when it is read and flushed when it is written."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from crossbody.contracts import EpisodeRow
from crossbody.errors import RunFolderError
from crossbody.reading import Unreadable, parse_json, typed
from crossbody.texts import one_line

LONGEST_LINE = 1 << 20
"""Bytes. An error text is cut when it is recorded, so no row of ours comes near."""

LARGEST_FILE = 1 << 30
AGAIN = "Remove that line to run the episode again."


def read_rows(file: Path) -> list[EpisodeRow]:
    """Return every recorded attempt in file order; a line that is no row of an attempt raises RunFolderError.

    A last line that the process died in the middle of is left out; one that only lacks its newline counts.
    """
    rows: list[EpisodeRow] = []
    last: dict[str, tuple[int, EpisodeRow]] = {}  # episode -> the line and the row of its last attempt so far
    for number, line in _lines(file):
        try:
            row = _row(line)
        except Unreadable as error:
            if not line.endswith(b"\n"):
                break
            raise RunFolderError(f"{file}, line {number} is not an episode row: {error}. {AGAIN}") from error
        if row.episode in last:
            _check_order(f"{file}, line {number}", row, *last[row.episode])
        last[row.episode] = number, row
        rows.append(row)
    return rows


def append_row(file: Path, row: EpisodeRow) -> None:
    """Write one row and flush it to the disk; the end of the file is mended first. Raises OSError."""
    _mend_end(file)
    with file.open("ab") as out:
        out.write(line_of(row))
        out.flush()
        os.fsync(out.fileno())


def line_of(row: EpisodeRow) -> bytes:
    """Return the row as a line of the file."""
    return json.dumps(dataclasses.asdict(row), allow_nan=False).encode() + b"\n"


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(_raw_lines(file), 1):
        if len(line) > LONGEST_LINE:
            raise RunFolderError(
                f"{file}, line {number} is longer than {LONGEST_LINE:,} bytes, so it is not an episode row. {AGAIN}"
            )
        if line.strip():
            yield number, line


def _raw_lines(file: Path) -> Iterable[bytes]:
    try:
        if not file.is_file():
            if os.path.lexists(file):
                raise RunFolderError(
                    f"{file} is not a file but a folder, a pipe or a broken link. Put the rows back there."
                )
            return
        if file.stat().st_size > LARGEST_FILE:
            raise RunFolderError(f"{file} has more than {LARGEST_FILE:,} bytes, so it is not a list of episode rows.")
        with file.open("rb") as source:
            if source.read(3) != b"\xef\xbb\xbf":  # a byte order mark, as some editors write it
                source.seek(0)
            while line := source.readline(LONGEST_LINE + 1):
                yield line
    except OSError as error:
        raise RunFolderError(f"{file} cannot be read: {error.strerror}. Make it readable, or copy the run.") from error


def _row(line: bytes) -> EpisodeRow:
    row = typed(EpisodeRow, parse_json(line))
    if wrong := _contradiction(row):
        raise Unreadable(wrong)
    return dataclasses.replace(row, error=one_line(row.error))


def _contradiction(row: EpisodeRow) -> str:
    """Return what a row says that no attempt can be, or ''."""
    if (row.status == "ok") != (row.success is not None):
        return f"status is {row.status}, but success is {json.dumps(row.success)}"
    if row.episode != f"{row.task}/{row.index:04d}":
        return (
            f"episode is {one_line(row.episode, 60)}, but task and index are {one_line(row.task, 60)} and {row.index}"
        )
    low = {
        "index": (row.index, 0),
        "attempt": (row.attempt, 1),
        "steps": (row.steps, 0),
        "elapsed_s": (row.elapsed_s, 0),
    }
    for name, (value, least) in low.items():
        if value < least:
            return f"{name} is {value}, below {least}"
    first = row.first_success_step
    if row.status == "ok" and first is not None and not 1 <= first <= row.steps:
        return f"first_success_step is {first} of {row.steps} steps"
    return ""


def _check_order(place: str, row: EpisodeRow, number: int, before: EpisodeRow) -> None:
    """Raise RunFolderError unless a row may follow the last attempt of its episode: one without an outcome,
    and earlier."""
    if before.status != "ok" and before.attempt < row.attempt:
        return
    outcome = ", which has an outcome" if before.status == "ok" else ""
    raise RunFolderError(
        f"{place} is attempt {row.attempt} of {row.episode}, but line {number} is its attempt "
        f"{before.attempt}{outcome}. "
        "Remove the line that no run has recorded."
    )


def _mend_end(file: Path) -> None:
    """Give a last row that only lacks its newline one; cut off a line that a process died in the middle of."""
    if not file.exists() or file.stat().st_size == 0:
        return
    with file.open("rb+") as out:
        start = max(0, out.seek(0, os.SEEK_END) - LONGEST_LINE)
        out.seek(start)
        head, newline, last = out.read().rpartition(b"\n")
        if not last:
            return
        try:
            _row(last)
            out.seek(0, os.SEEK_END)
            out.write(b"\n")
        except Unreadable:
            out.truncate(start + len(head) + len(newline))
