"""The folder of a score: its rows as files, a page, and what made them."""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from crossbody.errors import CrossbodyError
from crossbody.runs import write_atomic
from evaluators.scoring import tables

FORMAT = 1


class Asked(Protocol):
    """What the commands of all kinds are told."""

    @property
    def pred(self) -> Path: ...
    @property
    def ref(self) -> Path: ...
    @property
    def seed(self) -> int: ...
    @property
    def out(self) -> Path | None: ...


def new(asked: Asked, kind: str) -> Path:
    """Return where results go; CrossbodyError where there are some already."""
    folder = asked.out or Path("runs") / f"{datetime.datetime.now():%Y%m%d-%H%M%S}-score-{kind}"
    if (folder / "manifest.json").exists():
        raise CrossbodyError(f"{folder} already holds results. Give another --out.")
    return folder


def manifest(asked: Asked, kind: str, command: Sequence[str], **more: Any) -> dict[str, Any]:
    """Return what made the rows: the command, the folders, the seed, the machine and its packages, and ``more``."""
    from crossbody.catalog import ROOT
    from evaluators.loop.manifest import git_commit, host, packages

    return {
        "format": FORMAT,
        "kind": f"score-{kind}",
        "command": command,
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "pred": str(asked.pred),
        "ref": str(asked.ref),
        "seed": asked.seed,
        **more,
        "host": host(),
        "packages": packages(),
        "git": git_commit(ROOT),
    }


def write(
    folder: Path, clips: tuple[type, Sequence[Any]], rows: tuple[type, Sequence[Any]], page: str, made: dict[str, Any]
) -> None:
    """Write rows, each with their dataclass, of clips and of the set, the page and the manifest."""
    try:
        for name, (kind, found) in (("clips", clips), ("table", rows)):
            tables.write_lines(folder / f"{name}.jsonl", found)
            tables.write_table(folder, name, found, kind)
        write_atomic(folder / "table.md", page.encode())
        write_atomic(folder / "manifest.json", json.dumps(made, indent=1, allow_nan=False).encode())
    except OSError as error:
        raise CrossbodyError(
            f"cannot write {folder}: {error.strerror}. Give another --out, or free the disk."
        ) from error
