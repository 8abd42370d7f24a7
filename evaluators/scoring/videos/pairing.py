"""Which prediction belongs to which reference, whether the two can be compared,
and how they are aligned when asked to."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from crossbody.errors import CrossbodyError
from evaluators.clips.reading import ClipError, ClipInfo, Survey, probe, survey

if TYPE_CHECKING:
    import numpy as np

ALIGNMENTS = ("fps", "length", "size")
"""What may be made equal, in this order: the prediction's frame times, the length of both, the prediction's size."""

SAME_TIME_S = 1e-3
"""Times that differ by less are one: containers round them to milliseconds."""

SAME_RATE = 1e-3
"""Frame rates that differ by less, relatively, are one: 29.97 is written in several ways."""


@dataclass(frozen=True)
class ClipFiles:
    """The two files of a name, or the reason why there is nothing to compare."""

    name: str
    pred: Path | None = None
    ref: Path | None = None
    pred_info: ClipInfo | None = None
    ref_info: ClipInfo | None = None
    reason: str = ""


def pair_up(pred: Path, ref: Path, align: Collection[str], fps: float) -> list[ClipFiles]:
    """Return the pairs of two folders by name. Clips that differ in what ``align`` does not cover raise CrossbodyError.

    ``fps`` is the frame rate of clips that do not say theirs, NaN when unknown. Clips without a partner and clips that
    cannot be read are pairs with a reason. Folders without any name in common raise CrossbodyError.
    """
    sides = survey(pred), survey(ref)
    preds, refs = (side.clips for side in sides)
    if not preds.keys() & refs.keys():
        raise CrossbodyError(
            f"no clip of {pred} has the name of a clip of {ref}: {len(preds)} such as '{next(iter(preds))}' "
            f"against {len(refs)} such as '{next(iter(refs))}'. Clips are paired by name."
        )
    pairs = [_pair(name, preds.get(name), refs.get(name), fps) for name in sorted(preds.keys() | refs.keys())]
    _refuse_idle_rate(pairs, fps)
    _refuse_different(pairs, align)
    return pairs + _unread(sides)


def _unread(sides: Sequence[Survey]) -> list[ClipFiles]:
    """Return what lies beside the clips and cannot be read: their rows are missing with a reason."""
    why = {name: reason for side in sides for name, reason in side.unread.items()}
    return [ClipFiles(name, reason=why[name]) for name in sorted(why)]


def _infos(pairs: Sequence[ClipFiles]) -> list[tuple[str, ClipInfo]]:
    return [(pair.name, info) for pair in pairs for info in (pair.pred_info, pair.ref_info) if info]


def _refuse_idle_rate(pairs: Sequence[ClipFiles], fps: float) -> None:
    """Refuse a frame rate that no clip needs and that one contradicts."""
    infos = _infos(pairs)
    if math.isnan(fps) or any(info.assumed for _, info in infos):
        return
    for name, info in infos:
        if info.times or not math.isclose(info.fps, fps, rel_tol=SAME_RATE):
            raise CrossbodyError(
                f"--fps {fps:g} is for clips that do not say their rate, and all of these do: '{name}' is {info.text}. "
                "Leave --fps out."
            )


def rate_line(pairs: Sequence[ClipFiles], fps: float) -> str:
    """Return what a reader must know of a rate that holds for some clips only; '' when it holds for all or for none."""
    infos = _infos(pairs)
    assumed = sum(info.assumed for _, info in infos)
    if not assumed or assumed == len(infos):
        return ""
    return f"--fps {fps:g} holds for {assumed} of {len(infos)} clips; the others say their own rate"


def differences(pred: ClipInfo, ref: ClipInfo) -> Iterator[str]:
    """Yield the alignments that two clips need."""
    if not _same_times(pred, ref):
        yield "fps"
    if pred.frames != ref.frames:
        yield "length"
    if (pred.height, pred.width) != (ref.height, ref.width):
        yield "size"


def aligned(
    pred: np.ndarray, ref: np.ndarray, align: Collection[str], infos: tuple[ClipInfo, ClipInfo]
) -> tuple[np.ndarray, np.ndarray, str]:
    """Return both clips (t, h, w, 3) as one shape, and what was done to get there ('' for nothing).

    ``fps`` takes the prediction's frame that is nearest to each of the reference's times; where the prediction's frames
    last differently, the one that is shown then. ``length`` cuts the longer
    clip's end. ``size`` resizes the prediction: area averages when it shrinks, else bilinear.
    """
    done = []
    if "fps" in align and not _same_times(*infos):
        pred = pred[frames_at(*infos)]
        done.append(f"fps {_rate(infos[0])} to {_rate(infos[1])}")
    if "length" in align and len(pred) != len(ref):
        length = min(len(pred), len(ref))
        done.append(f"length {len(pred)} and {len(ref)} to {length}")
        pred, ref = pred[:length], ref[:length]
    if "size" in align and pred.shape[1:3] != ref.shape[1:3]:
        done.append(f"size {pred.shape[2]}x{pred.shape[1]} to {ref.shape[2]}x{ref.shape[1]}")
        pred = _resized(pred, ref.shape[1], ref.shape[2])
    if pred.shape != ref.shape:
        raise ClipError(f"the prediction has the shape {pred.shape} and the reference {ref.shape}")
    return pred, ref, "; ".join(done)


def _same_times(pred: ClipInfo, ref: ClipInfo) -> bool:
    """Return whether two clips show their frames at the same times, as far as they say."""
    if pred.times or ref.times:
        return len(pred.times) == len(ref.times) and all(map(_close, pred.times, ref.times))
    return math.isnan(pred.fps) or math.isnan(ref.fps) or math.isclose(pred.fps, ref.fps, rel_tol=SAME_RATE)


def _close(a: float, b: float) -> bool:
    return abs(a - b) < SAME_TIME_S


def _rate(info: ClipInfo) -> str:
    return f"{info.fps:g}" + (" on average" if info.times else "")


def frames_at(pred: ClipInfo, ref: ClipInfo) -> list[int]:
    """Return the indices of the prediction's frames that show what the reference's frames are to be compared with.

    >>> frames_at(ClipInfo(8, 8, 3, 2.5, (0.0, 0.6, 0.8, 1.2)), ClipInfo(8, 8, 12, 10.0))
    [0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 2, 2]
    >>> frames_at(ClipInfo(8, 8, 12, 10.0), ClipInfo(8, 8, 3, 2.5, (0.0, 0.6, 0.8, 1.2)))
    [0, 6, 8]
    """
    if not (pred.times or ref.times):
        return nearest_frames(pred.frames, pred.fps, ref.fps)
    if math.isnan(pred.fps) or math.isnan(ref.fps):
        raise ClipError("one clip says when each frame is shown and the other says no rate: give it with --fps")
    end = pred.times[-1] if pred.times else pred.frames / pred.fps
    count = max(1, round(end * ref.fps))
    wanted = [t for t in ref.times[:-1] if t < end - SAME_TIME_S] if ref.times else [i / ref.fps for i in range(count)]
    if not pred.times:
        return [min(pred.frames - 1, round(t * pred.fps)) for t in wanted]
    return [bisect_right(pred.times[:-1], t + SAME_TIME_S) - 1 for t in wanted]


def nearest_frames(length: int, rate: float, wanted: float) -> list[int]:
    """Return the indices of ``length`` frames at ``rate`` that show what a clip at the rate ``wanted`` would.

    >>> nearest_frames(7, 30.0, 10.0), nearest_frames(3, 10.0, 20.0)
    ([0, 3, 6], [0, 0, 1, 2, 2])
    """
    count = int((length - 1) * wanted / rate + 1e-9) + 1
    return [min(length - 1, round(i * rate / wanted)) for i in range(count)]


def _pair(name: str, pred: Path | None, ref: Path | None, fps: float) -> ClipFiles:
    if pred is None or ref is None:
        return ClipFiles(
            name, pred, ref, reason=f"there is no {'prediction' if pred is None else 'reference'} named '{name}'"
        )
    try:
        pred_info, ref_info = _with_rate(probe(pred), fps), _with_rate(probe(ref), fps)
    except ClipError as error:
        return ClipFiles(name, pred, ref, reason=str(error))
    return ClipFiles(name, pred, ref, pred_info, ref_info)


def _with_rate(info: ClipInfo, fps: float) -> ClipInfo:
    return info._replace(fps=fps, assumed=True) if math.isnan(info.fps) and not math.isnan(fps) else info


def _refuse_different(pairs: Sequence[ClipFiles], align: Collection[str]) -> None:
    wrong = [(p, missing) for p in pairs if (missing := _uncovered(p, align))]
    if wrong:
        pair, _ = wrong[0]
        needed = [a for a in ALIGNMENTS if any(a in missing for _, missing in wrong)]
        assert pair.pred_info and pair.ref_info
        more = f" So do {len(wrong) - 1} more." if len(wrong) > 1 else ""
        raise CrossbodyError(
            f"the clips '{pair.name}' differ: the prediction is {pair.pred_info.text}; the reference is "
            f"{pair.ref_info.text}.{more} "
            "Score them as they should be, or add `--align "
            f"{' '.join([a for a in ALIGNMENTS if a in align or a in needed])}`, "
            "which stands in every row."
        )


def _uncovered(pair: ClipFiles, align: Collection[str]) -> list[str]:
    pred, ref = pair.pred_info, pair.ref_info
    if pred is None or ref is None:
        return []
    if "fps" in align and not _same_times(pred, ref):
        try:
            pred = pred._replace(frames=len(frames_at(pred, ref)), fps=ref.fps, times=ref.times)
        except ClipError as error:
            raise CrossbodyError(f"the clips '{pair.name}': {error}") from error
    return [d for d in differences(pred, ref) if d not in align]


def _resized(frames: np.ndarray, height: int, width: int) -> np.ndarray:
    import cv2
    import numpy as np

    shrinks = frames.shape[1] >= height and frames.shape[2] >= width
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.stack([cv2.resize(frame, (width, height), interpolation=how) for frame in frames])
