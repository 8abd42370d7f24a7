"""The task was solved for a moment, at a time when the protocol does not look."""

from __future__ import annotations

from reports.reason import Episode, Reason


def explain(episode: Episode) -> str:
    """Return when it was solved first, or ''."""
    step = episode.row.first_success_step
    if step is None:
        return ""
    return f"succeeded in passing at {episode.at(step)}, not under the protocol's rule"


REASON = Reason("succeeded in passing", 0, explain)
