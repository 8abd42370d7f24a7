"""Measuring pairs of clips: rows for each, features for distances between sets. Memory is that of one clip per core."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from crossbody.errors import MissingExtra
from evaluators.backbones.weights import Weights
from evaluators.clips.reading import ClipError, read
from evaluators.metric import Metric, Outcome, metrics_of
from evaluators.scoring.videos.pairing import ClipFiles, aligned
from evaluators.subjects.systems import PREDICTION, REAL, STILL
from evaluators.subjects.video import Video, VideoPair

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Options:
    """How clips are made comparable and where networks run."""

    align: tuple[str, ...] = ()
    given: int = 0  # frames at the start that the model was shown: they are not scored
    fps: float = math.nan  # of clips that do not say
    device: str = "cpu"
    workers: int = 1


@dataclass(frozen=True)
class VideoClipRow:
    """One metric of one clip. A set's value is the mean of its clips' values by weight."""

    clip: str
    system: str
    against: str  # name of the reference clip
    metric: str
    value: float
    weight: float
    reason: str  # why there is no value
    version: int
    backbone: str
    backbone_version: str
    width: int
    height: int
    frames: int
    fps: float
    aligned: str  # what was done to the prediction; '' for nothing
    given: int


class Shape(NamedTuple):
    """The form in which a pair was measured."""

    width: int
    height: int
    frames: int
    fps: float


@dataclass
class Measured:
    """What came of the clips: rows in the order of the names, and features by system and clip."""

    rows: list[VideoClipRow] = field(default_factory=list)
    shapes: list[Shape] = field(default_factory=list)
    features: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)
    no_features: dict[str, str] = field(default_factory=dict)  # clip -> reason


@dataclass(frozen=True)
class Loaded:
    """A pair of one shape without its given frames, and what its rows say about it."""

    name: str
    against: str
    pair: VideoPair
    last_given: np.ndarray
    fps: float
    aligned: str

    @property
    def shape(self) -> Shape:
        """The form of the pair."""
        frames, height, width = self.pair.ref.frames.shape[:3]
        return Shape(width, height, frames, self.fps)


Progress = Callable[[int, int], None]


def measure(
    pairs: Sequence[ClipFiles], metrics: Mapping[str, Metric], options: Options, progress: Progress
) -> Measured:
    """Return rows of every clip as prediction and as still, and I3D features when a metric of sets is among
    ``metrics``.

    Clips are measured one by one on ``options.workers`` threads, so neither their number nor their order moves a value.
    """
    of_sets = metrics_of("video_sets")
    of_pairs = [m for m in metrics.values() if m.name not in of_sets]
    with_features = len(of_pairs) < len(metrics)

    def one(pair: ClipFiles) -> Measured:
        return _measure_clip(pair, of_pairs, with_features, options)

    return _join(_on_threads(one, pairs, options, progress))


def measure_real(
    halves: Sequence[tuple[ClipFiles, ClipFiles]], metrics: Mapping[str, Metric], options: Options, progress: Progress
) -> Measured:
    """Return rows in which a real clip stands for the prediction of another one: what mere likeness is worth."""
    of_sets = metrics_of("video_sets")
    of_pairs = [m for m in metrics.values() if m.name not in of_sets]

    def one(pair: tuple[ClipFiles, ClipFiles]) -> Measured:
        a, b = pair
        try:
            loaded = _load(ClipFiles(a.name, a.ref, b.ref, a.ref_info, b.ref_info), b.name, options)
        except ClipError as error:
            return Measured([_missing(a.name, REAL, b.name, m, str(error), options) for m in of_pairs])
        return Measured([_row(loaded, REAL, loaded.pair, m, options) for m in of_pairs])

    return _join(_on_threads(one, halves, options, progress))


def _measure_clip(pair: ClipFiles, metrics: Sequence[Metric], with_features: bool, options: Options) -> Measured:
    try:
        if pair.reason:
            raise ClipError(pair.reason)
        loaded = _load(pair, pair.name, options)
    except ClipError as error:
        rows = [_missing(pair.name, s, pair.name, m, str(error), options) for s in (PREDICTION, STILL) for m in metrics]
        return Measured(rows, no_features={pair.name: str(error)})
    still = VideoPair(Video.still(loaded.last_given, len(loaded.pair.ref.frames)), loaded.pair.ref, options.device)
    systems = {PREDICTION: loaded.pair, STILL: still}
    found = Measured([_row(loaded, s, p, m, options) for s, p in systems.items() for m in metrics], [loaded.shape])
    if with_features:
        _add_features(found, loaded, still, options)
    return found


def _add_features(found: Measured, loaded: Loaded, still: VideoPair, options: Options) -> None:
    from evaluators.backbones.video.features import i3d_features
    from evaluators.backbones.video.i3d import LEAST_FRAMES

    length = len(loaded.pair.ref.frames)
    if length < LEAST_FRAMES:
        found.no_features[loaded.name] = f"FVD needs {LEAST_FRAMES} frames; '{loaded.name}' has {length}"
        return
    videos = {PREDICTION: loaded.pair.pred, REAL: loaded.pair.ref, STILL: still.pred}
    features = i3d_features(list(videos.values()), options.device)
    found.features = {system: {loaded.name: row} for system, row in zip(videos, features, strict=True)}


def _load(pair: ClipFiles, against: str, options: Options) -> Loaded:
    assert pair.pred and pair.ref and pair.pred_info and pair.ref_info
    infos = pair.pred_info, pair.ref_info
    pred, ref, done = aligned(read(pair.pred), read(pair.ref), options.align, infos)
    if len(ref) <= options.given:
        raise ClipError(f"'{pair.name}' has {len(ref)} frames, and {options.given} of them were given")
    last_given = ref[max(0, options.given - 1)]
    fps = infos[0].fps if math.isnan(infos[1].fps) else infos[1].fps
    videos = VideoPair(Video(pred[options.given :]), Video(ref[options.given :]), options.device)
    return Loaded(pair.name, against, videos, last_given, fps, done)


def _row(loaded: Loaded, system: str, pair: VideoPair, metric: Metric, options: Options) -> VideoClipRow:
    found = metric.outcome(f"clip '{loaded.name}' ({system})", pair)
    done = loaded.aligned if system != STILL else ""
    return _clip_row((loaded.name, system, loaded.against), metric, found, (loaded.shape, done, options.given))


def _missing(name: str, system: str, against: str, metric: Metric, reason: str, options: Options) -> VideoClipRow:
    nothing = Shape(0, 0, 0, math.nan)
    return _clip_row((name, system, against), metric, Outcome(math.nan, 0.0, reason), (nothing, "", options.given))


def _clip_row(of: tuple[str, str, str], metric: Metric, found: Outcome, form: tuple[Shape, str, int]) -> VideoClipRow:
    """Return a row. ``of``: clip, system and reference; ``form``: shape, what was aligned, and the given frames."""
    clip, system, against = of
    shape, done, given = form
    backbone, backbone_version = backbone_of(metric)
    return VideoClipRow(
        clip=clip,
        system=system,
        against=against,
        metric=metric.name,
        **found._asdict(),
        version=metric.version,
        backbone=backbone,
        backbone_version=backbone_version,
        **shape._asdict(),
        aligned=done,
        given=given,
    )


def backbone_of(metric: Metric) -> tuple[str, str]:
    """Return the name and version of what a metric looks through; empty for none."""
    return (metric.backbone.name, metric.backbone.version) if metric.backbone else ("", "")


def _on_threads(one: Callable, items: Sequence, options: Options, progress: Progress) -> list[Measured]:
    import cv2
    import torch

    # Each clip has a thread of its own: within it nothing is split further, which also keeps sums in one order.
    threads, cv_threads = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    pool = ThreadPoolExecutor(options.workers)
    try:
        jobs = [pool.submit(one, item) for item in items]
        for number, job in enumerate(as_completed(jobs), 1):
            job.result()
            progress(number, len(jobs))
        return [job.result() for job in jobs]
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)
        cv2.setNumThreads(cv_threads)


def _join(parts: Sequence[Measured]) -> Measured:
    joined = Measured()
    for part in parts:
        joined.rows += part.rows
        joined.shapes += part.shapes
        joined.no_features |= part.no_features
        for system, features in part.features.items():
            joined.features.setdefault(system, {}).update(features)
    return joined


def absent_backbones(metrics: Mapping[str, Metric]) -> dict[str, str]:
    """Return metric -> reason of those whose weights are not installed."""
    absent = {}
    for name, metric in metrics.items():
        if isinstance(metric.backbone, Weights):
            try:
                metric.backbone.path()
            except MissingExtra as error:
                absent[name] = str(error)
    return absent
