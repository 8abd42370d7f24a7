"""Makes the tracking environment: chooses how to draw before MuJoCo is imported, which reads the choice on import."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from crossbody import gl
from crossbody.errors import MissingExtra

if TYPE_CHECKING:
    from envs.humanoid.episode import Tracking


def make(**options: Any) -> Tracking:
    """Return the environment with its options. Without an off-screen GL it runs all the same,
    and only ``render`` fails."""
    with suppress(MissingExtra):
        gl.prepare()
    from envs.humanoid.episode import Tracking

    return Tracking(**options)
