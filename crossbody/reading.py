"""Files that may be damaged or hostile: read with a bound on memory, checked against the types of a dataclass."""

from __future__ import annotations

import dataclasses
import json
import os
import stat
import types
import typing
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, Union

from crossbody.texts import one_line, printable

LARGEST_INT = 2**63 - 1
SHOWN_CHARS = 60


class Unreadable(ValueError):
    """Why a file or a value cannot be read, as the end of a sentence that names it."""


def read_bytes(file: Path, limit: int) -> bytes:
    """Return what a regular file holds; a pipe, a device or one of more than ``limit`` bytes raises Unreadable.

    A file that is absent raises FileNotFoundError.
    """
    try:
        fd = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe without a writer would block
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        raise Unreadable(f"cannot be opened ({getattr(error, 'strerror', None) or error})") from error
    with os.fdopen(fd, "rb") as source:
        there = os.fstat(fd)
        if not stat.S_ISREG(there.st_mode):
            raise Unreadable("is not a file but a folder, a pipe or a device")
        if there.st_size > limit:
            raise Unreadable(f"has {there.st_size:,} bytes; at most {limit:,} are read")
        return source.read(limit)


def parse_json(content: bytes | str) -> Any:
    """Return JSON as plain data with printable texts; what is no JSON, or nests too deep, raises Unreadable."""
    try:
        text = content.decode("utf-8-sig") if isinstance(content, bytes) else content.removeprefix("\ufeff")
        return _printable(json.loads(text))
    except RecursionError:
        raise Unreadable("nests too deep") from None
    except json.JSONDecodeError as error:
        raise Unreadable(f"is not JSON ({error})") from None
    except UnicodeDecodeError as error:
        raise Unreadable(f"is not text in UTF-8 (byte {error.start})") from None
    except ValueError as error:  # a number of more digits than Python reads
        raise Unreadable(f"is not JSON that can be read ({error})") from None


def read_json(file: Path, limit: int) -> Any:
    """Return a file's JSON; see ``read_bytes`` and ``parse_json``."""
    return parse_json(read_bytes(file, limit))


def typed(kind: Any, value: Any, name: str = "") -> Any:
    """Return a JSON value as ``kind`` says: a dataclass, tuple, Mapping, Literal, union or plain type.

    Nothing is converted, but a whole number may stand for a float, and a list for a tuple. A value of another type
    raises Unreadable, which names the field by ``name``, what was expected and what came.
    """
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind, value, name)
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (Union, types.UnionType):
        return _one_of(kind, value, name)
    if origin is tuple:
        return tuple(typed(inner[0], v, f"{name}[{i}]") for i, v in enumerate(_plain(list, value, name)))
    if origin is Literal:
        return (
            value if value in inner and isinstance(value, str) else _refuse(f"one of {', '.join(inner)}", value, name)
        )
    return _plain(dict if origin is not None and issubclass(origin, Mapping) else kind, value, name)


def _plain(kind: Any, value: Any, name: str) -> Any:
    if kind is Any:
        return value
    if kind is float and type(value) is int and abs(value) <= LARGEST_INT:
        return float(value)
    if type(value) is not kind:  # True is an int to isinstance
        return _refuse(_word(kind), value, name)
    if kind is int and abs(value) > LARGEST_INT:
        raise Unreadable(f"{name} is a whole number of {len(str(abs(value)))} digits; at most 19 are read")
    if kind is float and value - value != 0:
        return _refuse("a finite number", value, name)
    return value


def _one_of(kind: Any, value: Any, name: str) -> Any:
    for choice in typing.get_args(kind):
        try:
            return typed(choice, value, name)
        except Unreadable:
            continue
    return _refuse(" or ".join(map(_word, typing.get_args(kind))), value, name)


def _dataclass(kind: Any, value: Any, name: str) -> Any:
    data, prefix = _plain(dict, value, name or kind.__name__), f"{name}." if name else ""
    fields = {f.name: f for f in dataclasses.fields(kind)}
    if unknown := sorted(set(data) - set(fields)):
        raise Unreadable(f"{prefix}{one_line(unknown[0], SHOWN_CHARS)} is no field of it (known: {', '.join(fields)})")
    needed = (n for n, f in fields.items() if f.default is f.default_factory is dataclasses.MISSING)
    if missing := [n for n in needed if n not in data]:
        raise Unreadable(f"{prefix}{missing[0]} is missing")
    hints = _hints(kind)
    return kind(**{n: typed(hints[n], v, prefix + n) for n, v in data.items()})


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _refuse(expected: str, value: Any, name: str) -> typing.NoReturn:
    shown = one_line(value, SHOWN_CHARS) if isinstance(value, str) else one_line(repr(value)[:1000], SHOWN_CHARS)
    raise Unreadable(f"{name} is {_word(type(value))} ({shown!r}), not {expected}")


def _word(kind: Any) -> str:
    words = {
        str: "text",
        int: "a whole number",
        float: "a number",
        bool: "true or false",
        dict: "a table",
        list: "a list",
    }
    return words.get(kind, "null" if kind in (None, type(None)) else str(getattr(kind, "__name__", kind)))


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {printable(k): _printable(v) for k, v in value.items()}
    return [_printable(v) for v in value] if isinstance(value, list) else value
