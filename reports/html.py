"""One self-contained page of a run: numbers, figures, failures with their videos,
and all that is needed to run it again."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from reports import figures, published
from reports.caption import caption, heading, headlines
from reports.episodes import section
from reports.gap import GAP
from reports.layout import blocks, cell
from reports.sections import label
from reports.table import table_of

if TYPE_CHECKING:
    import pandas as pd
    from markupsafe import Markup

    from reports.frames import Run

FILES = ("manifest.json", "episodes.jsonl", "metrics.parquet", "table.csv", "table.md")


@dataclass(frozen=True)
class FigureBlock:
    """A titled SVG."""

    title: str
    svg: str


class Page(NamedTuple):
    """A page's text, and the files that it loads from beside it."""

    text: str
    files: Mapping[str, bytes]


def page(runs: Sequence[Run], long: pd.DataFrame) -> Page:
    """Return the page of the first run, with what the others add to its table."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    templates = FileSystemLoader(Path(__file__).parent / "templates")
    environment = Environment(loader=templates, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters["prose"] = prose
    run, grid = runs[0], blocks(long)
    episodes = section(run)
    text = environment.get_template("report.html.j2").render(
        run=run,
        manifest=run.manifest,
        title=heading(runs),
        facts=caption(runs, long),
        headlines=[(r["column"], cell(r), r) for r in headlines(long)],
        blocks=[b for b in blocks(long, everything=False) if b.first != "Task"],
        full={b.title: b for b in grid},
        tasks=[b for b in grid if b.first == "Task"],
        intervals=_interval_figures(long),
        bars=_task_figures(long),
        episodes=episodes,
        failed=sum(t.outcome != "success" for t in episodes.told),
        videos=any(t.video for t in episodes.told),
        files=_files(run.path),
        sources=_sources(runs, long),
        contamination=contamination(run),
        settings=_settings(run),
        again=again(run),
    )
    return Page(text, episodes.files)


def prose(text: str) -> Markup:
    """Return a sentence with what stands in `backquotes` as code."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def again(run: Run) -> str:
    """Return the command that runs it again, as it was typed."""
    program, *arguments = run.manifest.command or ("evaluate",)
    return f"uv run {shlex.join([Path(program).name, *arguments])}"


def contamination(run: Run) -> str:
    """Return what 'unseen' means for this agent; '' for a suite whose table does not say what it is relative to."""
    relative = table_of(run.manifest.suite).trained_on
    if not relative:
        return ""
    card = run.manifest.agent_card
    known = card.get("pretraining")
    if not card:
        said = "This agent has no weights and no training data on record."
    elif not known:
        said = "The agent’s card has no pretraining entry, so it may have seen these tasks."
    else:
        said = f"The agent’s card says of its pre-training: {known}."
    return f"“Unseen” is relative to {relative}. {said}"


def _interval_figures(long: pd.DataFrame) -> list[FigureBlock]:
    records = [r for r in long.to_dict("records") if not r["group"] and r["headline"]]
    own = {(r["section"], r["column"]): r["n"] for r in records if r["origin"] == "run" and r["column"] != GAP}
    found = []
    for column, n in dict.fromkeys((column, n) for (_, column), n in own.items()):
        # Blocks that show one column over the same episodes share a figure.
        sections = [s for (s, c), m in own.items() if (c, m) == (column, n)]
        chosen = {r["system"]: r for r in records if r["column"] == column and r["section"] in sections}
        twice = sum(c == column for c, _ in {(c, m) for (_, c), m in own.items()}) > 1
        if any(not math.isnan(r["value"]) for r in chosen.values()):
            title = f"{column} · {sections[0]}" if twice else column
            found.append(FigureBlock(title, figures.intervals(list(chosen.values()))))
    return found


def _task_figures(long: pd.DataFrame) -> list[FigureBlock]:
    records = [r for r in long.to_dict("records") if r["group"] and r["column"] and r["headline"]]
    found = []
    for group in dict.fromkeys(r["group"] for r in records):
        chosen = [r for r in records if r["group"] == group]
        names = [label(task) for task in dict.fromkeys(r["column"] for r in chosen)]
        found.append(FigureBlock(group, figures.task_bars(chosen, names)))
    return found


def _files(folder: Path) -> list[str]:
    """Return the files and folders of a run that its page may point to."""
    folders = [f"{name}/" for name in ("traces", "scenes", "video") if any((folder / name).glob("[!.]*"))]
    return [name for name in FILES if (folder / name).is_file()] + folders


def _sources(runs: Sequence[Run], long: pd.DataFrame) -> list[published.PublishedRow]:
    shown = {r["system"] for r in long.to_dict("records") if r["origin"] == "published"}
    suites = dict.fromkeys(run.manifest.suite for run in runs)
    return [row for suite in suites for row in published.load(suite) if row.system in shown]


def _settings(run: Run) -> dict[str, Mapping[str, Any]]:
    m = run.manifest
    return {
        "Protocol": {**asdict(m.protocol), "hash": m.protocol_hash},
        "Environment and assets": m.environment,
        "Agent": {"name": m.agent, **m.agent_options, **m.agent_card},
        "Run": {
            "suite": m.suite,
            "source of the tasks": m.suite_source,
            "seed": m.seed,
            "created": m.created,
            "git": m.git or "outside a checkout",
            "attempts": run.attempts,
        },
        "Versions": m.packages,
        "Host": m.host,
    }
