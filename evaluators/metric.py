"""Metrics: a pure function of a trace or of videos, with what is needed to read its numbers."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from crossbody import catalog
from crossbody.contracts import MetricRow
from crossbody.runs import DamagedTrace, RunFolder, write_atomic

if TYPE_CHECKING:
    import numpy as np

    from evaluators.motion.clip import MotionPair


@dataclass(frozen=True)
class Trace:
    """What an episode left: the success bit of every control step (steps,) and signals, name -> (steps, …)."""

    success: np.ndarray
    signals: Mapping[str, np.ndarray]
    control_hz: float
    cut: bool  # ended by early stop at its first success, so that what would have followed is unknown


@dataclass(frozen=True)
class Unknown:
    """Why a metric has no value for an episode."""

    reason: str


@dataclass(frozen=True)
class Weighted:
    """A value that counts by its weight in the mean of a set, as a mean over the moving pixels of a clip does."""

    value: float
    weight: float


class Backbone(Protocol):
    """What a metric looks through: weights or an algorithm. Both texts stand in every row made with it."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...


@dataclass(frozen=True)
class Metric:
    """One metric. ``version`` rises with every change that can move a number."""

    name: str  # with its unit
    direction: Literal["up", "down", "none"]  # which way is better
    bounds: tuple[float, float]
    version: int
    function: Callable[[Any], float | Weighted | Unknown]
    of: str = (
        "trace"  # what the function takes: a trace, one of a body that tracks a motion (tracking), a motion_pair, …
    )
    backbone: Backbone | None = None

    def row(self, episode: str, measured: Any) -> MetricRow:
        """Return the metric's row of an episode. Unknown is NaN with its reason; a value out of bounds raises ValueError."""
        value = self.value(episode, measured)
        if isinstance(value, Unknown):
            return MetricRow(episode, self.name, math.nan, value.reason, self.version, 0.0)
        return MetricRow(episode, self.name, value.value, "", self.version, value.weight)

    def value(self, subject: str, measured: Any) -> Weighted | Unknown:
        """Return the function's value of what it measures; one out of bounds raises ValueError that names the subject."""
        found = self.function(measured)
        if isinstance(found, Unknown):
            return found
        weighted = found if isinstance(found, Weighted) else Weighted(float(found), 1.0)
        low, high = self.bounds
        if not low <= weighted.value <= high:
            raise ValueError(f"{self.name} of {subject} is {weighted.value}, outside [{low}, {high}]")
        return weighted


def metrics_of(kind: str) -> dict[str, Metric]:
    """Return name -> metric of those in the catalog that take ``kind``."""
    found = (catalog.resolve("metrics", name) for name in catalog.entries("metrics"))
    return {metric.name: metric for metric in found if metric.of == kind}


def joints(trace: Trace, side: Literal["state", "action"]) -> np.ndarray | Unknown:
    """Return the positions (steps, joints) of all ``<side>.<part>`` signals, parts in the order of their names."""
    import numpy as np

    parts = [np.asarray(a, float) for name, a in sorted(trace.signals.items()) if name.startswith(f"{side}.")]
    return np.concatenate(parts, axis=1) if parts else Unknown(f"the trace has no {side}.<part> signal")


def tracked(trace: Trace) -> MotionPair | None:
    """Return the body's and the reference's key points (T, 15, 3) of an episode that tracks a motion, else None."""
    from evaluators.motion.clip import MotionPair

    pred, ref = (trace.signals.get(f"{side}.keypoints") for side in ("body", "reference"))
    return None if pred is None or ref is None else MotionPair(pred.astype(float), ref.astype(float), trace.control_hz)


def metric_rows(folder: RunFolder) -> Iterator[MetricRow]:
    """Yield every metric of every episode that has an outcome, in the queue's order.

    What tracks a motion has the metrics of motion pairs besides: the body is the prediction.
    """
    kinds = {kind: metrics_of(kind).values() for kind in ("trace", "tracking", "motion_pair")}
    manifest = folder.manifest()
    hz = float(manifest.environment.get("control_hz", 0))
    for row in folder.final_rows().values():
        if row.status != "ok":
            continue
        try:
            bits, signals = folder.trace(row, manifest.protocol)
        except DamagedTrace as error:
            for metric in kinds["trace"]:
                yield MetricRow(row.episode, metric.name, math.nan, str(error), metric.version, 0.0)
            continue
        cut = manifest.protocol.early_stop and bool(row.success) and row.steps < manifest.protocol.max_steps
        trace = Trace(bits, signals, hz, cut)
        measured: dict[str, Any] = {"trace": trace}
        if pair := tracked(trace):
            measured |= {"tracking": trace, "motion_pair": pair}
        for kind, what in measured.items():
            for metric in kinds[kind]:
                yield metric.row(row.episode, what)


def write_metrics(folder: RunFolder) -> None:
    """Write ``metrics.parquet``: one row per episode and metric."""
    import pyarrow
    import pyarrow.parquet

    types = {"episode": pyarrow.string(), "metric": pyarrow.string(), "value": pyarrow.float64()}
    rest = [("reason", pyarrow.string()), ("version", pyarrow.int32()), ("weight", pyarrow.float64())]
    schema = pyarrow.schema([*types.items(), *rest])
    table = pyarrow.Table.from_pylist([dataclasses.asdict(r) for r in metric_rows(folder)], schema)
    buffer = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(table, buffer)
    write_atomic(folder.path / "metrics.parquet", buffer.getvalue().to_pybytes())
