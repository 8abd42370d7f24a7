"""``crossbody list``: the names that exist, with a line on each."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

from crossbody import catalog

KINDS = (
    "suites",
    "tasks",
    "agents",
    "metrics",
    "tables",
    "recipes",
    "protocols",
    "formats",
    "judges",
    "robots",
    "engines",
)


def main(argv: Sequence[str]) -> int:
    """Print one kind of names, one per line, aligned."""
    parser = argparse.ArgumentParser(prog="crossbody list", description=__doc__)
    parser.add_argument("kind", choices=KINDS)
    kind = parser.parse_args(argv).kind
    rows = list(_tasks() if kind == "tasks" else _entries(kind))
    widths = [max((len(r[i]) for r in rows), default=0) for i in range(len(rows[0]) - 1)] if rows else []
    for row in rows:
        print("  ".join([*(f"{text:<{width}}" for text, width in zip(row, widths, strict=False)), row[-1]]).rstrip())
    return 0


def _entries(kind: str) -> Iterator[tuple[str, ...]]:
    for entry in catalog.entries(kind).values():
        yield entry.name, entry.summary


def _tasks() -> Iterator[tuple[str, ...]]:
    for suite in catalog.entries("suites"):
        for group in catalog.resolve("suites", suite)["groups"]:
            for task in group["tasks"]:
                yield task, suite, group["split"], group["family"]
