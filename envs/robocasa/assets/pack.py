"""Asset packs: where they lie, how one is made, found and identified.

A pack is a folder that the simulator package can use as its assets root. `generated` is made here on first use;
`official` is the user's download.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from crossbody.errors import MissingAssets, UnknownName
from crossbody.extras import cache_folder

# The generated pack is made by these files; its version is a digest of them, because a change in it can move a number.
RECIPES = (
    "appliances",
    "bakery",
    "build",
    "catalogue",
    "containers",
    "context",
    "drinks",
    "fixtures",
    "household",
    "mesh",
    "model",
    "produce",
    "textures",
)
NAMES = ("generated", "official")
FILE = "pack.json"
NEEDED = {"generated": "60 MB", "official": "about 15 GB"}


@dataclass(frozen=True)
class Pack:
    """A complete asset pack; `sha256` is over the sorted relative paths and contents of its files."""

    name: str
    version: str
    root: Path
    sha256: str


def cache_root() -> Path:
    """The folder of all packs: $CROSSBODY_CACHE/assets, else the user's cache folder."""
    return cache_folder() / "assets"


def version() -> str:
    """The version of the generated pack: a digest of the recipes and of the simulator package's version."""
    here, total = Path(__file__).parent, hashlib.sha256()
    for file in sorted([*(here / f"{r}.py" for r in RECIPES), *here.glob("*.toml")]):
        total.update(file.name.encode() + file.read_bytes())
    with contextlib.suppress(metadata.PackageNotFoundError):
        total.update(metadata.version("praxis-robocasa-gr1").encode())
    return total.hexdigest()[:10]


def find(name: str, progress: bool = True) -> Pack:
    """The pack of that name; raises `UnknownName`, or `MissingAssets` where it cannot be made or is incomplete."""
    if name == "generated":
        return generated(progress)
    if name == "official":
        from envs.robocasa.assets import official as home

        return home.find()
    raise UnknownName("asset pack", name, NAMES)


def generated(progress: bool = True) -> Pack:
    """The generated pack, made now if this cache has none (some seconds; one process makes it, others wait).

    Raises `MissingAssets` when the cache cannot be written or the disk is full.
    """
    root = cache_root() / f"generated-{version()}"
    ready = read(root)
    if ready is not None:
        return ready
    with explained(root, "generated"), _lock(root):
        ready = read(root)
        if ready is None:
            _make(root, progress)
            ready = read(root)
    if ready is None:
        raise MissingAssets(f"{root} was made but its {FILE} cannot be read. Delete the folder and try again.")
    return ready


def read(root: Path) -> Pack | None:
    """The pack in a folder by its pack.json, None when there is none."""
    try:
        data = json.loads((root / FILE).read_text(encoding="utf8"))
        return Pack(data["name"], data["version"], root, data["sha256"])
    except (OSError, ValueError, KeyError):
        return None


def fingerprint(root: Path) -> str:
    """sha256 over the sorted relative paths and contents of all files below `root` but pack.json."""
    total = hashlib.sha256()
    for path in sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file()):
        if path != FILE:
            total.update(path.encode() + b"\0" + hashlib.sha256((root / path).read_bytes()).digest())
    return total.hexdigest()


def _make(root: Path, progress: bool) -> None:
    """Build beside `root` and rename, so that a pack is there whole or not at all."""
    from envs.robocasa.assets import build

    _sweep(root)
    folder = Path(tempfile.mkdtemp(prefix=f".{root.name}-", dir=root.parent))
    try:
        with _bar(progress) as advance:
            build.write(folder, advance)
        data = {"name": "generated", "version": root.name.removeprefix("generated-"), "sha256": fingerprint(folder)}
        (folder / FILE).write_text(json.dumps(data, indent=1) + "\n", encoding="utf8")
        folder.chmod(0o755)
        shutil.rmtree(root, ignore_errors=True)
        folder.rename(root)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _sweep(root: Path) -> None:
    """Remove what a killed build left behind; the lock is held, so none is under way."""
    for left in root.parent.glob(f".{root.name}-*"):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)


@contextlib.contextmanager
def _lock(root: Path) -> Iterator[None]:
    """Hold an exclusive lock beside the pack; waits for a process that is making it."""
    import fcntl

    root.parent.mkdir(parents=True, exist_ok=True)
    with (root.parent / f".{root.name}.lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def explained(root: Path, name: str) -> Iterator[None]:
    """Turn the system's refusals while writing the pack `name` at `root` into messages that say what to type."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            free = shutil.disk_usage(_existing(root)).free // 2**20
            raise MissingAssets(
                f"no room for the {name} assets in {root.parent}: {NEEDED[name]} are needed, {free} MB are free. "
                "Free some space, or choose another disk: export CROSSBODY_CACHE=/path/with/space"
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST):
            raise MissingAssets(
                f"cannot write the {name} assets to {root.parent} ({error.strerror}). "
                "Choose a folder you may write to: export CROSSBODY_CACHE=/a/writable/folder"
            ) from error
        raise


def _existing(path: Path) -> Path:
    return next(p for p in [path, *path.parents] if p.exists())


@contextlib.contextmanager
def _bar(progress: bool) -> Iterator[Callable[[str], None]]:
    """A progress bar over the pack's files; yields the function to call after each."""
    if not progress:
        yield lambda path: None
        return
    from rich.console import Console
    from rich.progress import Progress

    from envs.robocasa.assets import catalogue

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("making the object models and textures (once)", total=sum(1 for _ in catalogue.instances()))
        yield lambda path: bar.advance(task) if path.endswith("model.xml") and path.startswith("objects/") else None
