"""Measuring motions one by one: a row for each clip, system and metric."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from evaluators.metric import Metric, Outcome
from evaluators.scoring.motions.pairing import MotionsOfName
from evaluators.subjects.motion import MotionClip, MotionPair
from evaluators.subjects.systems import PREDICTION, REAL, STILL
from tasks.motion.motion import Motion


@dataclass(frozen=True)
class MotionClipRow:
    """One metric of one clip. A set's value is the mean of its clips' values, by weight (frames) or not (clips)."""

    clip: str
    system: str
    against: str  # name of the reference clip; '' for a metric of one clip
    metric: str
    value: float
    weight: float  # frames in the value
    reason: str  # why there is no value
    version: int
    frames: int
    fps: float
    aligned: str  # what was done to give both one length; '' for nothing


def pair_rows(
    pairs: Sequence[MotionsOfName], metrics: Iterable[Metric], real: Sequence[tuple[str, MotionsOfName]]
) -> list[MotionClipRow]:
    """Return rows of every pair as prediction and as still, and of ``real``: real motions, as if they
    predicted another one, whose name comes first.
    """
    metrics = list(metrics)
    rows: list[MotionClipRow] = []
    for pair in pairs:
        if not pair.pred or not pair.ref:
            rows += [_missing(pair.name, s, m, pair.reason) for s in (PREDICTION, STILL) for m in metrics]
            continue
        rows += _rows(PREDICTION, pair, pair.name, metrics, _cut(pair.pred, pair.ref))
        rows += _rows(STILL, pair, pair.name, metrics, _cut(still(pair.ref), pair.ref))
    for against, pair in real:
        assert pair.pred and pair.ref
        rows += _rows(REAL, pair, against, metrics, _cut(pair.pred, pair.ref))
    return rows


def clip_rows(
    clips: Mapping[str, Mapping[str, Motion]], metrics: Iterable[Metric], lost: Mapping[str, Mapping[str, str]]
) -> list[MotionClipRow]:
    """Return rows of metrics of one clip: ``clips`` are those of each system,
    ``lost`` why others of it are not there."""
    metrics = list(metrics)
    rows = [_missing(n, system, m, why) for system, found in lost.items() for n, why in found.items() for m in metrics]
    for system, motions in clips.items():
        for name, motion in motions.items():
            clip = MotionClip(motion.keypoints, motion.fps)
            rows += [_row(m, system, name, clip, ("", len(motion.keypoints), motion.fps, "")) for m in metrics]
    return rows


def still(motion: Motion) -> Motion:
    """Return a motion whose first frame lasts for ever: what a model gets that predicts no motion."""
    from dataclasses import replace

    import numpy as np

    frozen = np.repeat(motion.keypoints[:1], len(motion.keypoints), axis=0)
    return replace(motion, keypoints=frozen, joint_angles=None, joint_names=())


def _cut(pred: Motion, ref: Motion) -> MotionPair:
    length = min(len(pred.keypoints), len(ref.keypoints))
    return MotionPair(pred.keypoints[:length], ref.keypoints[:length], ref.fps)


def _rows(
    system: str, pair: MotionsOfName, against: str, metrics: Sequence[Metric], measured: MotionPair
) -> Iterator[MotionClipRow]:
    aligned = pair.aligned if system != STILL else ""
    for metric in metrics:
        yield _row(metric, system, pair.name, measured, (against, len(measured.ref), measured.fps, aligned))


def _row(
    metric: Metric, system: str, name: str, measured: MotionPair | MotionClip, facts: tuple[str, int, float, str]
) -> MotionClipRow:
    return _clip_row((name, system), metric, metric.outcome(f"motion '{name}' ({system})", measured), facts)


def _missing(name: str, system: str, metric: Metric, reason: str) -> MotionClipRow:
    return _clip_row((name, system), metric, Outcome(math.nan, 0.0, reason), ("", 0, math.nan, ""))


def _clip_row(of: tuple[str, str], metric: Metric, found: Outcome, facts: tuple[str, int, float, str]) -> MotionClipRow:
    """Return a row. ``of``: clip and system; ``facts``: the reference, frames, their rate and what was aligned."""
    against, frames, fps, aligned = facts
    return MotionClipRow(
        clip=of[0],
        system=of[1],
        against=against,
        metric=metric.name,
        **found._asdict(),
        version=metric.version,
        frames=frames,
        fps=fps,
        aligned=aligned,
    )
