"""Suites and protocols from their TOML files, and the fixed queue of episodes."""

from __future__ import annotations

import dataclasses
import fnmatch
from collections.abc import Iterable, Mapping
from typing import Any

from crossbody import catalog
from crossbody.contracts import SUCCESS_RULES, EpisodeSpec, RunProtocol, SuiteSpec, TaskSpec
from crossbody.errors import CrossbodyError, UnknownName
from crossbody.seeds import episode_seed

MOST_EPISODES = 1_000_000


def load_suite(name: str) -> SuiteSpec:
    """Return the suite of a name; its tasks stand in the order of the file."""
    return parse_suite(name, catalog.resolve("suites", name))


def parse_suite(name: str, data: Mapping[str, Any]) -> SuiteSpec:
    """Return a suite from the content of its file: ``[[groups]]`` of tasks that share env, family,
    split and options."""
    tasks = []
    for group in data["groups"]:
        for task in group["tasks"]:
            tasks.append(
                TaskSpec(
                    name=task,
                    env=group["env"].format(task=task),
                    family=group["family"],
                    split=group["split"],
                    options={
                        k: v.format(task=task) if isinstance(v, str) else v for k, v in group.get("options", {}).items()
                    },
                    pair=group["pair"].format(task=_swap(task, group["pair_swap"])) if "pair" in group else None,
                )
            )
    doubled = {t.name for t in tasks if sum(o.name == t.name for o in tasks) > 1}
    if doubled:
        raise CrossbodyError(f"suite '{name}' lists tasks twice: {', '.join(sorted(doubled))}")
    return SuiteSpec(name, data["title"], tuple(tasks), data["source"])


def default_protocol(suite: str) -> str:
    """Return the protocol that a suite's file names, or ``quick``."""
    return catalog.resolve("suites", suite).get("protocol", "quick")


def canonical_scenes(suite: str) -> int:
    """Return how many canonical scenes a suite's file says that each of its tasks has; 0 where it says nothing."""
    return int(catalog.resolve("suites", suite).get("canonical_scenes", 0))


def load_protocol(name: str, **changes: Any) -> RunProtocol:
    """Return the protocol of a name, with the changes that are not None; an unknown rule or a bad number raises."""
    data = {k: v for k, v in catalog.resolve("protocols", name).items() if k != "title"}
    data |= {k: v for k, v in changes.items() if v is not None}
    protocol = RunProtocol(name=name, **data)
    if protocol.success_rule not in SUCCESS_RULES:
        raise UnknownName("success rule", protocol.success_rule, SUCCESS_RULES)
    for field in ("episodes_per_task", "max_steps", "chunk"):
        if getattr(protocol, field) < 1:
            raise CrossbodyError(f"protocol '{name}': {field} is {getattr(protocol, field)}; it must be at least 1")
    if protocol.early_stop and protocol.success_rule == "final":
        raise CrossbodyError(
            f"protocol '{name}': early_stop ends an episode before its final step, so the rule 'final' cannot be judged"
        )
    return protocol


def queue(suite: SuiteSpec, protocol: RunProtocol, seed: int, tasks: str = "*") -> tuple[EpisodeSpec, ...]:
    """Return the episodes of a run: index 0 of every task, then index 1, so that a cut queue still covers all tasks.

    ``tasks`` is a glob (or several, joined by commas) over task names; one that matches nothing raises UnknownName.
    """
    chosen = select(suite, tasks)
    if (total := len(chosen) * protocol.episodes_per_task) > MOST_EPISODES:
        raise CrossbodyError(
            f"{protocol.episodes_per_task:,} episodes of {len(chosen)} tasks are {total:,}; one run has at "
            f"most {MOST_EPISODES:,}. "
            "Give fewer --episodes."
        )
    return tuple(
        EpisodeSpec(task, index, episode_seed(seed, task.name, index))
        for index in range(protocol.episodes_per_task)
        for task in chosen
    )


def select(suite: SuiteSpec, pattern: str) -> list[TaskSpec]:
    """Return the tasks whose name matches one of the comma-separated globs, in the suite's order."""
    globs = [g.strip() for g in pattern.split(",") if g.strip()]
    if not globs:
        raise CrossbodyError(
            f"--tasks '{pattern}' names no task. Leave it out for all {len(suite.tasks)} of {suite.name}."
        )
    for glob in globs:
        if not any(fnmatch.fnmatchcase(t.name, glob) for t in suite.tasks):
            within = (
                [t.name for t in suite.tasks if glob.strip("*").lower() in t.name.lower()] if glob.strip("*") else []
            )
            if len(within) > 1 and "*" not in glob:
                raise CrossbodyError(
                    f"no task of {suite.name} is called '{glob}', but {len(within)} have it in their names "
                    f"(the first is {within[0]}): --tasks '*{_as_in(within[0], glob)}*'"
                )
            raise UnknownName("task", glob, (t.name for t in suite.tasks))
    return [t for t in suite.tasks if any(fnmatch.fnmatchcase(t.name, g) for g in globs)]


def shard(episodes: Iterable[EpisodeSpec], text: str) -> tuple[EpisodeSpec, ...]:
    """Return every n-th episode for ``k/n`` (1-based): shards are disjoint and together complete."""
    k, n = parse_shard(text)
    return tuple(e for i, e in enumerate(episodes) if i % n == k - 1)


def parse_shard(text: str) -> tuple[int, int]:
    """Return (k, n) of ``k/n``, such as 2/8; anything else raises CrossbodyError."""
    try:
        k, n = (int(part) for part in text.split("/"))
    except ValueError:
        raise CrossbodyError(f"--shard takes k/n, such as 2/8; it got '{text}'") from None
    if not 1 <= k <= n:
        raise CrossbodyError(f"--shard {text}: k must be from 1 to {n}")
    return k, n


def task_to_json(task: TaskSpec) -> dict[str, Any]:
    """Return the task as plain data, for the manifest."""
    return dataclasses.asdict(task)


def _as_in(name: str, part: str) -> str:
    """Return a part of a name with the name's own capitals."""
    start = name.lower().index(part.lower())
    return name[start : start + len(part)]


def _swap(task: str, swap: list[str]) -> str:
    """Return a task's name with each pair (old, new) of ``swap`` replaced in turn."""
    for old, new in zip(swap[::2], swap[1::2], strict=True):
        task = task.replace(old, new)
    return task
