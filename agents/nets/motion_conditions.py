"""The channels of conditions from which motions are made, as generators of motions declare them.
Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crossbody.contracts import ANY, Channel
from crossbody.errors import CrossbodyError
from tasks.motion.parts import FPS

_POINTS = ((ANY, 15, 3), "float64", "m", "keypoints_world_z_up")

TEXT = Channel("annotation.text", (), "str", "text", "plain")
TIME = Channel("condition.time", (), "float64", "s", "duration")
STATE = Channel("condition.state", *_POINTS)
TRACK = Channel("condition.track", *_POINTS)
OCCLUDED = Channel("condition.occluded", *_POINTS)
OCCLUDED_PART = Channel("condition.occluded_part", (), "str", "text", "body_part")
FRAMES = Channel("clip.frames", (), "int64", "frames", "count")
RATE = Channel("clip.fps", (), "float64", "1/s", "rate")
RATES = tuple(Channel(f"{c.name}_fps", (), "float64", "1/s", "rate") for c in (STATE, TRACK, OCCLUDED))


def asked_frames(conditions: Mapping[str, Any], length: str, longest: int, shortest: int = 8) -> int | None:
    """Return the frames at 20 a second that a motion is to have, or None where its length is left to the generator.

    A typed time counts always, the true clip's length where ``length`` is ``given``. What the generator cannot make
    raises CrossbodyError."""
    if TIME.name in conditions:
        frames = round(float(conditions[TIME.name]) * FPS)
    elif length == "given" and FRAMES.name in conditions:
        frames = round(int(conditions[FRAMES.name]) / float(conditions[RATE.name]) * FPS)
    else:
        return None
    if not shortest <= frames <= longest:
        raise CrossbodyError(
            f"a motion of {frames / FPS:g} s was asked for; this generator makes {shortest / FPS:g} to "
            f"{longest / FPS:g} s."
        )
    return frames
