"""The object was carried to the container, and lies beside it, on its rim, or in it against the task's rule."""

from __future__ import annotations

from reports.carried import carried
from reports.reason import Episode, Reason


def explain(episode: Episode) -> str:
    """Return how far from the container's middle it ended, or ''."""
    path = carried(episode)
    if path is None or not path.lifted.any():
        return ""
    return f"set down {100 * float(path.apart[-1]):.0f} cm from the container's middle, which the task does not accept"


REASON = Reason("container missed", 60, explain)
