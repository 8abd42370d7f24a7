"""Where Gymnasium enters: the off-screen GL must be chosen before MuJoCo is imported."""

from __future__ import annotations

from typing import Any

from crossbody import gl


def make(**options: Any) -> Any:
    """Return a RoboCasaGR1 environment; see there for the options."""
    gl.prepare()
    from envs.robocasa.env import RoboCasaGR1

    return RoboCasaGR1(**options)
