"""Why an episode failed, in words, from what its trace and its scene say.
One file of ``reports/reasons`` is one reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from crossbody import catalog
from crossbody.contracts import EpisodeRow

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Episode:
    """What a reason may look at."""

    row: EpisodeRow
    success: np.ndarray  # (steps,) bool, the success bit of every control step
    signals: Mapping[str, np.ndarray]  # name -> (steps, …)
    scene: Mapping[str, Any]
    control_hz: float  # 0 where the run does not say it

    def at(self, steps: int) -> str:
        """Return when a control step ended: in seconds, or its number where the rate is unknown."""
        return f"{steps / self.control_hz:.1f} s" if self.control_hz else f"step {steps}"


@dataclass(frozen=True)
class Reason:
    """A kind of failure. ``explain`` returns '' where it is not this one, else how it shows in this episode."""

    title: str  # under which failures are grouped
    order: int  # reasons with a lower number are asked first, and the first that applies counts
    explain: Callable[[Episode], str]


UNTOLD = "no reason is known"


def explain(episode: Episode) -> tuple[str, str]:
    """Return (group, sentence) of a failed episode; ``UNTOLD`` where no reason applies."""
    for reason in reasons():
        if sentence := reason.explain(episode):
            return reason.title, sentence
    return UNTOLD, f"no success within {episode.row.steps} steps"


@cache
def reasons() -> tuple[Reason, ...]:
    """Return every reason of the catalog, in the order in which they are asked."""
    found = [catalog.resolve("reasons", name) for name in catalog.entries("reasons")]
    return tuple(sorted(found, key=lambda reason: (reason.order, reason.title)))
