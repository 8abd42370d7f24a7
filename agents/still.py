"""Repeats the last frame that it is shown: what a model gets that predicts no motion at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crossbody.contracts import ANY, Channel, Clip, ClipKind

NEEDS = {
    "video": Channel("video.given", (ANY, ANY, ANY, 3), "uint8", "px", "rgb_uint8_thwc"),
    "motion": Channel("motion.given", (ANY, 15, 3), "float64", "m", "keypoints_world_z_up"),
}
LENGTH = (Channel("clip.frames", (), "int64", "frames", "count"), Channel("clip.fps", (), "float64", "1/s", "rate"))


@dataclass(frozen=True)
class GeneratorOptions:
    """None."""


class Still:
    """The given frames, and then the last of them until the clip's end."""

    uses: tuple[Channel, ...] = ()
    card: Mapping[str, Any] = {}

    def __init__(self, kind: ClipKind):
        self.kind = kind
        self.needs = (NEEDS[kind], *LENGTH)

    def generate(self, conditions: Mapping[str, Any], seed: int) -> Clip:
        import numpy as np

        given, frames = conditions[NEEDS[self.kind].name], int(conditions["clip.frames"])
        rest = max(0, frames - len(given))
        return Clip(
            np.concatenate([given, np.repeat(given[-1:], rest, axis=0)])[:frames], float(conditions["clip.fps"])
        )

    def close(self) -> None:
        """Nothing is held."""


def make_generator(options: GeneratorOptions, kind: ClipKind) -> Still:
    return Still(kind)
