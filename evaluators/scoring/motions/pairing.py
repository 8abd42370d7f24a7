"""Which predicted motion belongs to which real one, and whether the two can be compared."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from crossbody.errors import CrossbodyError
from tasks.motion.motion import Motion
from tasks.motion.reading import Read

SAME_RATE = 1e-3
"""Frame rates that differ by less, relatively, are one: 29.97 is written in several ways."""


@dataclass(frozen=True)
class MotionsOfName:
    """The two motions of a name, or the reason why there is nothing to compare."""

    name: str
    pred: Motion | None = None
    ref: Motion | None = None
    reason: str = ""

    @property
    def aligned(self) -> str:
        """What is done to give both one length ('' for nothing)."""
        if not (self.pred and self.ref) or len(self.pred.keypoints) == len(self.ref.keypoints):
            return ""
        lengths = len(self.pred.keypoints), len(self.ref.keypoints)
        return f"length {lengths[0]} and {lengths[1]} to {min(lengths)}"


def pair_up(preds: Read, refs: Read, cut: bool) -> list[MotionsOfName]:
    """Return the pairs by name. Lengths that differ raise CrossbodyError unless the longer one is to be ``cut``.

    Motions without a partner and motions that are wrong are pairs with a reason. No name in common raises
    CrossbodyError."""
    if not preds.keys() & refs.keys():
        raise CrossbodyError(
            f"no predicted motion has the name of a real one: {len(preds)} such as '{next(iter(preds))}' against "
            f"{len(refs)} such as '{next(iter(refs))}'. Rename them, or add `--unpaired`, which compares sets only."
        )
    pairs = [_pair(name, preds.get(name), refs.get(name)) for name in sorted(preds.keys() | refs.keys())]
    different = [p for p in pairs if p.aligned]
    if different and not cut:
        pair = different[0]
        assert pair.pred and pair.ref
        more = f" So do {len(different) - 1} more." if len(different) > 1 else ""
        raise CrossbodyError(
            f"the motions '{pair.name}' differ in length: the prediction has {len(pair.pred.keypoints)} frames and the "
            f"reference {len(pair.ref.keypoints)}.{more} Add `--align length`, which cuts the longer one and "
            "stands in every "
            "row, or `--unpaired`, which compares sets only."
        )
    return pairs


def usable(read: Read) -> dict[str, Motion]:
    """Return the motions that could be read."""
    return {name: motion for name, motion in read.items() if isinstance(motion, Motion)}


def check_one_rate(preds: Mapping[str, Motion], refs: Mapping[str, Motion]) -> float:
    """Return the frame rate of all motions; CrossbodyError with both values when they have more than one.

    Errors per frame, accelerations and embeddings of motions of two rates are of two kinds.
    """
    found: Sequence[tuple[str, float]] = [
        (f"{side} '{name}'", motion.fps)
        for side, (name, motion) in chain(
            (("the reference", item) for item in refs.items()), (("the prediction", item) for item in preds.items())
        )
    ]
    first, rate = found[0]
    for other, its_rate in found[1:]:
        if not math.isclose(rate, its_rate, rel_tol=SAME_RATE):
            raise CrossbodyError(
                f"{first} has {rate:g} fps and {other} {its_rate:g}. Resample them to one frame rate: errors per frame "
                "and accelerations cannot be compared otherwise."
            )
    return rate


def _pair(name: str, pred: object, ref: object) -> MotionsOfName:
    for side, motion in (("prediction", pred), ("reference", ref)):
        if motion is None:
            return MotionsOfName(name, reason=f"there is no {side} named '{name}'")
        if isinstance(motion, Exception):
            return MotionsOfName(name, reason=str(motion))
    assert isinstance(pred, Motion) and isinstance(ref, Motion)
    return MotionsOfName(name, pred, ref)
