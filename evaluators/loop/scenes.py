"""Which scenes a run meets: the canonical ones that everybody meets, fresh ones of its seed,
or those of another run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from crossbody.contracts import EpisodeSpec, RunProtocol, SuiteSpec, scene_hash
from crossbody.errors import CrossbodyError
from crossbody.runs import RunFolder
from tasks.suite import canonical_scenes

CANONICAL, FRESH = "canonical", "fresh"
CANONICAL_SEED = 0
"""The run seed of whose scenes the canonical ones are; other seeds ask for other scenes."""


@dataclass(frozen=True)
class Scenes:
    """``kind``: canonical or fresh. ``run``: the folder whose scenes are restored, if any."""

    kind: str
    run: Path | None = None

    def option(self) -> str | None:
        """Return the environments' option; fresh scenes are what environments have without one."""
        return CANONICAL if self.kind == CANONICAL else None


def choose(asked: str | None, suite: str, seed: int, assets: str | None) -> Scenes:
    """Return what ``--scenes`` means: by default canonical scenes where a suite has them,
    for seed 0 and the generated assets."""
    fits = bool(canonical_scenes(suite)) and assets in (None, "generated")
    if asked is None:
        return Scenes(CANONICAL if fits and seed == CANONICAL_SEED else FRESH)
    if asked == FRESH:
        return Scenes(FRESH)
    if asked == CANONICAL:
        if not fits:
            reason = (
                f"suite {suite} has none" if not canonical_scenes(suite) else f"there are none of the {assets} assets"
            )
            raise CrossbodyError(f"--scenes canonical: {reason}. Give --scenes fresh, or the folder of a run.")
        return Scenes(CANONICAL)
    run = run_folder(Path(asked))
    recorded = (run / "manifest.json").is_file() and "scenes" in RunFolder(run).manifest().environment
    return Scenes(CANONICAL if fits and recorded else FRESH, run)


def run_folder(path: Path) -> Path:
    """Return the run folder whose scenes are to be replayed: ``path`` is the run,
    its manifest.json or its ``scenes`` folder."""
    run = path.parent if path.name in ("scenes", "manifest.json") else path
    if not (run / "scenes").is_dir():
        raise CrossbodyError(
            f"--scenes {path}: there is no folder {run / 'scenes'}. Give the folder of a run, or canonical, or fresh."
        )
    return run.resolve()


def check_recorded(run: Path, episodes: Sequence[EpisodeSpec]) -> None:
    """Raise CrossbodyError unless a run has the scene of every episode, each the one that its row records."""
    folder = RunFolder(run)
    missing = [e.id for e in episodes if not folder.scene_file(e.id).is_file()]
    if missing:
        raise CrossbodyError(
            f"--scenes {run}: {len(missing)} of {len(episodes)} episodes have no scene there (the first is "
            f"{missing[0]}). "
            "Run that suite, these --tasks and this number of --episodes there first."
        )
    played = {row.episode: row.scene_hash for row in folder.attempts() if row.scene_hash}
    changed = [e.id for e in episodes if e.id in played and _hash(folder.scene_file(e.id)) != played[e.id]]
    if changed:
        raise CrossbodyError(
            f"--scenes {run}: {len(changed)} scenes are not those that its rows record (the first is {changed[0]}): "
            "the files have been changed or damaged since. Take the run from where it was made."
        )


def sentence(suite: SuiteSpec, protocol: RunProtocol, seed: int, run: Path | None) -> str:
    """Return which scenes a run meets; '' where a suite has only fresh ones."""
    shipped = canonical_scenes(suite.name)
    if run is not None:
        return f"scenes of {run}"
    if not shipped:
        return ""
    if suite.tasks[0].options.get("scenes", FRESH) == FRESH:
        return f"scenes fresh, drawn from seed {seed}"
    beyond = f"; beyond them fresh ones of seed {seed}" if protocol.episodes_per_task > shipped else ""
    return f"scenes canonical, {shipped} per task{beyond}; the seed fixes only what agents draw"


def _hash(file: Path) -> str:
    try:
        return scene_hash(json.loads(file.read_text(encoding="utf8")))
    except (ValueError, AttributeError, OSError):
        return ""
