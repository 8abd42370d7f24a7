"""Continue a run that was stopped, whenever and however."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from crossbody.errors import RunFolderError
from crossbody.main import guarded
from crossbody.runs import Manifest, RunFolder
from crossbody.texts import say
from evaluators.commands.evaluate import carry_out, parse
from evaluators.loop.plan import Plan


@dataclass(frozen=True)
class Arguments:
    """Run the episodes of a run that have no outcome yet, with the command that started it."""

    run: Annotated[Path, tyro.conf.Positional]
    """The run's folder."""
    workers: int | None = None
    """Simulator processes, in place of the recorded number."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code, as ``evaluate`` does."""
    argv = sys.argv[1:] if argv is None else list(argv)
    return guarded(
        lambda: _resume(tyro.cli(Arguments, args=argv, prog="crossbody resume", description=Arguments.__doc__))
    )


def _resume(arguments: Arguments) -> int:
    folder = RunFolder(arguments.run)
    plan = recorded_plan(folder.path, folder.manifest())
    if arguments.workers:
        plan = dataclasses.replace(plan, workers=arguments.workers)

    def work(console: Any) -> None:
        from evaluators.loop.session import go_on

        say(console, f"{plan.agent} on {plan.suite.name}, continued in {folder.path}")
        go_on(plan, folder, console)

    return carry_out(work, folder.path)


def recorded_plan(path: Path, manifest: Manifest) -> Plan:
    """Return the plan of the recorded command; RunFolderError when it no longer gives the recorded queue and
    protocol."""
    if manifest.command[:1] != ("evaluate",):
        made_by = f"`{' '.join(manifest.command)}`" if manifest.command else "a program"
        raise RunFolderError(f"{path} was made by {made_by}, not by `evaluate`, so there is nothing to continue.")
    command = manifest.command[1:]
    if "scenes" not in manifest.environment and not any(word.startswith("--scenes") for word in command):
        command = (*command, "--scenes", "fresh")  # what a command meant before there were canonical scenes
    plan, _ = parse(command)
    changed = [what for what in ("episodes", "protocol", "seed") if getattr(plan, what) != getattr(manifest, what)]
    if changed:
        raise RunFolderError(
            f"{path} cannot be continued: its command now gives other {' and '.join(changed)} "
            "(a suite or protocol file has changed since). Start a new run."
        )
    return plan


if __name__ == "__main__":
    sys.exit(main())
