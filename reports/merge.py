"""``crossbody merge A B … --out DIR``: the shards of one run become one run folder."""

from __future__ import annotations

import dataclasses
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Annotated, Any

import tyro

from crossbody import arithmetic
from crossbody.contracts import EpisodeSpec
from crossbody.errors import RunFolderError
from crossbody.reading import Unreadable
from crossbody.rows import line_of
from crossbody.runs import Manifest, RunFolder, write_atomic
from reports import frames

ONE = ("protocol_hash", "protocol", "agent", "agent_options", "agent_card", "suite", "seed", "packages", "git")
"""What the shards of one run share."""

KINDS = ("traces", "scenes", "video")


@dataclass(frozen=True)
class Arguments:
    """Join the shards of a run (evaluate --shard k/n) into one run folder."""

    shards: Annotated[tuple[Path, ...], tyro.conf.Positional]  # run folders of one agent, suite, protocol and seed
    out: Path  # the folder to make


def main(argv: Sequence[str]) -> int:
    """Join the shards and print the table of the whole."""
    from rich.console import Console

    from reports.summary import write

    arguments = tyro.cli(Arguments, args=list(argv), prog="crossbody merge")
    out = arguments.out.expanduser()
    merge(arguments.shards, out)
    if differ := arithmetic.difference({str(shard): RunFolder(shard).manifest().host for shard in arguments.shards}):
        print(f"Warning: {differ}", file=sys.stderr)
    write(out, Console())
    return 0


def merge(folders: Sequence[Path], out: Path) -> RunFolder:
    """Return a new run folder with every episode, attempt, trace, scene and video of the shards.

    Its queue has the order of the unsharded run. Shards that differ in more than their episodes, or that share one,
    raise RunFolderError; nothing is written then.
    """
    shards = [frames.read(folder) for folder in folders]
    if len(shards) < 2:
        raise RunFolderError(f"merge joins two run folders or more; it got {len(shards)}.")
    for shard in shards[1:]:
        _require_one_run(shards[0], shard)
    _require_disjoint(shards)
    files = [(kind, file) for folder in folders for kind in KINDS for file in RunFolder(folder).files(kind)]
    merged = RunFolder.create(out, _manifest(shards))
    _write_rows(merged, folders)
    for kind, file in files:
        shutil.copy2(file, merged.path / kind / file.name)
    _write_metrics(merged, folders)
    return merged


def canonical(queues: Sequence[Sequence[EpisodeSpec]], suite: str) -> tuple[EpisodeSpec, ...]:
    """Return the episodes of all queues by index, then by the suite's order of tasks.

    A suite that is not in the catalog has the order in which a round over the queues meets its tasks, which is the
    original one for queues made by ``--shard``.
    """
    from reports.columns import suite_tasks

    together = [e for round_ in zip_longest(*queues) for e in round_ if e is not None]
    order = [*suite_tasks(suite), *(e.task.name for e in together)]
    rank = {name: i for i, name in reversed(list(enumerate(order)))}
    return tuple(sorted(together, key=lambda e: (e.index, rank[e.task.name])))


def _manifest(shards: Sequence[frames.Run]) -> Manifest:
    first = shards[0].manifest
    return dataclasses.replace(
        first,
        command=_without_shard(first.command),
        created=min(s.manifest.created for s in shards),
        episodes=canonical([s.manifest.episodes for s in shards], first.suite),
        host=first.host if all(s.manifest.host == first.host for s in shards) else _hosts(shards),
    )


def _without_shard(command: Sequence[str]) -> tuple[str, ...]:
    kept, skip = [], False
    for word in command:
        if not skip and word != "--shard" and not word.startswith("--shard="):
            kept.append(word)
        skip = word == "--shard"
    return tuple(kept)


def _hosts(shards: Sequence[frames.Run]) -> dict[str, Any]:
    return {shard.path.name: shard.manifest.host for shard in shards}


def _require_one_run(first: frames.Run, other: frames.Run) -> None:
    ours, theirs = _identity(first.manifest), _identity(other.manifest)
    wrong = frames.differences(ours, theirs)
    if wrong:
        raise RunFolderError(
            f"{first.path} and {other.path} are not shards of one run:\n"
            + "\n".join(f"  {line}" for line in wrong)
            + "\nTo set different runs side by side use `uv run crossbody report` or `uv run crossbody compare`."
        )


def _identity(manifest: Manifest) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name in ONE:
        value = getattr(manifest, name)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            value = dataclasses.asdict(value)
        flat |= {f"{name}.{k}": v for k, v in value.items()} if isinstance(value, Mapping) else {name: value}
    return flat | {f"environment.{k}": v for k, v in manifest.environment.items()}


def _require_disjoint(shards: Sequence[frames.Run]) -> None:
    owner: dict[str, Path] = {}
    for shard in shards:
        doubled = [e.id for e in shard.manifest.episodes if e.id in owner]
        if doubled:
            raise RunFolderError(
                f"{owner[doubled[0]]} and {shard.path} share {len(doubled)} episodes (the first is {doubled[0]}); "
                "an episode counts once. Leave one of the two out."
            )
        owner |= {e.id: shard.path for e in shard.manifest.episodes}


def _write_rows(merged: RunFolder, folders: Sequence[Path]) -> None:
    place = {e.id: i for i, e in enumerate(merged.manifest().episodes)}
    rows = [row for folder in folders for row in RunFolder(folder).attempts() if row.episode in place]
    rows.sort(key=lambda row: place[row.episode])  # stable: the attempts of an episode keep their order
    write_atomic(merged.path / "episodes.jsonl", b"".join(map(line_of, rows)))


def _write_metrics(merged: RunFolder, folders: Sequence[Path]) -> None:
    import pandas as pd

    files = [folder / "metrics.parquet" for folder in folders]
    try:
        tables = [frames.read_parquet(file) for file in files if file.exists()]
    except Unreadable as error:
        raise RunFolderError(
            f"a shard's metrics.parquet is damaged: {error}. `uv run crossbody resume` on that shard writes it again."
        ) from error
    if tables:
        pd.concat(tables, ignore_index=True).to_parquet(merged.path / "metrics.parquet", index=False)
