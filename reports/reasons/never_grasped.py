"""The object never left its place."""

from __future__ import annotations

from reports.carried import LIFTED_M, carried
from reports.reason import Episode, Reason

MOVED_M = 0.02


def explain(episode: Episode) -> str:
    """Return how the object was left, or ''."""
    import numpy as np

    path, thing = carried(episode), episode.signals.get("object")
    if path is None or thing is None or path.lifted.any():
        return ""
    pushed = float(np.linalg.norm(thing[-1, :2] - thing[0, :2]))
    if pushed > MOVED_M:
        return f"never lifted by {100 * LIFTED_M:.0f} cm, but pushed by {100 * pushed:.0f} cm"
    return f"never lifted by {100 * LIFTED_M:.0f} cm, nor moved"


REASON = Reason("never grasped", 30, explain)
