"""The records of a collection: what was tried with which scene, and what came of it.

Every attempt ends as one line of ``attempts.jsonl``, and only then does it count: a worker that is killed leaves at
most files that the next one overwrites.
"""

from __future__ import annotations

import dataclasses
import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path

from crossbody.contracts import TaskSpec
from crossbody.runs import write_atomic
from crossbody.seeds import episode_seed

FORMAT = "lerobot2"
"""What demonstrations are collected in: a format whose writer goes on after a kill."""


@dataclass(frozen=True)
class Order:
    """What holds for all tasks of a collection."""

    folder: Path
    seed: int
    noise_rad: float
    perception: int  # frames per scene
    picture_every: int  # control steps
    student: str = ""  # an agent that acts before the expert does
    checkpoint: Path | None = None  # its weights, if it has any
    lead_in: int = 0  # control steps that the student has at most


@dataclass(frozen=True)
class Job:
    """Collect in this task until ``target`` demonstrations are kept or ``limit`` attempts are made,
    earlier ones included."""

    task: TaskSpec
    target: int
    limit: int


@dataclass(frozen=True)
class Attempt:
    """One line of ``attempts.jsonl``."""

    attempt: int
    seed: int
    kept: bool
    reason: str  # '' or why it was not kept
    steps: int
    grasps: int
    noise_rad: float
    perception: bool  # whether frames of its scene were kept
    elapsed_s: float
    lead_in: int = 0  # control steps of the student, which are not recorded


def scene_seed(seed: int, task: str, attempt: int) -> int:
    """Return the seed of an attempt's scene. Its name is none of an evaluation's episode, so their scenes differ."""
    return episode_seed(seed, f"demonstrations of {task}", attempt)


def attempts(folder: Path) -> list[Attempt]:
    """Return what a task's folder has recorded; a torn last line does not count."""
    file = folder / "attempts.jsonl"
    lines = file.read_bytes().split(b"\n")[:-1] if file.exists() else []
    return [Attempt(**json.loads(line)) for line in lines if line]


def record(folder: Path, attempt: Attempt) -> None:
    """Add a line, so that the file is always whole. One that is there already is not added: the worker of a collection
    that was killed may end its attempt while the next collection makes the same one."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lines = attempts(folder)
        if attempt.attempt < len(lines):
            return
        content = b"".join(json.dumps(dataclasses.asdict(a)).encode() + b"\n" for a in [*lines, attempt])
        write_atomic(folder / "attempts.jsonl", content)


def crashed(folder: Path, order: Order, task: str, reason: str) -> None:
    """Record that the attempt under way took its worker with it, so that the next worker goes on with the next
    scene."""
    number = len(attempts(folder))
    record(folder, Attempt(number, scene_seed(order.seed, task, number), False, reason, 0, 0, 0.0, False, 0.0))


def leftovers(folder: Path) -> None:
    """Remove what writers that were killed left half written."""
    for file in folder.rglob(".*.part*"):
        os.unlink(file)
