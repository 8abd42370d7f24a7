"""The robot stood, but was too far from its reference."""

from __future__ import annotations

from reports.reason import Episode, Reason

MM = 1000.0


def explain(episode: Episode) -> str:
    """Return when the mean distance of the key points was largest, and how large,
    or '' without a reference to follow."""
    import numpy as np

    body, wanted = episode.signals.get("body.keypoints"), episode.signals.get("reference.keypoints")
    if body is None or wanted is None or "reference.progress" not in episode.signals or not len(body):
        return ""
    apart = np.linalg.norm(body - wanted, axis=-1).mean(1)
    step = int(np.argmax(apart))
    return f"{MM * float(apart[step]):.0f} mm from its reference at {episode.at(step + 1)}"


REASON = Reason("strayed from its reference", 20, explain)
