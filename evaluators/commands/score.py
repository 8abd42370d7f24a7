"""``crossbody score KIND``: score files of anybody's. A file in this folder that defines ``score`` is a kind."""

from __future__ import annotations

from collections.abc import Sequence

from crossbody import catalog


def main(argv: Sequence[str]) -> int:
    """Hand the arguments to the kind that is named and return its exit code."""
    kinds = catalog.entries("scores")
    if not argv or argv[0] in ("-h", "--help"):
        width = max(map(len, kinds))
        print("usage: crossbody score KIND …\n")
        print("\n".join(f"  {name:<{width}}  {kind.summary}" for name, kind in kinds.items()))
        print("\n`crossbody score KIND --help` has the options of each.")
        return 0
    return catalog.resolve("scores", argv[0])(argv[1:])
