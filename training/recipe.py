"""What a training recipe is: one file in ``training/recipes/`` with a ``RECIPE``. Light to import;
``training/running.py`` runs it."""

from __future__ import annotations

import dataclasses
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from evaluators.judge.asking.redact import Redactor

FREE = frozenset({"out", "threads", "save_every", "log_every", "plan"})
"""Options that change nothing about the weights. All others say which training it is, and a resume must repeat them."""


@dataclass(frozen=True)
class Options:
    """Options of every recipe. None is what the recipe decides itself, by its size or because the run is dry."""

    out: Path | None = None
    """Where the checkpoint, its snapshot and the curves go; by default runs/train/<recipe>-<size>, with -dry after a
    dry run. A killed training goes on when the same command is typed again; with other options it refuses and says
    which."""

    seed: int = 0
    """Of weights, order and noise."""

    threads: int = 2
    """CPU threads of the training step."""

    save_every: int = 1000
    """Updates between snapshots, from which the same command goes on."""

    log_every: int = 100
    """Updates between points of the curves."""

    dry_run: bool = False
    """Everything once, on a handful of rows: does it work here?"""

    plan: bool = False
    """Say how many parameters and how much memory or time this takes, without beginning, and leave."""


O = TypeVar("O", bound=Options)  # noqa: E741 - options


@dataclass(frozen=True)
class Run(Generic[O]):
    """One call of ``train``."""

    name: str  # the recipe's
    folder: Path
    given: O  # as typed
    options: O  # with what the recipe decides filled in


class Job(ABC):
    """A training that is ready to begin, or to go on from the snapshot in the run's folder."""

    facts: Mapping[str, Any]
    """Plain data that say, beside the options, which training this is: digests of the data,
    the sizes of the networks."""

    @abstractmethod
    def train(self, run: Run[Any]) -> None:
        """Train to the end and leave checkpoint and card in the run's folder."""


@dataclass(frozen=True)
class Recipe(Generic[O]):
    """What one file gives. Its name is the file's, its summary the first line of the file's docstring."""

    options: type[O]
    build: Callable[[O], Job]
    """Open data and describe networks. No weights are drawn before ``Job.train``, which begins with the seed set."""

    plan: Callable[[O], str]
    """Return what a run would take, as text."""

    example: Callable[[Path, int], O]
    """Return options of the smallest run, with two snapshots at least; data that it needs are written into the folder,
    others by seed."""

    resolve: Callable[[O], O] = field(default=lambda options: options)
    """Fill in what the options leave to the recipe."""

    free: frozenset[str] = FREE
    """Names of options that may change when a run goes on. A path of data may be free only if its digest is among the
    job's facts."""

    folder: str = ""
    """Of a run, below runs/train, with options' names in braces."""


def filled(options: O, **numbers: Any) -> O:
    """Return the options with these numbers where they have None."""
    return dataclasses.replace(options, **{k: v for k, v in numbers.items() if getattr(options, k) is None})


def given(options: Options, always: tuple[str, ...] = ("size", "seed", "backend")) -> dict[str, Any]:
    """Return what was typed: the options that are not the usual ones, and some always, as plain data."""
    usual = {f.name: f.default for f in dataclasses.fields(options)}
    return {k: plain(v) for k, v in vars(options).items() if v != usual[k] or k in always}


def plain(value: Any) -> Any:
    """Return an option's value as a checkpoint's record has it, without keys."""
    if isinstance(value, tuple):
        return [plain(str(v)) for v in value]
    return Redactor(os.environ)(str(value)) if isinstance(value, str | Path) else value


def command(run: Run[Any]) -> str:
    """Return the command that makes a run, without its folder."""
    return " ".join([f"uv run train {run.name}", *(_flag(k, v) for k, v in given(run.given).items() if k != "out")])


def _flag(name: str, value: Any) -> str:
    flag = "--" + name.replace("_", "-")
    if isinstance(value, bool):
        return flag if value else flag.replace("--", "--no-", 1)
    return f"{flag} {' '.join(value) if isinstance(value, list) else value}"
