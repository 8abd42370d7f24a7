"""Metrics of episodes: a pure function of a trace, with what is needed to read its numbers."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from crossbody import catalog
from crossbody.contracts import MetricRow
from crossbody.runs import RunFolder, load_trace, write_atomic

if TYPE_CHECKING:
    import numpy as np


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
class Metric:
    """One metric. ``version`` rises with every change that can move a number."""

    name: str  # with its unit
    direction: Literal["up", "down", "none"]  # which way is better
    bounds: tuple[float, float]
    version: int
    function: Callable[[Trace], float | Unknown]

    def row(self, episode: str, trace: Trace) -> MetricRow:
        """Return the metric's row of an episode. Unknown is NaN with its reason; a value out of bounds raises ValueError."""
        value = self.function(trace)
        if isinstance(value, Unknown):
            return MetricRow(episode, self.name, math.nan, value.reason, self.version)
        low, high = self.bounds
        if not low <= value <= high:
            raise ValueError(f"{self.name} of {episode} is {value}, outside [{low}, {high}]")
        return MetricRow(episode, self.name, float(value), "", self.version)


def joints(trace: Trace, side: Literal["state", "action"]) -> np.ndarray | Unknown:
    """Return the positions (steps, joints) of all ``<side>.<part>`` signals, parts in the order of their names."""
    import numpy as np

    parts = [np.asarray(a, float) for name, a in sorted(trace.signals.items()) if name.startswith(f"{side}.")]
    return np.concatenate(parts, axis=1) if parts else Unknown(f"the trace has no {side}.<part> signal")


def metric_rows(folder: RunFolder) -> Iterator[MetricRow]:
    """Yield every metric of every episode that has an outcome, in the queue's order."""
    metrics = [catalog.resolve("metrics", name) for name in catalog.entries("metrics")]
    manifest = folder.manifest()
    hz = float(manifest.environment.get("control_hz", 0))
    for row in folder.final_rows().values():
        if row.status != "ok":
            continue
        bits, signals = load_trace(folder.trace_file(row.episode, row.attempt))
        cut = manifest.protocol.early_stop and bool(row.success) and row.steps < manifest.protocol.max_steps
        trace = Trace(bits, signals, hz, cut)
        for metric in metrics:
            yield metric.row(row.episode, trace)


def write_metrics(folder: RunFolder) -> None:
    """Write ``metrics.parquet``: one row per episode and metric."""
    import pyarrow
    import pyarrow.parquet

    types = {"episode": pyarrow.string(), "metric": pyarrow.string(), "value": pyarrow.float64()}
    schema = pyarrow.schema([*types.items(), ("reason", pyarrow.string()), ("version", pyarrow.int32())])
    table = pyarrow.Table.from_pylist([dataclasses.asdict(r) for r in metric_rows(folder)], schema)
    buffer = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(table, buffer)
    write_atomic(folder.path / "metrics.parquet", buffer.getvalue().to_pybytes())
