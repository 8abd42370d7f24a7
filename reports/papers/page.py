"""One self-contained page of a paper: what its arithmetic says, every table with ours beside it, and figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reports.html import prose
from reports.papers.checks import FAILS, HOLDS, UNKNOWN, WEAK
from reports.papers.claims import Claim
from reports.papers.formats import notes
from reports.papers.grid import Grid, difference, interval, title
from reports.papers.numbers import OURS, PUBLISHED
from reports.papers.panels import panels
from reports.papers.verdict import NOT_RUN, legend, tolerances

TITLES = {"unit": "UniT", "humanoid_vla": "Humanoid-VLA"}
ORDER = (FAILS, WEAK, UNKNOWN, HOLDS)
TEMPLATES = Path(__file__).parent.parent / "templates"


def page(paper: str, grids: Sequence[Grid], claims: Sequence[Claim], left_out: Sequence[str]) -> str:
    """Return the page as HTML text."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader(TEMPLATES)
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters["prose"] = prose
    return environment.get_template("paper.html.j2").render(
        title=TITLES[paper],
        grids=grids,
        figures={g.table.id: panels(g) for g in grids},
        claims=sorted(claims, key=lambda c: ORDER.index(c.verdict)),
        failed=sum(c.verdict == FAILS for c in claims),
        left_out=left_out,
        counts=counts(grids),
        legend=legend(),
        tolerances=tolerances(),
        heading=title,
        interval=interval,
        difference=difference,
        notes=notes,
        ours=OURS,
    )


def counts(grids: Sequence[Grid]) -> dict[str, int]:
    """Return what the page holds: tables, numbers of either side, and how many printed rows have each verdict."""
    numbers = [n for g in grids for n in g.numbers]
    printed = [s for g in grids for s in g.systems if s.origin == PUBLISHED]
    found = {key: sum(s.verdict == key for s in printed) for key in legend()}
    return {
        "tables": len(grids),
        "published": sum(n.origin == PUBLISHED for n in numbers),
        "ours": sum(n.origin == OURS for n in numbers),
        "rows": len(printed),
        "compared": len(printed) - found[NOT_RUN],
        **found,
    }
