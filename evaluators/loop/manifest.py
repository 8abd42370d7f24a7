"""Everything that is needed to run it again."""

from __future__ import annotations

import dataclasses
import datetime
import os
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from crossbody.catalog import ROOT
from crossbody.runs import Manifest
from evaluators.loop.actor import AgentCard
from evaluators.loop.plan import Plan, cores

PACKAGES = (
    "crossbody",
    "gymnasium",
    "mujoco",
    "numpy",
    "praxis-robocasa-gr1",
    "praxis-robosuite",
    "scipy",
    "torch",
    "transformers",
)


def describe_run(plan: Plan, environment: Mapping[str, Any], agent: AgentCard, workers: Mapping[str, str]) -> Manifest:
    """Return the manifest of a run that is about to begin; ``workers`` says with what arithmetic they simulate."""
    computing = {"workers": workers} | ({} if agent.in_worker else {"agent": agent.arithmetic})
    return Manifest(
        command=plan.command,
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        agent=plan.agent,
        agent_options=_plain(dataclasses.asdict(plan.options)),
        agent_card=_plain(agent.card),
        suite=plan.suite.name,
        suite_title=plan.suite.title,
        suite_source=plan.suite.source,
        protocol=plan.protocol,
        protocol_hash=plan.protocol.hash(environment),
        environment=dict(environment),
        seed=plan.seed,
        episodes=plan.episodes,
        host=host() | {"arithmetic": computing},
        packages=packages(),
        git=git_commit(ROOT),
    )


def host() -> dict[str, Any]:
    """Return the kind of machine, without its name."""
    return {"system": platform.platform(), "cpu": _cpu(), "cores": cores(), "python": platform.python_version()}


def packages() -> dict[str, str]:
    """Return the versions of the installed packages that can move a number."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def git_commit(folder: Path) -> str:
    """Return the commit of a checkout, with + when tracked files differ from it; '' outside a checkout."""
    environ = os.environ | {"GIT_OPTIONAL_LOCKS": "0"}

    def git(*command: str) -> str:
        run = subprocess.run(
            ["git", "-C", str(folder), *command], env=environ, capture_output=True, text=True, timeout=30
        )
        return run.stdout.strip() if run.returncode == 0 else ""

    try:
        commit = git("rev-parse", "HEAD")
        return commit + "+" if commit and git("status", "--porcelain", "--untracked-files=no") else commit
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _plain(value: Any) -> Any:
    """Return the value as JSON holds it; paths as text."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)
