"""Everything the generated pack consists of, as (path, content), and how it is written into a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from envs.robocasa import package
from envs.robocasa.assets import catalogue, fixtures, textures

COPIED = ("arenas/empty_tabletop_arena.xml", "fixtures", "scenes")


def entries() -> Iterator[tuple[str, bytes]]:
    """Every file of the pack: the package's own XML and YAML, then textures, fixture meshes and objects."""
    stock = package.stock_assets()
    written: set[str] = set()
    for path, content in _all(stock):
        if path not in written:
            written.add(path)
            yield path, content


def shipped(stock: Path) -> Iterator[tuple[str, bytes]]:
    """The XML, YAML and licence that the package ships, as (path, content)."""
    for name in COPIED:
        for file in sorted(p for p in [stock / name, *(stock / name).rglob("*")] if p.suffix in (".xml", ".yaml")):
            yield file.relative_to(stock).as_posix(), file.read_bytes()
    for name in ("LICENSE", "ASSETS_ATTRIBUTIONS.md"):
        yield name, (stock / name).read_bytes()


def _all(stock: Path) -> Iterator[tuple[str, bytes]]:
    yield from shipped(stock)
    yield from textures.named()
    yield from fixtures.files(stock)
    for instance in catalogue.instances():
        for name, text in instance.files().items():
            yield f"objects/{instance.folder}/{name}", text.encode()


def write(root: Path, advance: Callable[[str], None]) -> None:
    """Write the pack below `root`, calling `advance(path)` after each file."""
    for path, content in entries():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        advance(path)
