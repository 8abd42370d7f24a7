"""The steps that all recipes share: refuse another training's folder, go on from a snapshot, train,
say what went wrong."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from crossbody.errors import CrossbodyError
from training.identity import identity, refuse_other, remember
from training.recipe import O, Recipe, Run

FULL = (errno.ENOSPC, errno.EDQUOT)


def train(name: str, recipe: Recipe[O], given: O) -> Path:
    """Train, or go on where the folder's snapshot is, and return the folder with checkpoint and card.

    A folder of another training, a damaged snapshot, a second process in the folder and a full disk raise
    CrossbodyError."""
    options = recipe.resolve(given)
    run = Run(name, given.out or default_folder(name, recipe, options), given, options)
    known = identity(run, recipe.free)
    refuse_other(run, known, None)  # before any data are read
    job = recipe.build(options)
    refuse_other(run, known, job.facts)
    with one_sentence(run.folder), alone(run.folder):
        leftovers(run.folder)
        remember(run, known, job.facts)
        torch.set_num_threads(options.threads)
        torch.manual_seed(options.seed)
        job.train(run)
    return run.folder


def default_folder(name: str, recipe: Recipe[O], options: O) -> Path:
    """Return runs/train/<recipe>-<size>, or as the recipe says; a dry run has a folder of its own."""
    pattern = recipe.folder or ("{name}-{size}" if hasattr(options, "size") else "{name}")
    return Path("runs/train") / (pattern.format(name=name, **vars(options)) + "-dry" * options.dry_run)


def leftovers(folder: Path) -> None:
    """Remove what a killed process left half written."""
    if _main_process():
        for part in folder.glob(".*.part"):
            part.unlink(missing_ok=True)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the folder's lock: two trainings in one folder would overwrite each other's snapshots."""
    import fcntl

    if not _main_process():
        yield
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    except OSError as error:
        raise CrossbodyError(f"{folder} cannot be written: {error.strerror}. Give another --out.") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CrossbodyError(
                f"another training is writing {folder}. Wait for it, end it, or give another --out."
            ) from None
        yield


@contextmanager
def one_sentence(folder: Path) -> Iterator[None]:
    """Turn a full disk into one sentence."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise CrossbodyError(
            f"{folder} cannot be written: {os.strerror(error.errno)}. Free the disk and type the same command again: "
            "it goes on from the last snapshot."
        ) from error


def _main_process() -> bool:
    """Whether this is the one process, or under `accelerate launch` the first, which alone writes."""
    return os.environ.get("RANK", "0") == "0"
