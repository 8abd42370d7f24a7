"""Evaluate an agent on a suite: episodes, records, table, report."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

import tyro

from crossbody import arithmetic, catalog
from crossbody.errors import CrossbodyError
from crossbody.main import guarded
from crossbody.options import check_options, renamed
from crossbody.texts import say
from evaluators.loop.plan import Plan, Timeouts, cores, with_environment
from evaluators.loop.scenes import check_recorded, choose, sentence

INTERRUPTED = 130
RENAMED = {"--look": "--render-preset"}
"""Options of recorded commands -> what they are called now; a resume reads the command again."""
OptionsT = TypeVar("OptionsT")


@dataclass(frozen=True)
class NoOptions:
    """Stands for an agent's options until an agent is named."""


@dataclass(frozen=True, kw_only=True)
class Arguments(Generic[OptionsT]):
    """Evaluate an agent on a suite. With --agent NAME, --help also lists that agent's own options."""

    agent: str
    """What acts: a name from `crossbody list agents`."""
    suite: str
    """What is to be done: a name from `crossbody list suites`."""
    protocol: str | None = None
    """How episodes are run and judged: a name from `crossbody list protocols`; by default the suite's own."""
    episodes: int | None = None
    """Episodes per task, in place of the protocol's number."""
    tasks: str = "*"
    """Only tasks whose name matches this glob; several are joined by commas."""
    limit: int | None = None
    """Only the first N episodes of the queue."""
    shard: str | None = None
    """Only the k-th of n parts of the queue, as k/n; `crossbody merge` joins the runs."""
    seed: int = 0
    """Seed of the run: it fixes every fresh scene, and what random agents draw."""
    workers: int | None = None
    """Simulator processes; by default one per core. It never changes a result."""
    engine: str = "processes"
    """Where workers live: a name from `crossbody list engines`. It never changes a result."""
    retries: int = 2
    """How often an episode without an outcome (error, timeout, crash) is tried again."""
    out: Path | None = None
    """Run folder; by default runs/<time>-<agent>-<suite>."""
    video: Literal["all", "failures", "none"] = "none"
    """Which episodes to keep a video of."""
    scenes: str | None = None
    """canonical: the shipped scenes, which everybody meets (the default where there are some, for seed 0); fresh: drawn
    from the seed (the default for any other seed); or a run's folder, whose scenes are restored. Part of the protocol's
    hash."""
    render_preset: Literal["fast", "faithful"] | None = None
    """How pictures are rendered; by default faithful with the official assets, else fast.
    Part of the protocol's hash."""
    assets: Literal["generated", "official"] | None = None
    """Which object models to use; by default generated. Part of the protocol's hash."""
    timeouts: Timeouts = field(default_factory=Timeouts)
    """Seconds without a sign of life after which an attempt is given up."""
    options: OptionsT
    """The agent's own options."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0 done, 1 no episode has an outcome, 2 a mistake to mend,
    130 interrupted."""
    argv = sys.argv[1:] if argv is None else list(argv)
    return guarded(lambda: _evaluate(argv))


def parse(argv: Sequence[str]) -> tuple[Plan, Path]:
    """Return the plan that a command line describes, and its run folder.
    Mistakes raise CrossbodyError or exit with 2."""
    from tasks.suite import default_protocol, load_protocol, load_suite, queue, shard

    argv = renamed(argv, RENAMED)
    kind = _arguments_type(argv)
    check_options(argv, kind)
    arguments = tyro.cli(kind, args=list(argv), prog="evaluate", description=Arguments.__doc__)
    seed = _at_least("seed", arguments.seed, 0) or 0
    scenes = choose(arguments.scenes, arguments.suite, seed, arguments.assets)
    suite = with_environment(
        load_suite(arguments.suite), look=arguments.render_preset, assets=arguments.assets, scenes=scenes.option()
    )
    chosen = arguments.protocol or default_protocol(arguments.suite)
    protocol = load_protocol(chosen, episodes_per_task=_at_least("episodes", arguments.episodes, 1))
    episodes = queue(suite, protocol, seed, arguments.tasks)[: _at_least("limit", arguments.limit, 1)]
    if arguments.shard:
        episodes = shard(episodes, arguments.shard)
    if not episodes:
        raise CrossbodyError(f"--shard {arguments.shard} of this queue is empty: it has fewer episodes than shards")
    if scenes.run is not None:
        check_recorded(scenes.run, episodes)
    plan = Plan(
        agent=arguments.agent,
        options=arguments.options,
        suite=suite,
        protocol=protocol,
        episodes=episodes,
        seed=seed,
        workers=_at_least("workers", arguments.workers, 1) or cores(),
        retries=_at_least("retries", arguments.retries, 0) or 0,
        video=arguments.video,
        scenes=scenes.run,
        timeouts=arguments.timeouts,
        command=("evaluate", *argv),
        engine=catalog.find("engines", arguments.engine).name,
    )
    return plan, arguments.out.expanduser() if arguments.out else _default_folder(arguments)


def carry_out(work: Callable[[Any], None], folder: Path) -> int:
    """Do the work on a run folder with a console, sum the run up, and return the exit code."""
    from rich.console import Console

    from evaluators.commands.finish import finish

    console = Console()
    try:
        work(console)
        return finish(folder, console)
    except KeyboardInterrupt:
        if (folder / "manifest.json").exists():
            print(
                f"\nstopped; everything recorded is kept. Continue with `uv run crossbody resume {folder}`.",
                file=sys.stderr,
            )
        else:
            print("\nstopped before the first episode.", file=sys.stderr)
        return INTERRUPTED


def _evaluate(argv: list[str]) -> int:
    arithmetic.pin()
    plan, folder = parse(argv)

    def work(console: Any) -> None:
        from evaluators.loop.session import start

        say(console, _headline(plan, folder))
        start(plan, folder, console)

    return carry_out(work, folder)


def _headline(plan: Plan, folder: Path) -> str:
    tasks = len({e.task.name for e in plan.episodes})
    title = catalog.entries("protocols")[plan.protocol.name].summary
    return (
        f"{plan.agent} on {plan.suite.name}: {tasks} tasks, {len(plan.episodes)} episodes, {plan.workers} "
        f"workers, seed {plan.seed}\n"
        f"protocol {plan.protocol.name}: {title}\n"
        + (f"{scenes}\n" if (scenes := sentence(plan.suite, plan.protocol, plan.seed, plan.scenes)) else "")
        + f"run folder {folder}"
    )


def _arguments_type(argv: Sequence[str]) -> Any:
    """Return Arguments with the options of the agent that the command line names, if it names one."""
    for here, following in zip(argv, [*argv[1:], ""], strict=True):
        if here == "--agent" and following or here.startswith("--agent="):
            name = following if here == "--agent" else here.removeprefix("--agent=")
            return Arguments[catalog.module_of("agents", name).Options]
    return Arguments[NoOptions]


def _at_least(name: str, value: int | None, least: int) -> int | None:
    if value is not None and value < least:
        raise CrossbodyError(f"--{name} is {value}; it must be at least {least}")
    return value


def _default_folder(arguments: Arguments) -> Path:
    time = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    return Path("runs") / f"{time}-{arguments.agent}-{arguments.suite}"


if __name__ == "__main__":
    sys.exit(main())
