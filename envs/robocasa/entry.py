"""Where Gymnasium enters: the off-screen GL must be chosen before MuJoCo is imported."""

from __future__ import annotations

from typing import Any

from crossbody import gl


def check(*, assets: str = "generated", **_: Any) -> None:
    """Raise MissingExtra or MissingAssets for what a run would lack;
    the generated assets are made when they are needed."""
    gl.choose()
    if assets == "official":
        from envs.robocasa.assets import official

        official.find()


def make(*, look: str | None = None, **options: Any) -> Any:
    """Return a RoboCasaGR1 environment; see there for the options. ``look``: the render preset,
    as run folders name it."""
    gl.prepare()
    from envs.robocasa.env import RoboCasaGR1

    gl.draw_once()

    return RoboCasaGR1(**options if look is None else {"render_preset": look, **options})
