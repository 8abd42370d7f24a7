"""Pairs files: JSON lines or CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from crossbody.errors import CrossbodyError
from crossbody.reading import Unreadable, parse_json, read_bytes
from evaluators.judge.questions.schema import Pair

LARGEST_FILE = 64 * 2**20  # bytes


def read_pairs(file: Path) -> list[Pair]:
    """Return the pairs of a .jsonl or .csv file, paths made relative to the file's folder.

    Raises CrossbodyError for a file that is absent, empty or of another kind, a line that is no pair, and an id used
    twice."""
    if file.suffix not in (".jsonl", ".csv"):
        raise CrossbodyError(f"--pairs {file}: expected a .jsonl or .csv file, or the word builtin")
    try:
        text = read_bytes(file, LARGEST_FILE).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CrossbodyError(f"the pairs file {file} cannot be read: {error}") from error
    except Unreadable as error:
        raise CrossbodyError(f"the pairs file {file} {error}") from error
    pairs: dict[str, Pair] = {}
    for number, fields in _jsonl(file, text) if file.suffix == ".jsonl" else _csv(text):
        pair = _pair(file, number, fields)
        if pair.id in pairs:
            raise CrossbodyError(f"{file}, line {number}: the id '{pair.id}' is used twice; every pair needs its own")
        pairs[pair.id] = pair
    if not pairs:
        raise CrossbodyError(f"{file} has no pairs; each line needs id, reference and generated")
    return list(pairs.values())


def _pair(file: Path, number: int, fields: object) -> Pair:
    try:
        pair = Pair.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the line"
        raise CrossbodyError(
            f"{file}, line {number}: {where}: {first['msg']}. Fields: {', '.join(Pair.model_fields)} (the "
            "first three are needed)."
        ) from error
    folder = file.parent
    return pair.model_copy(
        update={"reference": str(folder / pair.reference), "generated": str(folder / pair.generated)}
    )


def _jsonl(file: Path, text: str) -> Iterator[tuple[int, object]]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                yield number, parse_json(line)
            except Unreadable as error:
                raise CrossbodyError(f"{file}, line {number} {error}") from error


def _csv(text: str) -> Iterator[tuple[int, object]]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    for row in reader:
        # A short line leaves None, a long one a list under the key None: the schema refuses both by name.
        yield reader.line_num, {("extra columns" if k is None else k): v for k, v in row.items()}
