"""``report --paper unit|humanoid_vla``: every table and chart of a paper made anew, with ours beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

if TYPE_CHECKING:
    from rich.console import Console

    from reports.papers.claims import Claim


@dataclass(frozen=True)
class Arguments:
    """Write every table and chart of a paper with ours beside it, or check the paper's arithmetic."""

    paper: Literal["unit", "humanoid_vla"]
    """Whose tables."""

    runs: tuple[str, ...] = ()
    """Folders of ours: runs, or scores of `crossbody score` and `crossbody judge`. PLACE=FOLDER says which printed row
    one stands for, as in 'U3/VLA-UniT + human=runs/NAME'; a place is ROW, TABLE, TABLE/ROW or TABLE/ROW/COLUMN."""

    out: Path | None = None
    """Where to write; runs/paper_NAME when it is not given."""

    check: bool = False
    """Only verify the printed arithmetic and list the claims that do not hold. The exit code is 1 when a check finds
    something else than is known."""


def main(argv: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    from rich.console import Console

    from reports.papers import claims

    arguments = tyro.cli(Arguments, args=list(argv), prog="report")
    found = claims.of_paper(arguments.paper)
    if arguments.check:
        return check(found, Console(highlight=False, soft_wrap=True, markup=False))
    out = arguments.out or Path("runs") / f"paper_{arguments.paper}"
    left_out = write(arguments.paper, arguments.runs, found, out)
    show_written(out, arguments.paper, (found, left_out), Console(highlight=False, soft_wrap=True, markup=False))
    return 0


def check(claims: Sequence[Claim], console: Console) -> int:
    """Print the claims that do not hold or prove less than they say, and return 1 when there is a surprise."""
    from reports.papers.checks import HOLDS

    for claim in claims:
        if claim.verdict != HOLDS or claim.surprising:
            console.print(f"{claim.id}: {claim.verdict}", style="bold")
            console.print(f"  {claim.text} ({claim.source})")
            for finding in claim.findings:
                console.print(f"  {finding.verdict}: {finding.computation}")
    surprises = [c for c in claims if c.surprising]
    for claim in surprises:
        expected = ", ".join(claim.known)
        console.print(f"{claim.id} was known as: {expected}. A number has changed.", style="red")
    console.print(summary(claims), style="bold")
    return 1 if surprises else 0


def summary(claims: Sequence[Claim]) -> str:
    """Return how many claims have each verdict."""
    from reports.papers.checks import FAILS, HOLDS, UNKNOWN, WEAK

    words = {
        HOLDS: ("holds", "hold"),
        WEAK: ("is weak", "are weak"),
        UNKNOWN: ("cannot be checked", "cannot be checked"),
        FAILS: ("does not hold", "do not hold"),
    }
    counts = {verdict: sum(c.verdict == verdict for c in claims) for verdict in words}
    parts = [f"{number} {words[verdict][number > 1]}" for verdict, number in counts.items() if number]
    return f"{len(claims)} claims and averages: {', '.join(parts)}."


def write(paper: str, runs: Sequence[str], claims: Sequence[Claim], out: Path) -> list[str]:
    """Write index.html, tables.md, tables.tex, numbers.csv and each table by itself; return why runs were left out."""
    from crossbody.runs import write_atomic
    from reports.papers import formats, inputs, tables
    from reports.papers.grid import grid
    from reports.papers.numbers import OURS
    from reports.papers.page import TITLES, page
    from reports.papers.reproduced import reproduced_numbers

    own, left_out = inputs.parse(paper, runs)
    grids = [grid(table, reproduced_numbers(table, own)) for table in tables.of_paper(paper)]
    shown = {n.source for g in grids for n in g.numbers if n.origin == OURS}
    left_out += [f"{g.folder} has no number for a table of this paper." for g in own if str(g.folder) not in shown]
    facts = [f"# {TITLES[paper]}, table by table", "", f"Ours beside the printed row: {formats.legend_line()}", ""]
    files = {
        "index.html": page(paper, grids, claims, left_out),
        "numbers.csv": formats.numbers_csv([n for g in grids for n in g.numbers]),
        "tables.md": "\n".join([*facts, *map(formats.markdown, grids), formats.claims_markdown(claims)]),
        "tables.tex": "\n".join(map(formats.latex, grids)),
    }
    for g in grids:
        files |= {f"tables/{g.table.id}.md": formats.markdown(g), f"tables/{g.table.id}.tex": formats.latex(g)}
        files[f"tables/{g.table.id}.csv"] = formats.numbers_csv(g.numbers)
    for name, text in files.items():
        write_atomic(out / name, text.encode())
    return left_out


def show_written(out: Path, paper: str, said: tuple[Sequence[Claim], Sequence[str]], console: Console) -> None:
    """Print what the arithmetic says, which runs are not in the tables, and where everything is."""
    claims, left_out = said
    console.print(summary(claims))
    console.print(f"`report --paper {paper} --check` lists them with their computations.")
    for line in left_out:
        console.print(f"Left out: {line}")
    console.print(f"Written: {out}/index.html, tables.md, tables.tex, numbers.csv")
