"""The rubric: what every judge is told and how it is sampled, as versioned data."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crossbody.contracts import digest
from crossbody.errors import CrossbodyError

STANDARD = Path(__file__).with_name("rubric.toml")


@dataclass(frozen=True)
class Rubric:
    """The texts of a rubric file and its sampling settings. ``hash`` covers all of them."""

    version: str
    title: str
    instructions: str
    instruction_line: str
    clip_line: str
    frame_line: str
    closing_line: str
    sampling: dict[str, Any]
    hash: str


def load(file: Path = STANDARD) -> Rubric:
    """Return a rubric file; one that cannot be read, or lacks or adds a field, raises CrossbodyError."""
    try:
        data = tomllib.loads(file.read_text())
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CrossbodyError(f"the rubric {file} cannot be read: {error}. Start from a copy of {STANDARD}.") from error
    fields = set(Rubric.__dataclass_fields__) - {"hash"}
    if data.keys() != fields:
        lacks, adds = sorted(fields - data.keys()), sorted(data.keys() - fields)
        raise CrossbodyError(
            f"the rubric {file} lacks {lacks or 'nothing'} and has unknown fields {adds or 'none'}. Start from "
            f"a copy of {STANDARD}."
        )
    return Rubric(**data, hash=digest(data))
