"""Which training a folder holds: all options but the free ones, and what the recipe found in its data
(``recipe.json``)."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from crossbody.errors import CrossbodyError
from crossbody.runs import write_atomic
from evaluators.judge.asking.redact import Redactor
from training.recipe import Run, plain

NOTE, SNAPSHOT, WEIGHTS, CONFIG = "recipe.json", "snapshot.safetensors", "model.safetensors", "config.json"
FORMAT = 2
"""Of ``recipe.json``. 1 had neither options nor a format: what it states is compared,
and the options in the checkpoint's config."""

LONGEST = 60  # characters of a value that a message shows
ABSENT = "absent"


def identity(run: Run[Any], free: frozenset[str]) -> dict[str, Any]:
    """Return the options that say which training this is; a path stands as the digest of what it holds."""
    return _json({k: _identified(v) for k, v in vars(run.options).items() if k not in free})


def digest_of(path: Path) -> str:
    """Return a digest of a file, of a checkpoint's weights, or of a folder's files and their names;
    'absent' where nothing is."""
    if path.is_file():
        with path.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()[:16]
    if not path.is_dir():
        return ABSENT
    if weights := _checkpoint(path).get("sha256"):
        return str(weights)[:16]
    files = sorted(f for f in path.rglob("*") if f.is_file() and not f.name.startswith("."))
    lines = [f"{file.relative_to(path)} {digest_of(file)}" for file in files]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def refuse_other(run: Run[Any], options: Mapping[str, Any], facts: Mapping[str, Any] | None) -> None:
    """Raise CrossbodyError where the folder holds another training. ``facts`` None: they are not known yet."""
    folder = run.folder
    if not (folder / SNAPSHOT).exists():
        if (folder / WEIGHTS).exists():
            raise CrossbodyError(f"{folder} holds weights and no snapshot to go on from. Give another --out.")
        return
    before = _read(folder / NOTE)
    if before.get("format") == FORMAT:
        now = {"recipe": run.name, "options": options, "facts": _json(facts)}
        differ = [d for part in now if now[part] is not None for d in differences(before.get(part), now[part], "")]
    else:
        differ = [] if facts is None else list(_of_format_1(run, before, {**options, **_json(facts)}))
    if differ:
        raise CrossbodyError(
            f"{folder} holds a training run that was started differently:\n  "
            + "\n  ".join(sorted(differ))
            + "\nUse the same options to go on, or another --out."
        )


def remember(run: Run[Any], options: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
    """Write ``recipe.json``; keys stay out of it."""
    note = {"format": FORMAT, "recipe": run.name, "options": options, "facts": _json(facts)}
    write_atomic(run.folder / NOTE, (Redactor(os.environ)(json.dumps(note, indent=1)) + "\n").encode())


def differences(before: Any, now: Any, name: str = "") -> Iterator[str]:
    """Yield a line for each value that differs, with its place in mappings and lists of one length."""
    if before == now:
        return
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in sorted({*before, *now}):
            yield from differences(before.get(key), now.get(key), f"{name}.{key}" if name else key)
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for i, (one, other) in enumerate(zip(before, now, strict=True)):
            yield from differences(one, other, f"{name}[{i}]")
    else:
        yield f"{name or 'recipe'}: was {_short(before)}, is {_short(now)}"


def _of_format_1(run: Run[Any], before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Yield what differs from an older note, which states some of the values,
    and from the options of the checkpoint beside it."""
    yield from (d for k in before if k in now for d in differences(before[k], now[k], k))
    typed: dict[str, Any] | None = _checkpoint(run.folder).get("training", {}).get("options")
    if typed is None:
        return
    for field in dataclasses.fields(run.given):
        value = getattr(run.given, field.name)
        if field.name in now and field.name not in before and not isinstance(value, Path):
            yield from differences(typed.get(field.name, plain(field.default)), plain(value), field.name)


def _identified(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_identified(v) for v in value]
    return digest_of(value) if isinstance(value, Path) else value


def _json(value: Any) -> Any:
    """Return the value as it comes back from a file."""
    return json.loads(Redactor(os.environ)(json.dumps(value)))


def _read(note: Path) -> dict[str, Any]:
    try:
        found = json.loads(note.read_text())
    except (OSError, ValueError) as error:
        raise CrossbodyError(
            f"{note.parent} holds a snapshot, and {note.name}, which says of what, cannot be read ({error}). "
            "Give another --out, or delete the snapshot to begin anew."
        ) from error
    if not isinstance(found, dict):
        raise CrossbodyError(f"{note} is damaged: it is no object. Give another --out.")
    return found


def _checkpoint(folder: Path) -> dict[str, Any]:
    """Return the head of a checkpoint, {} where there is none."""
    try:
        head = json.loads((folder / CONFIG).read_text())
    except (OSError, ValueError):
        return {}
    return head if isinstance(head, dict) else {}


def _short(value: Any) -> str:
    text = f"{len(value)} entries" if isinstance(value, list) and len(value) > 8 else str(value)
    return text if len(text) <= LONGEST else text[:LONGEST] + " …"
