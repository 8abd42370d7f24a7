"""``crossbody compare A B``: two agents on the same scenes, episode by episode."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from crossbody import arithmetic
from crossbody.contracts import EpisodeRow
from crossbody.errors import RunFolderError
from crossbody.seeds import generator
from crossbody.texts import say
from reports import frames
from reports.layout import percent

if TYPE_CHECKING:
    from rich.console import Console

    from reports.statistics import Estimate

OVERALL = "All tasks"


@dataclass(frozen=True)
class Arguments:
    """Compare two runs on the same scenes: difference with a paired bootstrap interval, and McNemar's exact test."""

    first: Annotated[Path, tyro.conf.Positional]  # run folder of the first agent
    second: Annotated[Path, tyro.conf.Positional]  # run folder of the second agent: the difference is second - first


@dataclass(frozen=True)
class ScenePair:
    """One scene that both agents met, and who succeeded in it; an error is a failure."""

    task: str
    split: str
    first: bool
    second: bool


@dataclass(frozen=True)
class Comparison:
    """What the pairs of one split, or all of them, say. Rates are means over tasks."""

    name: str
    pairs: int
    first: float
    second: float
    difference: Estimate
    only_first: int
    only_second: int
    p_value: float
    detectable: float  # smallest difference that McNemar's test would show with 80 % power; NaN: none


def main(argv: Sequence[str]) -> int:
    """Print the comparison of two runs; runs that did not meet the same scenes raise RunFolderError."""
    from rich.console import Console

    arguments = tyro.cli(Arguments, args=list(argv), prog="crossbody compare")
    first, second = frames.read(arguments.first), frames.read(arguments.second)
    console = Console()
    show(first, second, compare(first, second), console)
    if differ := arithmetic.difference({str(r.path): r.manifest.host for r in (first, second)}):
        console.print(f"Warning: {differ}", highlight=False, markup=False, soft_wrap=True)
    return 0


def compare(first: frames.Run, second: frames.Run) -> list[Comparison]:
    """Return the comparison over all pairs, then one per split when there are several.

    Refused (RunFolderError): other protocols or suites, missing episodes, and episodes of one name with different
    scenes."""
    frames.require_one_protocol([first, second])
    _require_one_suite(first, second)
    frames.require_complete([first, second])
    pairs = pair(first, second)
    splits = list(dict.fromkeys(p.split for p in pairs))
    found = [_compare(OVERALL, pairs, first.manifest.seed)]
    if len(splits) > 1:
        found += [_compare(s, [p for p in pairs if p.split == s], first.manifest.seed) for s in splits]
    return found


def pair(first: frames.Run, second: frames.Run) -> list[ScenePair]:
    """Return the scenes that both runs met, in the first's order; episodes that only one run has are left out.

    Scenes are the same when their hashes are. An episode whose scene was never built (it ended in an error before) is
    paired by its name, provided that its seed is the same.
    """
    _require_same_scenes(first, second)
    waiting = defaultdict(list)
    for row in second.rows.values():
        waiting[row.task, row.scene_hash].append(row)
    pairs = []
    for row in first.rows.values():
        partner = second.rows.get(row.episode)
        if partner is None or not _one_scene(row, partner):
            partner = next(iter(waiting[row.task, row.scene_hash]), None) if row.scene_hash else None
        if partner is not None:
            pool = waiting[partner.task, partner.scene_hash]
            if partner in pool:
                pool.remove(partner)
            pairs.append(ScenePair(row.task, row.split, row.success is True, partner.success is True))
    if not pairs:
        raise RunFolderError(f"{first.path} and {second.path} have no scene in common. {_replay(first, second)}")
    return pairs


def show(first: frames.Run, second: frames.Run, found: Sequence[Comparison], console: Console) -> None:
    """Print the comparison and what follows from it."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    a, b = names(first, second)
    grid = Table(title=Text(f"{b} minus {a}"), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    grid.add_column("")
    for c in found:
        grid.add_column(Text(c.name.replace("_", " ").capitalize()), justify="right")
    for line in zip(*(_lines(c) for c in found), strict=True):
        grid.add_row(Text(line[0][0].format(a=a, b=b)), *(text for _, text in line))
    console.print(grid)
    left_out = len(first.rows) + len(second.rows) - 2 * found[0].pairs
    if left_out:
        say(console, f"{left_out} episodes have no partner in the other run and are left out.", wrap=True)
    say(console, verdict(found[0], a, b), style="bold", wrap=True)
    console.print(
        "Interval: paired bootstrap over scenes. p: McNemar’s exact test, not corrected for looking at several splits. "
        "Could show: the smallest difference that this many pairs show with 80 % power.",
        highlight=False,
    )


def _lines(c: Comparison) -> list[tuple[str, str]]:
    d = c.difference
    return [
        ("pairs", str(c.pairs)),
        ("{a}, %", percent(c.first)),
        ("{b}, %", percent(c.second)),
        ("difference, points", f"{100 * d.value:+.1f}"),
        ("95 % interval", f"{100 * d.low:+.1f} … {100 * d.high:+.1f}"),
        ("only {a} succeeds", str(c.only_first)),
        ("only {b} succeeds", str(c.only_second)),
        ("p", f"{c.p_value:.2g}"),
        ("could show, points", percent(c.detectable)),
    ]


def verdict(c: Comparison, a: str, b: str) -> str:
    """Return the finding in a sentence."""
    gap = 100 * c.difference.value
    if c.p_value < 0.05:
        better, worse = (b, a) if gap > 0 else (a, b)
        return f"{better} is better than {worse} on these scenes by {abs(gap):.1f} points (p = {c.p_value:.2g})."
    if c.detectable != c.detectable:
        return f"No difference is shown, and {c.pairs} pairs could not have shown one of any size."
    return f"No difference is shown; one below {100 * c.detectable:.0f} points would mostly have gone unseen."


def names(first: frames.Run, second: frames.Run) -> tuple[str, str]:
    """Return what to call the two: their agents, or their folders when the agents' names are the same."""
    a, b = first.manifest.agent, second.manifest.agent
    return (a, b) if a != b else (first.path.name, second.path.name)


def _compare(name: str, pairs: Sequence[ScenePair], seed: int) -> Comparison:
    from reports.paired import PairCell, detectable_paired_difference, mcnemar_exact, paired_difference

    tasks = defaultdict(list)
    for p in pairs:
        tasks[p.task].append(p)
    cells = [PairCell(*_discordant(own), len(own), own[0].split) for own in tasks.values()]
    only_first, only_second = _discordant(pairs)
    return Comparison(
        name,
        len(pairs),
        sum(sum(p.first for p in own) / len(own) for own in tasks.values()) / len(tasks),
        sum(sum(p.second for p in own) / len(own) for own in tasks.values()) / len(tasks),
        paired_difference(cells, generator(seed, f"compare/{name}")),
        only_first,
        only_second,
        mcnemar_exact(only_first, only_second),
        detectable_paired_difference(len(pairs), (only_first + only_second) / len(pairs)),
    )


def _discordant(pairs: Sequence[ScenePair]) -> tuple[int, int]:
    return sum(p.first and not p.second for p in pairs), sum(p.second and not p.first for p in pairs)


def _one_scene(row: EpisodeRow, partner: EpisodeRow) -> bool:
    if row.scene_hash and partner.scene_hash:
        return row.scene_hash == partner.scene_hash
    return row.seed == partner.seed


def _require_same_scenes(first: frames.Run, second: frames.Run) -> None:
    shared = [row for row in first.rows.values() if row.episode in second.rows]
    other = {(row.task, row.scene_hash) for row in second.rows.values()}
    wrong = [
        row.episode
        for row in shared
        if not _one_scene(row, second.rows[row.episode]) and (row.task, row.scene_hash) not in other
    ]
    if wrong:
        raise RunFolderError(
            f"{first.path} and {second.path} met different scenes in {len(wrong)} of {len(shared)} episodes "
            f"(the first is {wrong[0]}), so they cannot be compared in pairs. {_replay(first, second)}"
        )


def _require_one_suite(first: frames.Run, second: frames.Run) -> None:
    if first.manifest.suite != second.manifest.suite:
        raise RunFolderError(
            f"{first.path} is a run of {first.manifest.suite}, {second.path} one of {second.manifest.suite}: "
            "there is nothing to pair. Compare runs of one suite."
        )


def _replay(first: frames.Run, second: frames.Run) -> str:
    m = second.manifest
    return (
        "Run the second agent on the first one’s scenes: `uv run evaluate "
        f"--agent {m.agent} --suite {m.suite} --protocol {m.protocol.name} --scenes {first.path}`."
    )
