"""A folder of true motions, in any format that is read: the first frames are shown, and the text where there is one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from crossbody.contracts import ClipKind
from crossbody.errors import CrossbodyError
from evaluators.generation.asked import FPS, FRAMES, GIVEN, OTHER, TEXT, TRUTH, Asked, digest_of_files, given_and_truth
from tasks.motion.motion import Motion

SUFFIXES = (".npz", ".bvh", ".npy")


def open_conditions(asked: Asked) -> Motions | None:
    """Return the conditions of a folder of motions, or None where ``--data`` is none."""
    folder = asked.data
    if folder is None or not folder.is_dir() or asked.kind == "video":
        return None
    found = {p.suffix.lower() for p in folder.iterdir() if not p.name.startswith(".")}
    if not found & set(SUFFIXES) or (asked.kind is None and not found & {".npz", ".bvh"}):
        return None
    return Motions(folder, asked)


class Motions:
    """One condition per motion, by the motion's name; all at their own frame rates."""

    kind: ClipKind = "motion"

    def __init__(self, folder: Path, asked: Asked):
        from tasks.motion.foreign import Hints
        from tasks.motion.reading import read_folder

        self._folder, self._asked = folder, asked
        read = read_folder(folder, Hints(asked.fps, None, None))
        for motion in read.values():
            if not isinstance(motion, Motion):
                raise motion
        self._motions: dict[str, Motion] = {n: m for n, m in read.items() if isinstance(m, Motion)}
        self.names = tuple(self._motions)
        told = (TEXT,) if all(m.texts for m in self._motions.values()) else ()
        self.offers = (GIVEN["motion"], TRUTH["motion"], OTHER["motion"], FRAMES, FPS, *told)

    def digest(self) -> str:
        return digest_of_files(p for p in self._folder.iterdir() if p.suffix.lower() in SUFFIXES)

    def load(self, name: str, channels) -> dict[str, Any]:
        motion, other = self._motions[name], self._motions[self._next(name)]
        if other.fps != motion.fps and OTHER["motion"].name in channels:
            raise CrossbodyError(
                f"{name} has {motion.fps:g} frames/s and its neighbour {other.fps:g}; bring them to one rate"
            )
        loaded = given_and_truth("motion", motion.keypoints, other.keypoints, self._asked) | {FPS.name: motion.fps}
        if motion.texts:
            loaded[TEXT.name] = motion.texts[0]
        return {channel: loaded[channel] for channel in channels}

    def _next(self, name: str) -> str:
        return self.names[(self.names.index(name) + 1) % len(self.names)]
