"""The time was over while the object was in the air."""

from __future__ import annotations

from reports.carried import carried
from reports.reason import Episode, Reason


def explain(episode: Episode) -> str:
    """Return how high it still was, or ''."""
    path = carried(episode)
    if path is None or not path.lifted[-1] or path.apart[-1] < NEAR_M:
        return ""
    return (
        f"held {100 * float(path.above[-1]):.0f} cm up, {100 * float(path.apart[-1]):.0f} cm from the container, "
        "when the time was over"
    )


NEAR_M = 0.12
"""Nearer than this an object that is up may lie on the container's rim, which is another failure."""

REASON = Reason("still held at the end", 40, explain)
