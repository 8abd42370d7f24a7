"""Run folders as data frames: one row per episode of the queue, tried or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crossbody.contracts import EpisodeRow
from crossbody.errors import RunFolderError
from crossbody.reading import Unreadable, read_bytes
from crossbody.runs import DamagedTrace, Manifest, RunFolder, final_rows
from crossbody.texts import one_line

if TYPE_CHECKING:
    import pandas as pd

MISSING = "missing"
SHOWN_DOUBTS = 3
MOST_METRICS = 10_000_000
LARGEST_METRICS = 1 << 30


@dataclass(frozen=True)
class Run:
    """A run folder that has been read: its manifest and the last attempt of each episode.

    An episode whose trace does not bear its row out is missing, and ``doubts`` has the reason.
    """

    path: Path
    manifest: Manifest
    rows: Mapping[str, EpisodeRow]
    attempts: int
    doubts: Mapping[str, str] = field(default_factory=dict)

    @property
    def missing(self) -> list[str]:
        """The episodes of the queue without an attempt that can be believed."""
        return [e.id for e in self.manifest.episodes if e.id not in self.rows]


def read(path: Path | str) -> Run:
    """Return a run whose rows were checked against their traces; a folder that is not one raises RunFolderError."""
    folder = RunFolder(path)
    manifest, attempts = folder.manifest(), folder.attempts()
    rows = final_rows(manifest, attempts)
    doubts = {name: doubt for name, row in rows.items() if (doubt := _doubt(folder, row, manifest))}
    return Run(folder.path, manifest, {k: v for k, v in rows.items() if k not in doubts}, len(attempts), doubts)


def _doubt(folder: RunFolder, row: EpisodeRow, manifest: Manifest) -> str:
    """Return why a row cannot be believed, or ''."""
    if row.status != "ok" or not row.trace_hash:
        return ""
    try:
        folder.trace(row, manifest.protocol)
    except DamagedTrace as error:
        return str(error)
    return ""


def episodes(runs: Sequence[Run]) -> pd.DataFrame:
    """Return one row per episode of every queue.

    ``success`` is a bool; an episode whose last attempt is not ``ok`` is a failure and has ``failed`` set, one without
    an attempt has the status ``missing``.
    """
    import pandas as pd

    return pd.DataFrame([record for run in runs for record in _records(run)])


def measured(runs: Sequence[Run]) -> pd.DataFrame:
    """Return ``episodes`` with two more columns for every metric: ``metric.<name>`` and ``weight.<name>``, NaN where
    unknown.

    A folder without ``metrics.parquet`` raises RunFolderError.
    """
    import pandas as pd

    found = []
    for run in runs:
        long = metrics(run.path)
        wide = long.pivot(index="episode", columns="metric", values=["value", "weight"])
        wide.columns = [f"{'metric' if kind == 'value' else 'weight'}.{name}" for kind, name in wide.columns]
        found.append(episodes([run]).merge(wide, how="left", left_on="episode", right_index=True))
    return pd.concat(found, ignore_index=True)


def metrics(run: Path) -> pd.DataFrame:
    """Return a run's ``metrics.parquet``, a row per episode and metric;
    an absent or damaged one raises RunFolderError."""
    file, again = run / "metrics.parquet", f"`uv run crossbody resume {run}` writes it."
    try:
        long = read_parquet(file)
        doubled = long.duplicated(["episode", "metric"]).any()
        if doubled or any(long[c].dtype.kind != "f" for c in ("value", "weight")):
            raise Unreadable("has an episode's metric twice, or values that are no numbers")
    except FileNotFoundError:
        raise RunFolderError(f"{run} has no metrics.parquet. {again}") from None
    except (Unreadable, KeyError) as error:
        raise RunFolderError(f"{file} is damaged: {error}. Remove it; {again}") from error
    return long


def read_parquet(file: Path) -> pd.DataFrame:
    """Return a table of at most ``MOST_METRICS`` rows; what is none raises Unreadable."""
    import pyarrow
    import pyarrow.parquet

    content = read_bytes(file, LARGEST_METRICS)
    try:
        source = pyarrow.parquet.ParquetFile(pyarrow.BufferReader(content))
        if source.metadata.num_rows > MOST_METRICS:
            raise Unreadable(f"has {source.metadata.num_rows:,} rows; at most {MOST_METRICS:,} are read")
        return source.read().to_pandas()
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise error if isinstance(error, Unreadable) else Unreadable(one_line(str(error), 200)) from error


def where(rows: pd.DataFrame, column: str, *values: str) -> pd.DataFrame:
    """Return the rows whose column has one of the values."""
    return rows.loc[rows[column].isin(values).to_numpy()]  # pyright: ignore[reportReturnType]


def count(rows: pd.DataFrame, column: str, value: object) -> int:
    """Return how many rows have this value in a column."""
    return int((rows[column] == value).to_numpy().sum())


def _records(run: Run) -> list[dict[str, Any]]:
    m, records = run.manifest, []
    for e in m.episodes:
        row = run.rows.get(e.id)
        records.append(
            {
                "run": run.path.name,
                "agent": m.agent,
                "suite": m.suite,
                "protocol": m.protocol.name,
                "protocol_hash": m.protocol_hash,
                "episode": e.id,
                "task": e.task.name,
                "split": e.task.split,
                "family": e.task.family,
                "pair": e.task.pair or "",
                "index": e.index,
                "status": row.status if row else MISSING,
                "success": bool(row and row.status == "ok" and row.success),
                "failed": bool(row and row.status != "ok"),
                "steps": row.steps if row else 0,
                "scene_hash": row.scene_hash if row else "",
                "control_hz": float(m.environment.get("control_hz", 0)),
            }
        )
    return records


def require_one_protocol(runs: Sequence[Run]) -> None:
    """Raise RunFolderError with every differing field unless all runs have one protocol hash."""
    first = runs[0]
    for other in runs[1:]:
        if other.manifest.protocol_hash == first.manifest.protocol_hash:
            continue
        raise RunFolderError(
            f"{first.path} and {other.path} were run under different protocols, "
            f"{first.manifest.protocol_hash} and {other.manifest.protocol_hash}:\n"
            + "\n".join(f"  {line}" for line in protocol_differences(first.manifest, other.manifest))
            + "\nTheir numbers cannot stand in one table. Run one of them again under the other's protocol, or, "
            "when only "
            "success_rule differs, `uv run crossbody rescore RUN --rule RULE`."
        )


def protocol_differences(a: Manifest, b: Manifest) -> list[str]:
    """Return one line per field that enters the hash and differs."""
    unhashed = ("name", "note", "episodes_per_task")
    ours = {f"protocol.{k}": v for k, v in asdict(a.protocol).items() if k not in unhashed}
    theirs = {f"protocol.{k}": v for k, v in asdict(b.protocol).items() if k not in unhashed}
    ours |= {f"environment.{k}": v for k, v in a.environment.items()}
    theirs |= {f"environment.{k}": v for k, v in b.environment.items()}
    return differences(ours, theirs)


def differences(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """Return ``key: ours / theirs`` for every key whose values differ."""
    keys = list(ours) + [k for k in theirs if k not in ours]
    return [f"{k}: {ours.get(k, 'absent')} / {theirs.get(k, 'absent')}" for k in keys if ours.get(k) != theirs.get(k)]


def require_complete(runs: Sequence[Run]) -> None:
    """Raise RunFolderError with the number of missing episodes and the command that runs them."""
    for run in runs:
        if run.doubts:
            raise RunFolderError(
                f"{run.path}: {left_out(run)} Remove the rows of these episodes from episodes.jsonl and run "
                "them again with "
                f"`uv run crossbody resume {run.path}`, or give --show-missing to see what there is."
            )
        if run.missing:
            raise RunFolderError(
                f"{run.path}: {len(run.missing)} of {len(run.manifest.episodes)} episodes are missing "
                f"(the first is {run.missing[0]}). Finish it with `uv run crossbody resume {run.path}`, "
                "or give --show-missing to see what there is."
            )


def left_out(run: Run) -> str:
    """Return the sentence that names the episodes whose rows their traces do not bear out."""
    named = [f"{name}: {reason}" for name, reason in list(run.doubts.items())[:SHOWN_DOUBTS]]
    more = f", and {len(run.doubts) - SHOWN_DOUBTS} more" if len(run.doubts) > SHOWN_DOUBTS else ""
    return f"{len(run.doubts)} of {len(run.manifest.episodes)} episodes cannot be believed ({'; '.join(named)}{more})."
