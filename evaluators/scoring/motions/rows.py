"""What sets of motions say: a value with its interval for each system and metric."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from crossbody.seeds import generator
from evaluators.backbones.motion import Embedding
from evaluators.metric import Metric, Unknown, metrics_of
from evaluators.scoring.jackknife import jackknife
from evaluators.scoring.means import Found, mean_of, noted, score_of
from evaluators.scoring.motions.measuring import MotionClipRow, still
from evaluators.scoring.tables import Score, first_of
from evaluators.subjects.motion import MotionClip
from evaluators.subjects.motion_sets import NO_TEXTS, MotionSets
from evaluators.subjects.systems import PREDICTION, REAL, STILL, SYSTEMS
from reports.statistics import Estimate
from tasks.motion.motion import Motion

if TYPE_CHECKING:
    import numpy as np

REPLICATIONS = 20
"""Times that what is drawn is drawn, as text-to-motion does."""

BY_CLIP = "clips"


@dataclass(frozen=True)
class MotionSetRow(Score):
    """One metric of one system over all clips."""

    weighting: str  # frames: the mean over all frames; clips: every clip counts once; '' for what is said of a set
    embedding: str
    embedding_version: str
    replications: int  # draws behind the value; 0 when nothing is drawn
    frames: str
    fps: str
    align: str


@dataclass(frozen=True)
class Collections:
    """The motions of each system, and their texts."""

    preds: Mapping[str, Motion]
    refs: Mapping[str, Motion]
    texts: Mapping[str, str]  # clip -> text
    paired: bool
    align: str
    fps: float
    lost: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # system -> clip -> why it is not there

    @property
    def names(self) -> list[str]:
        """Names of the predictions that count: those that have a reference, where they need one."""
        return sorted(self.preds.keys() & self.refs.keys() if self.paired else self.preds.keys())

    def of(self, system: str) -> dict[str, Motion]:
        """Return the motions of a system by name."""
        if system == PREDICTION:
            return {name: self.preds[name] for name in self.names}
        return {name: still(ref) if system == STILL else ref for name, ref in self.refs.items()}

    @property
    def facts(self) -> tuple[str, str, str]:
        """Lengths, frame rate and alignment as text."""
        counts = sorted({len(m.keypoints) for m in (*self.of(PREDICTION).values(), *self.refs.values())})
        lengths = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
        return lengths, f"{self.fps:g}", self.align


def mean_rows(
    rows: Sequence[MotionClipRow], metrics: Iterable[Metric], motions: Collections, seed: int
) -> list[MotionSetRow]:
    """Return the means over frames and over clips of metrics that clips have, with intervals over clips."""
    rng = generator(seed, "score/groups")
    found = []
    for metric in metrics:
        for system in SYSTEMS:
            mine = [r for r in rows if (r.system, r.metric) == (system, metric.name)]
            for weighting in ("frames", BY_CLIP):
                mean = mean_of(mine, metric, rng, alike=weighting == BY_CLIP)
                found.append(_set_row(system, metric, mean, weighting, motions))
    return found


def embedded_rows(
    motions: Collections, metrics: Iterable[Metric], embedding: Embedding, seed: int
) -> list[MotionSetRow]:
    """Return the rows of the metrics of sets through an embedding, whose name is added to theirs.

    What needs texts is left out where there are none.
    """
    sets = _sets(motions, embedding, seed)
    found = []
    for metric in metrics:
        named = replace(metric, name=f"{metric.name}_{embedding.name}", backbone=embedding)
        values = {system: _embedded(named, sets[system], seed) for system in SYSTEMS}
        if NO_TEXTS not in values.values():
            found += [_embedded_row(named, system, values[system], sets[system], motions) for system in SYSTEMS]
    return found


def _embedded(metric: Metric, sets: MotionSets | Unknown, seed: int) -> Estimate | Unknown:
    if isinstance(sets, Unknown):
        return sets
    return (_drawn if _draws(metric) else _undrawn)(metric, sets, seed)


def _draws(metric: Metric) -> bool:
    """Return whether a metric draws, so that its value is the mean of several draws."""
    return any(metric.function is other.function for other in metrics_of("motion_draws").values())


def _embedded_row(
    metric: Metric, system: str, value: Estimate | Unknown, sets: MotionSets | Unknown, motions: Collections
) -> MotionSetRow:
    n, lost = (0 if isinstance(sets, Unknown) else len(sets.pred)), motions.lost.get(system, {})
    estimate = Estimate(math.nan, math.nan, math.nan, n) if isinstance(value, Unknown) else value
    note = value.reason if isinstance(value, Unknown) else _note(metric, motions, n)
    note = noted(note, first_of(list(lost.values())))
    whole = isinstance(sets, Unknown) and system != STILL  # an embedding from elsewhere need not have the floor
    missing = len(lost) + (len(motions.of(system)) if whole else 0)
    return _set_row(system, metric, Found(estimate, missing, note), "", motions)


def _note(metric: Metric, motions: Collections, n: int) -> str:
    half = min(n, len(motions.refs)) // 2
    return f"{half} clips against {half} others" if metric.name.startswith("fid_halves") else ""


def _sets(motions: Collections, embedding: Embedding, seed: int) -> dict[str, MotionSets | Unknown]:
    """Return what is compared for each system; every motion and every text goes through the embedding once."""
    refs = {name: motions.refs[name] for name in motions.names} if motions.paired else dict(motions.refs)
    stills = {name: still(ref) for name, ref in refs.items()}
    members = {PREDICTION: motions.of(PREDICTION), STILL: stills, REAL: refs}
    points = {
        system: embedding.motions(system, list(group), [MotionClip(m.keypoints, m.fps) for m in group.values()])
        for system, group in members.items()
    }
    told: dict[tuple[str, ...], np.ndarray | Unknown] = {}
    found: dict[str, MotionSets | Unknown] = {}
    for system, group in members.items():
        names, pred, ref = tuple(group), points[system], points[REAL]
        if isinstance(pred, Unknown):
            found[system] = pred
            continue
        if isinstance(ref, Unknown):
            found[system] = ref
            continue
        labels = tuple(motions.texts.get(name, "") for name in names)
        if names not in told:
            told[names] = embedding.texts(names, labels)
        text = told[names]
        known, reason = (None, text) if isinstance(text, Unknown) else (text, NO_TEXTS)
        paired, rng = motions.paired or system != PREDICTION, generator(seed, "score/draws")
        found[system] = MotionSets(pred, ref, rng, known, labels, paired, same=system == REAL, no_text=reason)
    return found


def _drawn(metric: Metric, sets: MotionSets, seed: int) -> Estimate | Unknown:
    """The mean of 20 draws with 1.96 standard errors of it, as text-to-motion prints them."""
    import numpy as np

    values = []
    for replication in range(REPLICATIONS):
        # Every system and metric draws alike, so that rows differ by their motions only.
        found = metric.value("the set", replace(sets, rng=generator(seed, f"score/draw/{replication}")))
        if isinstance(found, Unknown):
            return found
        values.append(found.value)
    reach = 1.96 * float(np.std(values)) / math.sqrt(REPLICATIONS)
    mean, (low, high) = float(np.mean(values)), metric.bounds
    return Estimate(mean, max(low, mean - reach), min(high, mean + reach), len(sets.pred))


def _undrawn(metric: Metric, sets: MotionSets, seed: int) -> Estimate | Unknown:
    whole = metric.value("the set", sets)
    if isinstance(whole, Unknown):
        return whole

    def value(kept: np.ndarray) -> float:
        found = metric.value("a part of the set", sets.chosen(kept))
        return math.nan if isinstance(found, Unknown) else found.value

    return jackknife(value, len(sets.pred), generator(seed, "score/groups"), metric.bounds)


def _set_row(system: str, metric: Metric, found: Found, weighting: str, motions: Collections) -> MotionSetRow:
    frames, fps, align = motions.facts
    return MotionSetRow(
        **score_of(system, metric, found),
        weighting=weighting,
        embedding=metric.backbone.name if metric.backbone else "",
        embedding_version=metric.backbone.version if metric.backbone else "",
        replications=REPLICATIONS if _draws(metric) else 0,
        frames=frames,
        fps=fps,
        align=align,
    )
