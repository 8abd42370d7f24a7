"""What happened to the object that was to be carried: lengths in metres, in the world, z up."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from reports.reason import Episode

if TYPE_CHECKING:
    import numpy as np

LIFTED_M = 0.04
"""An object counts as lifted once it is this far above where it began: more than a push or a tilt raises it."""


class Carried(NamedTuple):
    """The path of the object and of its goal."""

    above: np.ndarray  # (steps,) m above the object's first height
    apart: np.ndarray  # (steps,) horizontal distance from the container, m

    @property
    def lifted(self) -> np.ndarray:
        """Bool (steps,): whether the object is off its support."""
        return self.above > LIFTED_M


def carried(episode: Episode) -> Carried | None:
    """Return the paths where a trace has an object and a container; None otherwise."""
    import numpy as np

    thing, goal = episode.signals.get("object"), episode.signals.get("container")
    if thing is None or goal is None or not len(thing):
        return None
    return Carried(thing[:, 2] - thing[0, 2], np.linalg.norm(thing[:, :2] - goal[:, :2], axis=1))
