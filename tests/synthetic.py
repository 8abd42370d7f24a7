"""Run folders without a simulator: real suites and protocols, made-up outcomes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from crossbody.contracts import EpisodeRow, EpisodeSpec, SuiteSpec, TaskSpec, digest
from crossbody.runs import Manifest, RunFolder
from tasks.suite import load_protocol, load_suite, queue

ENVIRONMENT = {
    "simulator": "praxis-robocasa-gr1 0.2.0",
    "mujoco": "3.3.1",
    "assets": "generated 1 0123456789abcdef",
    "look": "fast",
    "patches": ["basket_4"],
    "PYTHONHASHSEED": "0",
}

Outcome = Callable[[EpisodeSpec], Any]
"""Episode -> True, False, the text of an error, or None for an episode that was never tried."""


def make_run(path: Path, outcome: Outcome, *, suite: str | SuiteSpec = "robocasa_ood", **changes: Any) -> RunFolder:
    """Return a run folder.

    ``changes``: ``protocol`` (name), ``environment``, ``episodes_per_task``, ``episodes`` (a function that cuts the
    queue), ``scene`` (episode -> scene hash), and any field of the manifest.
    """
    spec = load_suite(suite) if isinstance(suite, str) else suite
    scene = changes.pop("scene", lambda e: digest([e.id, e.seed]))
    manifest = _manifest(spec, changes)
    folder = RunFolder.create(path, manifest)
    rows = [_row(e, outcome(e), scene(e), manifest.protocol.max_steps) for e in manifest.episodes]
    lines = [json.dumps(dataclasses.asdict(row)) + "\n" for row in rows if row]
    (folder.path / "episodes.jsonl").write_text("".join(lines))
    return folder


def suite_of(**splits: int) -> SuiteSpec:
    """Return a suite that is in no catalog, with this many tasks in each split."""
    tasks = [
        TaskSpec(f"{split}_{i}", "crossbody/Fake-v1", "reach", split) for split, n in splits.items() for i in range(n)
    ]
    return SuiteSpec("made_up", "A made-up suite", tuple(tasks), "tests")


def _manifest(spec: SuiteSpec, changes: dict[str, Any]) -> Manifest:
    environment = changes.pop("environment", ENVIRONMENT)
    protocol = load_protocol(changes.pop("protocol", "quick"), episodes_per_task=changes.pop("episodes_per_task", None))
    cut = changes.pop("episodes", lambda episodes: episodes)
    seed = changes.get("seed", 0)
    fields = {
        "command": ("evaluate", "--agent", changes.get("agent", "expert"), "--suite", spec.name),
        "created": "2026-01-01T00:00:00+00:00",
        "agent": "expert",
        "agent_options": {},
        "agent_card": {},
        "suite": spec.name,
        "suite_title": spec.title,
        "suite_source": spec.source,
        "protocol": protocol,
        "protocol_hash": protocol.hash(environment),
        "environment": environment,
        "seed": seed,
        "episodes": tuple(cut(queue(spec, protocol, seed))),
        "host": {"cpu": "made up"},
        "packages": {"crossbody": "0.1.0", "mujoco": "3.3.1"},
        "git": "",
    }
    return Manifest(**fields | changes)


def _row(e: EpisodeSpec, result: Any, scene: str, steps: int) -> EpisodeRow | None:
    if result is None:
        return None
    wrong = isinstance(result, str)
    return EpisodeRow(
        episode=e.id,
        task=e.task.name,
        split=e.task.split,
        family=e.task.family,
        index=e.index,
        seed=e.seed,
        attempt=1,
        status="error" if wrong else "ok",
        success=None if wrong else bool(result),
        first_success_step=160 if result is True else None,
        steps=160 if result is True else steps,
        instruction="unlocked_waist: pick the pear from the plate and place it in the bowl",
        scene_hash=scene,
        trace_hash="",
        error=result if wrong else "",
        worker=0,
        elapsed_s=1.0,
    )


def track(folder: RunFolder) -> None:
    """Give every episode a body that follows a motion: 3 mm off for 10 frames in the first of a task,
    6 mm for 30 in the others."""
    import numpy as np

    from crossbody.runs import save_trace
    from evaluators.scoring.runs import write_metrics

    for row in folder.final_rows().values():
        frames, off = (10, 0.003) if row.index == 0 else (30, 0.006)
        ref = np.random.default_rng(row.index).normal(size=(frames, 15, 3)).astype(np.float32)
        signals = {
            "body.keypoints": ref + np.array([off, 0, 0], np.float32),
            "reference.keypoints": ref,
            "state.joints": np.zeros((frames, 2)),
            "reference.joints": np.zeros((frames, 2)),
            "body.fallen": np.zeros(frames, np.uint8),
            "reference.progress": np.linspace(0, 1, frames),
        }
        save_trace(folder.trace_file(row.episode, row.attempt), np.ones(frames, bool), signals)
    write_metrics(folder)
