"""What a run is to do, resolved from names: nothing has been started yet. Imports nothing heavy."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from crossbody import catalog
from crossbody.contracts import EpisodeSpec, RunProtocol, SuiteSpec
from envs.pool import PROCESSES

Keep = Literal["all", "failures", "none"]


@dataclass(frozen=True)
class Timeouts:
    """Seconds without a sign of life after which an attempt is given up."""

    start_s: float = 180.0
    """A worker's start, with its imports."""
    reset_s: float = 600.0
    """Building a scene; the first may have to make assets."""
    step_s: float = 120.0
    """One control step, with its picture and the decision of an agent that lives in the worker."""
    act_s: float = 300.0
    """One answer of an agent that acts in the runner."""


@dataclass(frozen=True)
class Plan:
    """One run. ``command`` is what was typed; a resume reads it again."""

    agent: str
    options: Any
    suite: SuiteSpec
    protocol: RunProtocol
    episodes: tuple[EpisodeSpec, ...]
    seed: int = 0
    workers: int = 1
    retries: int = 2
    video: Keep = "none"
    scenes: Path | None = None
    timeouts: Timeouts = field(default_factory=Timeouts)
    command: tuple[str, ...] = ()
    engine: str = PROCESSES


def agent_target(name: str) -> str:
    """Return "module:make" of an agent's name."""
    return name if ":" in name else catalog.find("agents", name).target


def with_environment(suite: SuiteSpec, **options: Any) -> SuiteSpec:
    """Return the suite with these options, where not None, for every environment."""
    given = {k: v for k, v in options.items() if v is not None}
    tasks = (dataclasses.replace(t, options={**t.options, **given}) for t in suite.tasks)
    return dataclasses.replace(suite, tasks=tuple(tasks))


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
