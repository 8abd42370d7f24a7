"""What the ``generate`` command is told, as a source of conditions sees it. Imports nothing heavy."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from crossbody.contracts import ANY, Channel, ClipKind

GIVEN = {
    "video": Channel("video.given", (ANY, ANY, ANY, 3), "uint8", "px", "rgb_uint8_thwc"),
    "motion": Channel("motion.given", (ANY, 15, 3), "float64", "m", "keypoints_world_z_up"),
}
"""The first frames of the true clip, which a generator is shown."""

TRUTH = {
    "video": Channel("truth.video", (ANY, ANY, ANY, 3), "uint8", "px", "rgb_uint8_thwc"),
    "motion": Channel("truth.motion", (ANY, 15, 3), "float64", "m", "keypoints_world_z_up"),
}
OTHER = {
    "video": Channel("other.video", (ANY, ANY, ANY, 3), "uint8", "px", "rgb_uint8_thwc"),
    "motion": Channel("other.motion", (ANY, 15, 3), "float64", "m", "keypoints_world_z_up"),
}
"""The true clip of the next condition: what a floor that ignores its condition gives."""

FRAMES = Channel("clip.frames", (), "int64", "frames", "count")
FPS = Channel("clip.fps", (), "float64", "1/s", "rate")
TEXT = Channel("annotation.text", (), "str", "text", "plain")


@dataclass(frozen=True)
class Asked:
    """Where conditions are to come from. Either data or something typed is given."""

    kind: ClipKind | None = None
    data: Path | None = None
    text: tuple[str, ...] = ()
    time: float | None = None
    state: Path | None = None
    track: Path | None = None
    occlusion: tuple[str, ...] = ()
    given: int = 1
    frames: int | None = None
    every: int | None = None
    fps: float | None = None
    seed: int = 0


def digest_of_files(files: Iterable[Path]) -> str:
    """Return one digest of the names and bytes of files, in the order of their names."""
    sha = hashlib.sha256()
    for file in sorted(files):
        with file.open("rb") as content:
            sha.update(f"{file.name} {hashlib.file_digest(content, 'sha256').hexdigest()}\n".encode())
    return sha.hexdigest()[:16]


def given_and_truth(kind: ClipKind, truth, other, asked: Asked) -> dict[str, object]:
    """Return the channels that a true clip and its neighbour make, cut to the frames that are asked for."""
    frames = len(truth) if asked.frames is None else min(asked.frames, len(truth))
    return {
        GIVEN[kind].name: truth[: asked.given],
        TRUTH[kind].name: truth[:frames],
        OTHER[kind].name: other[:frames],
        FRAMES.name: frames,
    }
