"""A folder of true videos: mp4, gif, npy or png pictures. Each is shown by its first frames."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from crossbody.contracts import ClipKind
from crossbody.errors import CrossbodyError
from evaluators.clips import reading
from evaluators.clips.info import check_even
from evaluators.clips.pictures import pictures
from evaluators.generation.asked import FPS, FRAMES, GIVEN, OTHER, TRUTH, Asked, digest_of_files, given_and_truth


def open_conditions(asked: Asked) -> VideoClips | None:
    """Return the conditions of a folder of videos, or None where ``--data`` is none."""
    folder = asked.data
    if folder is None or not folder.is_dir() or asked.kind == "motion":
        return None
    paths = [p for p in folder.iterdir() if not p.name.startswith(".")]
    if not any(p.suffix.lower() in reading.FILES and _is_video(p) or _holds_pictures(p) for p in paths):
        return None
    return VideoClips(folder, asked)


class VideoClips:
    """One condition per video, by the video's name."""

    kind: ClipKind = "video"
    offers = (GIVEN["video"], TRUTH["video"], OTHER["video"], FRAMES, FPS)

    def __init__(self, folder: Path, asked: Asked):
        self._asked, self._paths = asked, reading.find(folder)
        self.names = tuple(self._paths)

    def digest(self) -> str:
        found = [p for path in self._paths.values() for p in (path.iterdir() if path.is_dir() else [path])]
        return digest_of_files(found)

    def load(self, name: str, channels) -> dict[str, Any]:
        truth = self._read(name)
        other = self._read(self._next(name)) if OTHER["video"].name in channels else truth
        loaded = given_and_truth("video", truth, other, self._asked) | {FPS.name: self._fps(name)}
        return {channel: loaded[channel] for channel in channels}

    def _next(self, name: str) -> str:
        return self.names[(self.names.index(name) + 1) % len(self.names)]

    def _read(self, name: str):
        import numpy as np

        frames = reading.read(self._paths[name])
        return frames if frames.dtype == np.uint8 else np.round(frames * 255).astype(np.uint8)

    def _fps(self, name: str) -> float:
        stated = check_even(self._paths[name], reading.probe(self._paths[name])).fps
        fps = stated if math.isfinite(stated) else self._asked.fps
        if not fps:
            raise CrossbodyError(f"{self._paths[name]} does not say its frame rate. Give --fps N.")
        return float(fps)


def _is_video(path: Path) -> bool:
    if path.suffix.lower() != ".npy":
        return True
    try:
        reading.probe(path)
    except CrossbodyError:
        return False
    return True


def _holds_pictures(path: Path) -> bool:
    return path.is_dir() and bool(pictures(path))
