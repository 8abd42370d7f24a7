"""What an episode leaves: the success bit of every control step, and signals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from evaluators.metric import Unknown
from evaluators.subjects.motion import MotionPair

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Trace:
    """What an episode left: the success bit of every control step (steps,) and signals, name -> (steps, …)."""

    success: np.ndarray
    signals: Mapping[str, np.ndarray]
    control_hz: float
    cut: bool  # ended by early stop at its first success, so that what would have followed is unknown


def joints(trace: Trace, side: Literal["state", "action"]) -> np.ndarray | Unknown:
    """Return the positions (steps, joints) of all ``<side>.<part>`` signals, parts in the order of their names."""
    import numpy as np

    parts = [np.asarray(a, float) for name, a in sorted(trace.signals.items()) if name.startswith(f"{side}.")]
    return np.concatenate(parts, axis=1) if parts else Unknown(f"the trace has no {side}.<part> signal")


def tracked(trace: Trace) -> MotionPair | None:
    """Return the body's and the reference's key points (T, 15, 3) of an episode that tracks a motion, else None."""
    pred, ref = (trace.signals.get(f"{side}.keypoints") for side in ("body", "reference"))
    return None if pred is None or ref is None else MotionPair(pred.astype(float), ref.astype(float), trace.control_hz)
