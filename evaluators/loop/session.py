"""A run from its plan to its folder: look at the environment, compare contracts, write the manifest, run, sum up."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from crossbody.contracts import Agent, Contract
from crossbody.errors import CrossbodyError, RunFolderError
from crossbody.runs import RunFolder
from envs.pool import Pool
from evaluators.loop.acting import fit
from evaluators.loop.manifest import describe_run
from evaluators.loop.plan import Plan, agent_target
from evaluators.loop.progress import Progress, Tally
from evaluators.loop.runner import Rules, Runner, remaining
from evaluators.loop.worker import Setup

CARD_EVERY_S = 0.5


class NoEnvironment(CrossbodyError):
    """An environment that failed for a reason that nobody foresaw; its log is kept."""


@dataclass(frozen=True)
class Card:
    """What a worker's environment says about itself."""

    contract: Contract
    fingerprint: Mapping[str, Any]
    arithmetic: Mapping[str, str]


def start(plan: Plan, path: Path, console: Console) -> RunFolder:
    """Run a plan into a new folder and return it. Nothing is left behind when agent and environment do not fit."""
    RunFolder(path).refuse_existing()
    agent = plan.make_agent()
    try:
        with _pool(plan, path) as pool:
            card = look(pool, plan)
            fit(agent, card.contract, plan.protocol.chunk)
            folder = RunFolder.create(path, describe_run(plan, card.fingerprint, agent, card.arithmetic))
            _run(plan, folder, pool, agent, card, console)
    except NoEnvironment:
        raise
    except BaseException:
        _remove_logs(path)
        raise
    return folder


def go_on(plan: Plan, folder: RunFolder, console: Console) -> None:
    """Run what is missing of a folder. An environment that is no longer the recorded one raises RunFolderError."""
    manifest = folder.manifest()
    for leftover in folder.path.glob("*/.*.part*"):
        leftover.unlink()
    if not remaining(manifest.episodes, folder.attempts(), plan.retries):
        return
    agent = plan.make_agent()
    with _pool(plan, folder.path) as pool:
        card = look(pool, plan)
        _check_unchanged(folder, manifest.environment, card.fingerprint)
        fit(agent, card.contract, plan.protocol.chunk)
        _run(plan, folder, pool, agent, card, console)


def look(pool: Pool, plan: Plan) -> Card:
    """Return the card of the first task's environment, made in the first worker,
    which keeps it for the first episode."""
    task = plan.episodes[0].task
    pool.worker(0).begin("card", task)
    while True:
        for event in pool.wait(CARD_EVERY_S):
            if event.kind == "card":
                return Card(**event.content)
            if event.kind == "fatal":
                raise CrossbodyError(event.content)
            raise NoEnvironment(
                f"the environment {task.env} of task {task.name} could not be made: {event.content}\n"
                f"Everything that it printed is in {pool.log(0)}."
            )


def _pool(plan: Plan, path: Path) -> Pool:
    logs = path / "logs"
    try:
        logs.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunFolderError(
            f"cannot write the run folder {path}: {error.strerror}. Give another --out, or free the disk."
        ) from error
    timeouts = {"start": plan.timeouts.start_s, "reset": plan.timeouts.reset_s, "step": plan.timeouts.step_s}
    return Pool(min(plan.workers, len(plan.episodes)), "evaluators.loop.worker:serve", timeouts, logs)


def _remove_logs(path: Path) -> None:
    """Take away what a run left that never began, and nothing else: ``--out`` may be a folder of the user's."""
    if (path / "manifest.json").exists():
        return
    shutil.rmtree(path / "logs", ignore_errors=True)
    with suppress(OSError):
        path.rmdir()


def _run(plan: Plan, folder: RunFolder, pool: Pool, agent: Agent, card: Card, console: Console) -> None:
    pool.greet("setup", _setup(plan, agent))
    rules = Rules(plan.protocol, card.contract.action, plan.retries, plan.timeouts.act_s, plan.scenes)
    tally = Tally(len(plan.episodes), pool.count)
    for row in folder.attempts():
        tally.record(row, final=row.status == "ok" or row.attempt > plan.retries)
    try:
        with _lock(folder), Progress(tally, console) as progress:
            Runner(pool, None if agent.in_worker else agent, folder, rules, progress).run(plan.episodes)
    finally:
        agent.close()


def _setup(plan: Plan, agent: Agent) -> Setup:
    observe = tuple(c.name for c in agent.reads)
    if not agent.in_worker:
        return Setup(plan.protocol, plan.video, observe)
    return Setup(plan.protocol, plan.video, observe, agent_target(plan.agent), plan.options)


@contextmanager
def _lock(folder: RunFolder) -> Iterator[None]:
    """Keep a second process from writing into the folder; the lock goes with this process, however it ends."""
    with (folder.path / "manifest.json").open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunFolderError(f"another process is running {folder.path}. Wait for it, or end it first.") from None
        yield


def _check_unchanged(folder: RunFolder, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    differ = [
        f"{k}: was {before.get(k)}, is {now.get(k)}" for k in sorted({*before, *now}) if before.get(k) != now.get(k)
    ]
    if differ:
        raise RunFolderError(
            f"{folder.path} cannot be continued: its environment has changed.\n  "
            + "\n  ".join(differ)
            + "\nStart a new run."
        )
