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

from crossbody.contracts import Contract
from crossbody.errors import CrossbodyError, RunFolderError
from crossbody.runs import RunFolder
from crossbody.texts import say
from envs import registration
from envs.pool import Pool, PoolOrder, open_pool
from evaluators.loop.actor import Actor, AgentCard
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
    registration.check(plan.suite)
    try:
        with _actor(plan, console) as agent, _pool(plan, path) as pool:
            card = look(pool, plan)
            agent.meet(card.contract, plan.protocol.chunk)
            folder = RunFolder.create(path, describe_run(plan, card.fingerprint, agent.about, card.arithmetic))
            with _lock(folder):
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
    with _lock(folder):
        for kind in ("", "traces", "scenes", "video"):
            for leftover in folder.leftovers(kind):
                leftover.unlink()
        if not remaining(manifest.episodes, folder.attempts(), plan.retries):
            return
        with _actor(plan, console) as agent, _pool(plan, folder.path) as pool:
            card = look(pool, plan)
            _check_unchanged(folder, manifest.environment, card.fingerprint)
            agent.meet(card.contract, plan.protocol.chunk)
            _run(plan, folder, pool, agent, card, console)


@contextmanager
def _actor(plan: Plan, console: Console) -> Iterator[Actor]:
    """Yield the agent, made in a process of its own, and close it; what goes wrong with that costs no result."""
    agent = Actor(plan.agent, agent_target(plan.agent), plan.options, plan.timeouts.act_s)
    try:
        _ = agent.about  # a missing checkpoint or extra is told before anything else starts
        yield agent
    finally:
        if wrong := agent.close():
            say(console, f"{wrong} (after the last episode: no result depends on it)")


def look(pool: Pool, plan: Plan) -> Card:
    """Return the card of the first task's environment, made in the first worker,
    which keeps it for the first episode."""
    task = plan.episodes[0].task
    for tries_left in reversed(range(plan.retries + 1)):
        pool.worker(0).begin("card", task)
        while not (events := list(pool.wait(CARD_EVERY_S))):
            pass
        for event in events:
            if event.kind == "card":
                return Card(**event.content)
            if event.kind == "fatal":
                raise CrossbodyError(event.content)
            if event.kind == "died" and tries_left:
                break
            raise NoEnvironment(
                f"the environment {task.env} of task {task.name} could not be made: {event.content}\n"
                f"Everything that it printed is in {pool.log(0)}."
            )
    raise AssertionError("the last try returns or raises")


def _pool(plan: Plan, path: Path) -> Pool:
    logs = path / "logs"
    try:
        logs.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunFolderError(
            f"cannot write the run folder {path}: {error.strerror}. Give another --out, or free the disk."
        ) from error
    timeouts = {"start": plan.timeouts.start_s, "reset": plan.timeouts.reset_s, "step": plan.timeouts.step_s}
    count = min(plan.workers, len(plan.episodes))
    return open_pool(plan.engine, PoolOrder(count, "evaluators.loop.worker:serve", timeouts, logs))


def _remove_logs(path: Path) -> None:
    """Take away what a run left that never began, and nothing else: ``--out`` may be a folder of the user's."""
    if (path / "manifest.json").exists():
        return
    shutil.rmtree(path / "logs", ignore_errors=True)
    with suppress(OSError):
        path.rmdir()


def _run(plan: Plan, folder: RunFolder, pool: Pool, agent: Actor, card: Card, console: Console) -> None:
    about = agent.about
    pool.greet("setup", _setup(plan, about))
    if about.in_worker:  # every worker has its own
        agent.close()
    rules = Rules(plan.protocol, card.contract.action, plan.retries, plan.scenes)
    tally = Tally(len(plan.episodes), pool.count)
    for row in folder.attempts():
        tally.record(row, final=row.status == "ok" or row.attempt > plan.retries)
    with Progress(tally, console) as progress:
        Runner(pool, None if about.in_worker else agent, folder, rules, progress).run(plan.episodes)


def _setup(plan: Plan, agent: AgentCard) -> Setup:
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
