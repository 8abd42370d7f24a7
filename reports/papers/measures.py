"""What a success rate in a paper's column is a mean of."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from crossbody.errors import UnknownName
from reports.columns import Column

FILE = Path(__file__).parent / "measures.toml"


@cache
def column_of(name: str) -> tuple[str, Column]:
    """Return (suite, mean over its tasks) of a measure; an unknown name raises UnknownName."""
    known = tomllib.loads(FILE.read_text())
    if name not in known:
        raise UnknownName("measure", name, known)
    fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in known[name].items()}
    return fields.pop("suite"), Column(name, **fields)
