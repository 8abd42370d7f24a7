"""The ``crossbody`` command: its subcommands live in the rooms that do their work and are imported when they are
typed."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

from crossbody import arithmetic
from crossbody.errors import CrossbodyError, UnknownName
from crossbody.texts import printable


class Command(NamedTuple):
    """Where a subcommand is, what it is for, and whether it draws scenes in its own process."""

    target: str  # module:function, called with the arguments; returns the exit code
    summary: str
    simulates: bool = False


COMMANDS = {
    "analyse": Command(
        "training.unit.analyse:main",
        "look into tokenizers (codes, alignment, noise) and policies (error, success over data)",
    ),
    "assets": Command("envs.robocasa.assets.command:main", "make, find, check and look at asset packs", simulates=True),
    "collect": Command(
        "training.collect:main", "make demonstrations: of the robot's scripted expert, or of human hands"
    ),
    "compare": Command("reports.compare:main", "compare two runs episode by episode"),
    "convert": Command("training.convert:main", "turn demonstrations from one format into another"),
    "describe": Command(
        "agents.humanoid_vla.describe:main", "say what a motion is, how long, and where it begins and goes"
    ),
    "doctor": Command("crossbody.doctor:main", "say what works on this machine and what to type where it does not"),
    "evaluate": Command("evaluators.commands.evaluate:main", "run an agent on a suite: episodes, table, page"),
    "generate": Command(
        "evaluators.generation.command:main", "make videos or motions with a model, as folders for score and judge"
    ),
    "judge": Command("evaluators.commands.judge:main", "score pairs of reference and generated clips from 1 to 5"),
    "language": Command(
        "training.motion_language.measure:main",
        "measure the motion language model and its baselines on held-out motions",
    ),
    "list": Command("crossbody.listing:main", "list suites, tasks, agents, metrics, tables, recipes or protocols"),
    "merge": Command("reports.merge:main", "join the shards of a run"),
    "motions": Command("envs.humanoid.motions.command:main", "list, show and draw the motions that humanoids follow"),
    "report": Command("reports.command:main", "write a run's table and page again, or the tables of a paper"),
    "rescore": Command(
        "evaluators.commands.rescore:main", "judge a run again under another success rule, without a simulator"
    ),
    "resume": Command("evaluators.commands.resume:main", "continue a run that was interrupted"),
    "retarget": Command(
        "training.retarget:main", "fit a robot's joints to a person's motion, with figures and a video"
    ),
    "scenes": Command(
        "envs.robocasa.scene_command:main", "make or check the canonical scenes of the RoboCasa tasks", simulates=True
    ),
    "score": Command("evaluators.commands.score:main", "score videos or motions that anybody made against real ones"),
    "tokens": Command("agents.humanoid_vla.edit:main", "show a motion's tokens, or edit those of some body parts"),
    "train": Command("training.train:main", "train a tokenizer, a policy or a controller"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand and return its exit code; 2 for a mistake of the user's, told in one message."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_overview())
        return 0
    return guarded(lambda: _run(arguments))


def guarded(command: Callable[[], int]) -> int:
    """Return a command's exit code; an error that the user can mend becomes one message and 2, Ctrl-C becomes 130."""
    try:
        return command()
    except CrossbodyError as error:
        print(f"error: {printable(str(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `crossbody list … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _run(arguments: Sequence[str]) -> int:
    name, *rest = arguments
    if name not in COMMANDS:
        raise UnknownName("command", name, COMMANDS)
    command = COMMANDS[name]
    arithmetic.pin()
    if command.simulates and sys.flags.hash_randomization:
        # The simulator package seeds its scenes with hash(): the interpreter must start with the salt fixed.
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, "-m", "crossbody.main", *arguments])
    module, _, function = command.target.partition(":")
    return getattr(importlib.import_module(module), function)(rest)


def _overview() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {c.summary}" for name, c in COMMANDS.items()]
    return "\n".join(
        [
            "usage: crossbody COMMAND …      (evaluate, train and report are commands of their own, too)",
            "",
            *lines,
            "",
            "`crossbody COMMAND --help` has the options of each.",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
