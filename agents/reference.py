"""Gives the true clip itself, or another true one: the ceiling and the floor of every table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from crossbody.contracts import ANY, Channel, Clip, ClipKind

WHOLE = {
    "video": Channel("truth.video", (ANY, ANY, ANY, 3), "uint8", "px", "rgb_uint8_thwc"),
    "motion": Channel("truth.motion", (ANY, 15, 3), "float64", "m", "keypoints_world_z_up"),
}
FPS = Channel("clip.fps", (), "float64", "1/s", "rate")


@dataclass(frozen=True)
class GeneratorOptions:
    """Whose truth is given."""

    other: bool = False
    """Give the next clip's truth: what ignoring the condition is worth."""


class Reference:
    """The one generator that is shown the truth, and says so in what it needs."""

    uses: tuple[Channel, ...] = ()

    def __init__(self, kind: ClipKind, other: bool):
        self.kind = kind
        self._name = f"{'other' if other else 'truth'}.{kind}"
        self.needs = (replace(WHOLE[kind], name=self._name), FPS)
        self.card: Mapping[str, Any] = {"shown": self._name}

    def generate(self, conditions: Mapping[str, Any], seed: int) -> Clip:
        return Clip(conditions[self._name], float(conditions[FPS.name]))

    def close(self) -> None:
        """Nothing is held."""


def make_generator(options: GeneratorOptions, kind: ClipKind) -> Reference:
    return Reference(kind, options.other)
