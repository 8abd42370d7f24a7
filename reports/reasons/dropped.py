"""The object was lifted and came down away from the container."""

from __future__ import annotations

from reports.carried import carried
from reports.reason import Episode, Reason

FAR_M = 0.20
"""Farther than this from the container's middle, the object was not about to be placed."""


def explain(episode: Episode) -> str:
    """Return where and when it came down for the last time, or ''."""
    import numpy as np

    path = carried(episode)
    if path is None or not path.lifted.any() or path.lifted[-1] or path.apart[-1] < FAR_M:
        return ""
    last = int(np.flatnonzero(path.lifted)[-1])
    return f"dropped at {episode.at(last + 1)}, and lies {100 * float(path.apart[-1]):.0f} cm from the container"


REASON = Reason("dropped on the way", 50, explain)
