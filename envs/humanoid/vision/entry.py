"""Makes the vision environment: chooses how to draw before MuJoCo is imported, which reads the choice on import."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crossbody import gl

if TYPE_CHECKING:
    from envs.humanoid.vision.episode import Vision


def check(**_: Any) -> None:
    """Raise MissingExtra where no off-screen GL works."""
    gl.choose()


def make(**options: Any) -> Vision:
    """Return the environment with its options; MissingExtra without an off-screen GL, since its robot has to see."""
    gl.prepare()
    from envs.humanoid.vision.episode import Vision

    gl.draw_once()

    return Vision(**options)
