"""What `crossbody doctor` and `crossbody assets status` say about the asset packs. Nothing is made or downloaded."""

from __future__ import annotations

from collections.abc import Iterator

from crossbody.errors import CrossbodyError
from envs.robocasa.assets import pack


def findings() -> Iterator[tuple[str, bool, str, str]]:
    """(subject, whether all is well, what was found, what to type) of each pack."""
    root = pack.cache_root() / f"generated-{pack.version()}"
    ready = pack.read(root)
    if ready is None:
        yield "assets generated", True, f"not made yet; the first run makes them in {root.parent}", ""
    elif pack.fingerprint(root) != ready.sha256:
        yield (
            "assets generated",
            False,
            f"{root} was changed after it was made: its hash is not {ready.sha256[:12]}",
            f"rm -r {root}",
        )
    else:
        yield "assets generated", True, f"{root}, sha256 {ready.sha256[:12]}", ""
    yield from _official()


def _official() -> Iterator[tuple[str, bool, str, str]]:
    from envs.robocasa.assets import official

    try:
        root = official.locate()
        gaps = official.missing(root) if root else []
    except CrossbodyError as error:
        yield "assets official", False, str(error), ""
        return
    if root is None:
        yield "assets official", True, "absent (optional); `crossbody assets official` downloads them", ""
    elif gaps:
        yield "assets official", False, f"{root}: {official.listed(gaps)}", "uv run crossbody assets official"
    else:
        yield "assets official", True, f"{root}, complete", ""
