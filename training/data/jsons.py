"""JSON of strangers: read with a bound, as UTF-8 with or without a mark in front,
and told in one sentence where it is broken."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from training.data.layout import DataError
from training.data.paths import regular

MAX_BYTES = 512 * 2**20
MAX_DEPTH = 100
MAX_INTEGER = 2**63


def read_json(file: Path) -> dict[str, Any]:
    """Return the object in a file; anything else raises DataError."""
    return parse(_text(file), str(file))


def read_lines(file: Path) -> list[dict[str, Any]]:
    """Return the objects in a file of JSON lines; blank lines count for nothing, a broken one raises DataError."""
    lines = _text(file).split("\n")  # not splitlines(): U+2028 may stand inside a text
    return [parse(line, f"{file} line {number}") for number, line in enumerate(lines, 1) if line.strip()]


def parse(text: str, where: str) -> dict[str, Any]:
    """Return the object in a text; ``where`` names it in the DataError for anything else."""
    try:
        found = json.loads(text, object_pairs_hook=_unique)
        _bounded(found)
    except RecursionError:
        raise DataError(f"{where} is nested deeper than {MAX_DEPTH} levels") from None
    except ValueError as error:
        raise DataError(f"{where} is not JSON ({str(error)[:120]})") from error
    if not isinstance(found, dict):
        raise DataError(f"{where} holds a {type(found).__name__}, expected an object in braces")
    return found


def field(
    content: dict[str, Any], key: str, check: Callable[[Any], bool], expected: str, where: object, default: Any = None
) -> Any:
    """Return a field of an object, or ``default`` where it is absent and a default is given;
    a wrong one raises DataError."""
    value = content.get(key, default)
    if not check(value):
        given = f"is {short(value)}" if key in content else "is missing"
        raise DataError(f"{where}: {key} {given}; expected {expected}")
    return value


def short(value: Any) -> str:
    """Return the beginning of a value as it stands in the file."""
    return json.dumps(value, default=str)[:60]


def whole(value: Any) -> bool:
    """Return whether a value is a whole number from 0 on."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MAX_INTEGER


def is_text(value: Any) -> bool:
    """Return whether a value is a text that can be written as UTF-8."""
    return isinstance(value, str) and not any("\ud800" <= c <= "\udfff" for c in value)


def _text(file: Path) -> str:
    size = regular(file).stat().st_size
    if size > MAX_BYTES:
        raise DataError(f"{file} has {size} bytes; this reads up to {MAX_BYTES}")
    try:
        return file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is not UTF-8 text ({error.reason} at byte {error.start})") from error
    except OSError as error:
        raise DataError(f"{file} cannot be read ({error.strerror})") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {next(k for k in keys if keys.count(k) > 1)[:60]!r} stands there twice")
    return found


def _bounded(value: Any, depth: int = 0) -> None:
    if depth > MAX_DEPTH:
        raise RecursionError
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _bounded(inner, depth + 1)
