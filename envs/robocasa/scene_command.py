"""``crossbody scenes``: make the canonical scenes, or check that they can be built here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from crossbody.errors import CrossbodyError

if TYPE_CHECKING:
    from envs.robocasa.canonical import Start
    from envs.robocasa.env import RoboCasaGR1

SUITES = ("robocasa_gr1", "robocasa_ood")


@dataclass(frozen=True)
class Arguments:
    """Make the canonical scenes of the RoboCasa tasks, or check that this installation builds the models they stand
    for."""

    action: Annotated[Literal["make", "check"], tyro.conf.Positional]
    """``make`` adds the scenes that are missing, task by task, and may be stopped at any time;
    ``check`` writes nothing."""
    per_task: int = 50
    """Scenes per task."""
    tasks: str = "*"
    """Only tasks whose name matches this glob; several are joined by commas."""
    folder: Path | None = None
    """Where the data lie; by default in the installed package."""


def main(argv: Sequence[str]) -> int:
    """Run the command; 1 when a check finds a scene that comes out differently here."""
    arguments = tyro.cli(Arguments, args=list(argv), prog="crossbody scenes", description=Arguments.__doc__)
    if arguments.per_task < 1:
        raise CrossbodyError(f"--per-task is {arguments.per_task}; it must be at least 1")
    tasks = list(_tasks(arguments.tasks))
    from envs.robocasa import canonical

    folder = arguments.folder or canonical.FOLDER
    if arguments.action == "make":
        for task in tasks:
            print(f"{task}: {_make(task, arguments.per_task, folder)} scenes", flush=True)
        return 0
    wrong = [line for task in tasks for line in _check(task, arguments.per_task, folder)]
    print("\n".join(wrong) or f"the scenes of {len(tasks)} tasks come out here as they were recorded")
    return 1 if wrong else 0


def _tasks(pattern: str) -> Iterator[str]:
    from tasks.suite import load_suite, select

    suites = [load_suite(name) for name in SUITES]
    known = {t.name: t for suite in suites for t in suite.tasks}
    chosen = suites[0].__class__("canonical", "", tuple(known.values()), "")
    yield from (t.name for t in select(chosen, pattern))


def _make(task: str, wanted: int, folder: Path) -> int:
    """Make what is missing of a task and return how many scenes it has."""
    from envs.robocasa import canonical

    file = folder / f"{task}.npz"
    found = canonical.decode(file.read_bytes()) if file.exists() else []
    if len(found) < wanted:
        env = _environment(task)
        try:
            found += [_draw(env, task, index) for index in range(len(found), wanted)]
            canonical.write(folder, task, found, _made(env))
        finally:
            env.close()
    return len(found)


def _draw(env: RoboCasaGR1, task: str, index: int) -> Start:
    from crossbody.seeds import episode_seed
    from envs.robocasa import canonical as c

    seed = episode_seed(c.RUN_SEED, task, index)
    scene = env.reset(seed=seed, options={"observe": ()})[1]["scene"]
    data = env.simulator.data
    return c.Start(seed, scene["model"], c.on_grid(data.qpos, c.POSITION), c.on_grid(data.qvel, c.SPEED))


def _check(task: str, wanted: int, folder: Path) -> Iterator[str]:
    from envs.robocasa import canonical

    env = _environment(task)
    try:
        for index, start in enumerate(canonical.starts(task, folder)[:wanted]):
            try:
                env.restore(start)
            except CrossbodyError as error:
                yield f"{task} {index}: {error}"
    finally:
        env.close()


def _environment(task: str) -> RoboCasaGR1:
    from envs.robocasa import entry

    return entry.make(task=task, assets="generated")


def _made(env: RoboCasaGR1) -> dict[str, Any]:
    """Return with what the scenes were made; a folder that was begun with something else is refused by its pack."""
    kept = {k: v for k, v in env.fingerprint().items() if k in ("simulator", "robosuite", "mujoco", "patches")}
    return json.loads(json.dumps({"assets": {"name": env.pack.name, "sha256": env.pack.sha256}, **kept}))
