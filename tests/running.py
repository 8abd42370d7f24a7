"""Short runs in the fake environment: what the tests of the harness share."""

from __future__ import annotations

import dataclasses
import io
import json
from pathlib import Path
from typing import Any

from rich.console import Console

from agents import bernoulli
from crossbody.contracts import EpisodeRow, RunProtocol
from crossbody.runs import RunFolder
from evaluators.loop.plan import Plan, Timeouts
from evaluators.loop.session import start
from tasks.suite import parse_suite, queue

SHORT = RunProtocol("short", episodes_per_task=3, max_steps=40, chunk=8, success_rule="chunk_end", early_stop=True)
SOON = bernoulli.Options(p=0.6, first=20, last=36)
"""Arrivals that fit into 40 steps, at no more than the point's speed."""


def make_plan(
    agent: str = "bernoulli", options: Any = SOON, tasks: tuple[str, ...] = ("A", "B"), **changes: Any
) -> Plan:
    """Return a plan for the fake environment.

    ``env`` are options of it, ``limit`` cuts the queue, other ``changes`` are fields of Plan.
    """
    env, limit = changes.pop("env", {}), changes.pop("limit", None)
    protocol = changes.pop("protocol", SHORT)
    group = {"env": "crossbody/Fake-v1", "family": "reach", "split": "in_domain", "tasks": tasks, "options": env}
    suite = parse_suite("for_tests", {"title": "t", "source": "s", "groups": [group]})
    seed = changes.pop("seed", 0)
    plan = Plan(agent, options, suite, protocol, queue(suite, protocol, seed)[:limit], seed)
    return dataclasses.replace(plan, **changes)


def run(path: Path, *args: Any, **kwargs: Any) -> RunFolder:
    """Run a plan (see ``make_plan``) into a folder."""
    return run_plan(path, make_plan(*args, **kwargs))


def run_plan(path: Path, plan: Plan) -> RunFolder:
    return start(plan, path, Console(file=io.StringIO()))


def records(folder: RunFolder) -> list[str]:
    """Return every attempt without worker and time, as text, sorted: the same for equal runs."""
    return sorted(json.dumps(row.comparable(), sort_keys=True) for row in folder.attempts())


def by_index(folder: RunFolder, task: str = "A") -> dict[int, list[EpisodeRow]]:
    """Return episode index -> its attempts in order."""
    found: dict[int, list[EpisodeRow]] = {}
    for row in folder.attempts():
        if row.task == task:
            found.setdefault(row.index, []).append(row)
    return found


def impatient(**seconds: float) -> Timeouts:
    """Return limits for tests of what hangs."""
    return Timeouts(**{"start_s": 60.0, "reset_s": 60.0, "step_s": 60.0, "act_s": 60.0, **seconds})
