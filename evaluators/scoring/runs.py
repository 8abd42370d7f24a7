"""The metrics of a run: a row for each episode and metric, from the traces alone."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

from crossbody.contracts import MetricRow
from crossbody.runs import DamagedTrace, RunFolder, write_atomic
from evaluators.metric import metrics_of
from evaluators.subjects.trace import Trace, tracked

SUBJECTS = ("trace", "tracking", "motion_pair")
"""What episodes are measured as, in the order of their rows: what tracks a motion has those of motion pairs besides."""


def metric_rows(folder: RunFolder) -> Iterator[MetricRow]:
    """Yield every metric of every episode that has an outcome, in the queue's order.

    What tracks a motion has the metrics of motion pairs besides: the body is the prediction.
    """
    kinds = {kind: metrics_of(kind).values() for kind in SUBJECTS}
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
