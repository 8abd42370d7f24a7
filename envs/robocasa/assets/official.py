"""The official assets: found where the user has them, downloaded with the package's own scripts, checked for gaps."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import urllib.error
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

from crossbody.errors import MissingAssets
from envs.robocasa import package
from envs.robocasa.assets import build, fixtures, pack, textures
from envs.robocasa.assets.shelves import shelves

VARIABLE = "CROSSBODY_OFFICIAL_ASSETS"
WANTED = ("textures", "fixtures", "objaverse", "sketchfab", "lightwheel")
SHOWN = 12
HOW = (
    "Type: uv run crossbody assets official (several GB from the internet), or point to a copy you have: "
    f"export {VARIABLE}=/path/to/robocasa_gr1/models/assets"
)


def find() -> pack.Pack:
    """The official pack from $CROSSBODY_OFFICIAL_ASSETS, the package's own folder or the cache.

    Raises `MissingAssets` when there is none, or with the list of what the found one lacks.
    """
    named = os.environ.get(VARIABLE)
    if named and not (Path(named).expanduser() / "objects").is_dir():
        raise MissingAssets(f"{VARIABLE} is {named}, which has no folder 'objects'. {HOW}")
    root = locate()
    if root is None:
        raise MissingAssets(f"the official assets are not on this machine. {HOW}")
    gaps = missing(root)
    if gaps:
        raise MissingAssets(f"the official assets at {root} are incomplete: {listed(gaps)}. {HOW}")
    sha = _fingerprint(root)
    return pack.Pack("official", sha[:10], root, sha)


def locate() -> Path | None:
    """The first folder that holds official objects, complete or not."""
    named = os.environ.get(VARIABLE)
    places = [Path(named).expanduser()] if named else [package.stock_assets(), download_folder()]
    return next((p for p in places if (p / "objects").is_dir()), None)


def download_folder() -> Path:
    """Where `download` puts them."""
    return pack.cache_root() / "official"


def listed(gaps: list[str]) -> str:
    """A readable list of what is missing, cut after a dozen."""
    more = f" and {len(gaps) - SHOWN} more" if len(gaps) > SHOWN else ""
    return f"{len(gaps)} missing: " + "; ".join(gaps[:SHOWN]) + more


def missing(root: Path) -> list[str]:
    """What the 97 tasks need and the folder lacks: object categories, textures, fixture files."""
    gaps = [f"objects of '{s.category}' in {s.registry}" for s in shelves(root) if not s.models]
    gaps += [path for path, _ in textures.named() if not (root / path).is_file()]
    gaps += [path for path in fixture_files(root) if not (root / path).is_file()]
    return gaps


def fixture_files(root: Path) -> Iterator[str]:
    """The paths below `root` of every mesh that the fixtures of the 97 tasks draw."""
    for group in fixtures.DRAWN:
        for name in fixtures.colours()[group.split("/")[-1]]:
            model = root / "fixtures" / group / name / "model.xml"
            if not model.is_file():
                yield model.relative_to(root).as_posix()
                continue
            for mesh in ET.parse(model).getroot().iter("mesh"):
                yield (model.parent / mesh.get("file", "")).relative_to(root).as_posix()


def download() -> Path:
    """Run the package's download scripts with the cache as their target; returns the folder.

    Raises `MissingAssets` when the network, the disk or the result is not as it should be.
    """
    root = download_folder()
    with pack.explained(root, "official"):
        for path, content in build.shipped(package.stock_assets()):
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        package.load(root)
        kitchen = importlib.import_module(f"{package.NAME}.scripts.download_kitchen_assets")
        groot = importlib.import_module(f"{package.NAME}.scripts.download_groot_assets")
        try:
            more = groot.get_groot_asset_registry(groot.DownloadConfig.from_args(None), None)
        except urllib.error.URLError as error:
            raise MissingAssets(f"the official assets cannot be downloaded: {error.reason}. {HOW}") from error
        sources = {k: v for k, v in {**kitchen.DOWNLOAD_ASSET_REGISTRY, **more}.items() if k in WANTED}
        for name, source in sources.items():
            source["folder"] = str(root / name if name in ("textures", "fixtures") else root / "objects" / name)
        kitchen.DOWNLOAD_ASSET_REGISTRY = sources
        kitchen.download_kitchen_assets(bypass=True)
    gaps = missing(root)
    if gaps:
        raise MissingAssets(f"the download into {root} is incomplete: {listed(gaps)}. {HOW}")
    return root


def _fingerprint(root: Path) -> str:
    """The pack's hash; several GB are read only once, then remembered by the files' names, sizes and times."""
    listing = hashlib.sha256()
    for file in sorted(p for p in root.rglob("*") if p.is_file()):
        facts = file.stat()
        listing.update(f"{file.relative_to(root)} {facts.st_size} {facts.st_mtime_ns}\n".encode())
    key = listing.hexdigest()
    memory = pack.cache_root() / "official-hashes.json"
    known = json.loads(memory.read_text(encoding="utf8")) if memory.is_file() else {}
    if key not in known:
        known[key] = pack.fingerprint(root)
        with pack.explained(memory, "official"):
            memory.parent.mkdir(parents=True, exist_ok=True)
            memory.write_text(json.dumps(known, indent=1) + "\n", encoding="utf8")
    return known[key]
