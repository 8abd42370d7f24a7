"""What the harness itself costs: start of the commands, and time per episode and per answer beside the simulator's.

The fake environment's own time (its steps in one process, nothing else) is subtracted in the ratio that is printed.
"""

from __future__ import annotations

import dataclasses
import io
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COMMANDS = (
    ("evaluators.commands.evaluate", "--help"),
    ("evaluators.commands.evaluate", "--agent", "expert", "--help"),
    ("evaluators.commands.resume", "--help"),
    ("evaluators.commands.rescore", "--help"),
)
BAR_S = 0.5
EPISODES, STEPS, CHUNK = 100, 720, 16


def main() -> None:
    """Print the figures."""
    for command in COMMANDS:
        times = [_timed(lambda command=command: _run(command)) for _ in range(5)]
        print(f"{'python -m ' + ' '.join(command):<56}{statistics.median(times):6.2f} s   bar {BAR_S} s")
    bare = _timed(_bare_steps) / EPISODES
    for workers in (1, 2):
        whole = _episodes(workers)
        print(f"fake episode, {STEPS} steps in {STEPS // CHUNK} chunks, {workers} workers {1000 * whole:8.1f} ms")
        if workers == 1:
            print(f"{'its steps alone, in one process':<47}{1000 * bare:8.1f} ms")
            per_chunk = (whole - bare) / (STEPS // CHUNK)
            print(f"{'the harness per answer':<47}{1000 * per_chunk:8.2f} ms")


def _run(command: tuple[str, ...]) -> None:
    subprocess.run([sys.executable, "-m", *command], check=True, stdout=subprocess.DEVNULL)


def _timed(work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _bare_steps() -> None:
    import numpy as np

    from envs.fake import COMMAND, Fake

    env = Fake()
    for seed in range(EPISODES):
        env.reset(seed=seed, options={"observe": ("state.position",)})
        for _ in range(STEPS // CHUNK):
            env.step_chunk({COMMAND.name: np.zeros((CHUNK, 2), np.float32)})


def _episodes(workers: int) -> float:
    """Return seconds per episode of a run, its start excluded."""
    from rich.console import Console

    from agents import zero
    from crossbody.runs import RunFolder
    from evaluators.loop.plan import Plan
    from evaluators.loop.session import start
    from tasks.suite import load_protocol, load_suite, queue

    suite = load_suite("fake")
    protocol = dataclasses.replace(load_protocol("unit"), episodes_per_task=EPISODES // len(suite.tasks))
    plan = Plan("zero", zero.Options(), suite, protocol, queue(suite, protocol, 0), workers=workers)
    with tempfile.TemporaryDirectory() as folder:
        start(plan, Path(folder) / "r", Console(file=io.StringIO()))
        return sum(r.elapsed_s for r in RunFolder(Path(folder) / "r").attempts()) / EPISODES / workers


if __name__ == "__main__":
    main()
