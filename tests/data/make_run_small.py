"""Makes ``run_small`` (73 made-up episodes from a seeded generator) and ``run_small.txt`` (what the terminal shows of
it).

Run it as ``python -m tests.data.make_run_small`` when a table is meant to change, and read the difference before
committing."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import numpy as np
from rich.console import Console

from crossbody.contracts import EpisodeSpec
from reports.summary import write
from tests.synthetic import make_run

HERE = Path(__file__).parent
RUN, TEXT = HERE / "run_small", HERE / "run_small.txt"


def shown(folder: Path) -> str:
    """Return what the terminal shows of a run, 100 characters wide, without the line that names the folder."""
    console = Console(file=io.StringIO(), width=100, force_terminal=False, color_system=None)
    write(folder, console)
    lines = console.file.getvalue().splitlines()  # pyright: ignore[reportAttributeAccessIssue]
    return "\n".join(line.rstrip() for line in lines if not line.startswith("• Written")) + "\n"


def main() -> None:
    rng = np.random.default_rng(2026)
    rate = {"unseen_appearance": 0.8, "unseen_combinations": 0.6, "unseen_object_types": 0.4}

    def outcome(e: EpisodeSpec) -> bool | str:
        luck = float(rng.random())
        return "ValueError: made up" if luck > 0.96 else luck < rate[e.task.split]

    shutil.rmtree(RUN, ignore_errors=True)
    make_run(RUN, outcome, agent="made_up")
    TEXT.write_text(shown(RUN))
    for name in ("table.csv", "table.md", "report.html", "traces", "scenes", "video"):
        made = RUN / name
        shutil.rmtree(made) if made.is_dir() else made.unlink()


if __name__ == "__main__":
    main()
