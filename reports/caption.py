"""What stands above the numbers of a run: who, on what, under which protocol, how many, and how far they carry."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from crossbody import arithmetic
from reports.frames import left_out
from reports.layout import cell
from reports.statistics import detectable_difference
from reports.table import table_of

if TYPE_CHECKING:
    import pandas as pd

    from reports.frames import Run

WIDE = 20
"""With fewer episodes per task than this, the caption says that intervals are wide (a half-width of 20 points)."""


LATER = ("Success, ", "Falls, ")
"""How columns begin that belong to the first look wherever they stand."""


def heading(runs: Sequence[Run]) -> str:
    """Return who was evaluated on what."""
    first = runs[0].manifest
    return f"{first.agent} · {first.suite_title}"


def headlines(long: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the numbers of the first look: the first block's, and success and falls where they stand in a later
    one."""
    own = [r for r in long.to_dict("records") if r["origin"] == "run" and not r["group"] and r["headline"]]
    if not own:
        return []
    first = [r for r in own if r["system"] == own[0]["system"]]
    later = [r for r in first if r["section"] != own[0]["section"] and r["column"].startswith(LATER)]
    chosen = [*{r["column"]: r for r in later}.values(), *(r for r in first if r["section"] == own[0]["section"])]
    return sorted(chosen, key=lambda r: not r["column"].startswith("Mean"))


def headline(long: pd.DataFrame) -> list[str]:
    """Return the first of the headlines as one line; none where there is none."""
    return [
        f"{r['system']}, {r['column'].removesuffix(', %')}{' (%)' * (r['unit'] == '%')}: {cell(r).line}"
        for r in headlines(long)[:1]
    ]


def caption(runs: Sequence[Run], long: pd.DataFrame) -> list[str]:
    """Return what a reader must know before the numbers: completeness, protocol, n, and how far they carry."""
    first = runs[0]
    lines = [unfinished(run) for run in runs if run.missing]
    lines += [f"UNFINISHED: {left_out(run)}" for run in runs if run.doubts]
    lines += [protocol_line(first), episodes_line(first), *arithmetic_lines(runs)]
    shown = detectable_difference(len(first.rows), _overall(long))
    if not math.isnan(shown) and not first.missing:
        lines.append(
            f"Two independent runs of {len(first.rows)} episodes show a difference of {100 * shown:.0f} points or more "
            "(80 % power)."
        )
    if first.manifest.protocol.episodes_per_task < WIDE:
        lines.append("Few episodes per task: the intervals are wide, and a single task says next to nothing.")
    beside = " " + table_of(first.manifest.suite).caveat if "published" in set(long["origin"]) else ""
    lines.append("Intervals are at 95 %. Errors count as failures." + beside)
    return lines


def unfinished(run: Run) -> str:
    """Return the sentence that stands above an unfinished run."""
    missing, total = len(run.missing), len(run.manifest.episodes)
    text = f"UNFINISHED: {missing} of {total} episodes are missing, so means over them are not shown."
    if missing == len(run.doubts) or run.manifest.command[:1] == ("crossbody",):  # nothing that a resume would run
        return text
    return f"{text} Continue with `uv run crossbody resume {run.path}`."


def protocol_line(run: Run) -> str:
    """Return the protocol in one sentence."""
    p, environment = run.manifest.protocol, run.manifest.environment
    stop = "stops at success" if p.early_stop else "no early stop"
    shown = {"assets": "assets", "look": "render preset", "scenes": "scenes"}
    named = [f"{name} {environment[key]}" for key, name in shown.items() if environment.get(key)]
    parts = [
        f"{p.episodes_per_task} episode{'s' if p.episodes_per_task > 1 else ''} per task",
        f"{p.max_steps} steps",
        f"{p.chunk}-step chunks",
        f"success by {p.success_rule}",
        stop,
        *named,
        f"seed {run.manifest.seed}",
    ]
    return f"Protocol {p.name} ({run.manifest.protocol_hash}): {', '.join(parts)}."


def arithmetic_lines(runs: Sequence[Run]) -> list[str]:
    """Return with which arithmetic the runs were computed; nothing for runs from before it was recorded."""
    if differ := arithmetic.difference({str(run.path): run.manifest.host for run in runs}):
        return [f"Warning: {' '.join(differ.split())}."]
    recorded = arithmetic.profile(runs[0].manifest.host)
    if not recorded:
        return []
    if arithmetic.pinned(runs[0].manifest.host):
        return [f"Computed with the arithmetic of {arithmetic.PROFILE}, which every such machine has."]
    return [f"Arithmetic not pinned, so single episodes may differ on another processor: {recorded}."]


def episodes_line(run: Run) -> str:
    """Return how many episodes there are and how they ended."""
    rows = run.rows.values()
    won, wrong = sum(r.success is True for r in rows), sum(r.status != "ok" for r in rows)
    retried = run.attempts - len(run.rows)
    ends = f"{won} succeeded, {len(run.rows) - won - wrong} failed, {wrong} ended in an error"
    return f"n = {len(run.rows)} episodes: {ends}" + (f"; {_attempts(retried)} repeated." if retried else ".")


def _attempts(number: int) -> str:
    return f"{number} attempts were" if number > 1 else "1 attempt was"


def _overall(long: pd.DataFrame) -> float:
    own = [r for r in long.to_dict("records") if r["origin"] == "run" and r["column"].startswith("Mean of")]
    values = [r["value"] for r in own if not math.isnan(r["value"])]
    return min(values[0], 1 - values[0]) if values else 0.5
