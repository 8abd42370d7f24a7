"""The robot fell."""

from __future__ import annotations

from reports.reason import Episode, Reason


def explain(episode: Episode) -> str:
    """Return when it fell, or ''."""
    import numpy as np

    fallen = episode.signals.get("body.fallen")
    if fallen is None or not np.any(fallen):
        return ""
    return f"fell at {episode.at(int(np.argmax(fallen)) + 1)}"


REASON = Reason("fell", 10, explain)
