"""Clips on disk: videos, npy arrays, folders of pictures. A clip is read whole; nothing is unpickled."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from crossbody.errors import CrossbodyError
from evaluators.clips import arrays, container, pictures
from evaluators.clips.info import ClipError, ClipInfo

if TYPE_CHECKING:
    import numpy as np

CONTAINERS = (".mp4", ".mov", ".m4v", ".webm", ".mkv", ".avi", ".gif")
FILES = (*CONTAINERS, ".npy")
FORMATS = "mp4, mov, webm, mkv, avi, gif, npy, or a folder of png or jpg pictures for each clip"
NOTES = (
    ".txt",
    ".md",
    ".json",
    ".jsonl",
    ".csv",
    ".tsv",
    ".toml",
    ".yaml",
    ".yml",
    ".parquet",
    ".log",
    ".html",
    ".srt",
)
"""Files that say something about clips and are none themselves."""


class Survey(NamedTuple):
    """What lies in a folder."""

    clips: Mapping[str, Path]
    unread: Mapping[str, str]  # name -> why it is no clip that can be read
    notes: tuple[str, ...]  # names of files that are about clips


def find(folder: Path) -> dict[str, Path]:
    """Return name -> path of the clips in a folder, sorted by name. None at all, or two of a name,
    raise CrossbodyError."""
    return dict(survey(folder).clips)


def survey(folder: Path) -> Survey:
    """Return the clips of a folder and what else lies beside them. No clip, or two of a name, raise CrossbodyError."""
    if not folder.is_dir():
        raise CrossbodyError(f"{folder} is not a folder; expected one that holds clips ({FORMATS})")
    found: dict[str, Path] = {}
    unread, notes = {}, []
    for path in sorted(p for p in folder.iterdir() if not p.name.startswith(".")):
        if path.is_dir() and pictures.pictures(path) or not path.is_dir() and path.suffix.lower() in FILES:
            name = path.name if path.is_dir() else path.stem
            if name in found:
                raise CrossbodyError(
                    f"two clips in {folder} are called '{name}': {found[name].name} and {path.name}. Move one."
                )
            found[name] = path
        elif path.suffix.lower() in NOTES and not path.is_dir():
            notes.append(path.name)
        else:
            unread[path.name] = _why_unread(path)
    if not found:
        hint = f" It holds pictures itself: give its parent, {folder.parent}." if pictures.pictures(folder) else ""
        hint = hint or "".join(f" {why}." for why in list(unread.values())[:1])
        raise CrossbodyError(f"{folder} has no clips; expected {FORMATS}.{hint}")
    return Survey(found, unread, tuple(notes))


def _why_unread(path: Path) -> str:
    if not path.is_dir():
        return f"{path} is of a kind that is not read; expected {FORMATS}"
    inside = sum(1 for p in path.iterdir() if p.suffix.lower() in FILES)
    return f"{path} is a folder without pictures" + (
        f" that holds {inside} clips of its own: move them up, or score that folder" if inside else ""
    )


def probe(path: Path) -> ClipInfo:
    """Return what a clip is; ClipError when it cannot be told."""
    with _refused(path):
        if path.is_dir():
            return pictures.info_of(path)
        if path.suffix.lower() == ".npy":
            return arrays.shape_of(arrays.opened(path))
        return container.info_of(path)


def read(path: Path) -> np.ndarray:
    """Return RGB frames (t, h, w, 3), uint8 or float32 in [0, 1]; ClipError when the file is broken or of another
    kind."""
    with _refused(path):
        if path.is_dir():
            return pictures.frames_of(path)
        return arrays.values(path) if path.suffix.lower() == ".npy" else container.frames_of(path)


@contextlib.contextmanager
def _refused(path: Path) -> Iterator[None]:
    """Turn what the system refuses, such as a file of somebody else's, into ClipError."""
    try:
        yield
    except OSError as error:
        raise ClipError(f"{path} cannot be read: {error.strerror or error}") from error


__all__ = ["FILES", "FORMATS", "ClipError", "ClipInfo", "Survey", "find", "probe", "read", "survey"]
