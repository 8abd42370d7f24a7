"""The tables as Markdown, LaTeX and CSV text."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import asdict, fields

from reports.papers.claims import Claim
from reports.papers.grid import Grid, System, difference, interval, mark, remains, title
from reports.papers.numbers import OURS, Number
from reports.papers.verdict import legend, tolerances
from reports.render import escape

EMPTY = "–"


def numbers_csv(numbers: Sequence[Number]) -> str:
    """Return one row per number in full precision; NaN is an empty field."""
    out = io.StringIO()
    writer = csv.DictWriter(out, [f.name for f in fields(Number)], lineterminator="\n")
    writer.writeheader()
    for number in numbers:
        writer.writerow({k: "" if isinstance(v, float) and math.isnan(v) else v for k, v in asdict(number).items()})
    return out.getvalue()


def markdown(grid: Grid) -> str:
    """Return one table with its source, notes, and what was not run."""
    table, rows = grid.table, _cells(grid, _Plain)
    lines = [f"## {table.id}. {table.title}", "", f"{table.by}: {table.where} ({table.status}). {table.link}", ""]
    lines += [_line(rows[0]), "|:---|" + "---:|" * (len(rows[0]) - 1), *(_line(row) for row in rows[1:]), ""]
    lines += [f"- {note}" for note in notes(grid)]
    return "\n".join(lines) + "\n"


def latex(grid: Grid) -> str:
    """Return one booktabs table; a paper that uses it needs the packages booktabs and textcomp."""
    rows = _cells(grid, _Latex)
    head, *body = [" & ".join(row) + r" \\" for row in rows]
    caption = f"{grid.table.title}. {grid.table.by}: {grid.table.where}."
    return "\n".join(
        [
            r"\begin{table}",
            rf"\caption{{{_tex(caption)}}}",
            rf"\label{{tab:{grid.table.id}}}",
            rf"\begin{{tabular}}{{l{'r' * (len(rows[0]) - 1)}}}",
            r"\toprule",
            head,
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def claims_markdown(claims: Sequence[Claim]) -> str:
    """Return the claims with their verdicts and computations."""
    lines = ["## Claims and averages, computed again", ""]
    for claim in claims:
        lines += [f"- **{claim.id}** ({claim.source}): {claim.text} **{claim.verdict}**"]
        lines += [f"  - {f.computation}: {f.verdict}" for f in claim.findings]
        lines += [f"  - {claim.note}"] if claim.note else []
    return "\n".join(lines) + "\n"


def legend_line() -> str:
    """Return the legend and its tolerances in two sentences."""
    return f"{'; '.join(f'{v.mark} {v.title}' for v in legend().values())}. Tolerances: {', '.join(tolerances())}."


def notes(grid: Grid) -> list[str]:
    """Return what stands under a table."""
    ours = [(s.name, "; ".join(filter(None, (s.unranked, s.cause)))) for s in grid.systems if s.origin == OURS]
    found = [*_gathered(ours, "Ours"), *_gathered([(s.name, s.note) for s in grid.systems], "All rows")]
    found += [f"Not ranked: {'; '.join(s.name for s in outside)}." for outside in [_outside(grid)] if outside]
    return [*grid.table.notes, *found, *filter(None, [remains(grid.table, grid)])]


def _gathered(said: Sequence[tuple[str, str]], everyone: str) -> list[str]:
    """Return a sentence for each thing that is said, with the names of those it is said of;
    ``everyone`` stands for them all."""
    names: dict[str, list[str]] = {}
    for name, what in said:
        names.setdefault(what, []).append(name)
    whole = max(2, len(said))
    return [f"{everyone if len(of) == whole else '; '.join(of)}: {what}." for what, of in names.items() if what]


def _outside(grid: Grid) -> list[System]:
    return [s for s in grid.systems if s.unranked] if any(s.rank for s in grid.systems) else []


def _cells(grid: Grid, style: type[_Plain]) -> list[list[str]]:
    """Return the heading and the rows, each cell as text in a style."""
    table, columns = grid.table, [q.key for q in grid.table.quantities]
    if table.by_task:
        head = [style.text("Task"), *(style.head(s) for s in grid.systems)]
        return [
            head,
            *([style.text(title(table, c)), *(style.number(s.numbers.get(c)) for s in grid.systems)] for c in columns),
        ]
    ranked = any(s.rank for s in grid.systems)
    rows = [
        [style.text(t) for t in ("System", *(["#"] if ranked else []), *(title(table, c) for c in columns), "Ours")]
    ]
    for s in grid.systems:
        rank = [str(s.rank) if s.rank else EMPTY if style is _Plain else "--"] if ranked else []
        rows.append(
            [style.system(s), *rank, *(style.number(s.numbers.get(c)) for c in columns), style.verdict(s.verdict)]
        )
    return rows


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


class _Plain:
    """Cells of Markdown."""

    @staticmethod
    def text(text: str) -> str:
        return text.replace("|", "/")

    @staticmethod
    def system(s: System) -> str:
        return f"**{s.name}**" if s.origin == OURS else s.name

    @staticmethod
    def head(s: System) -> str:
        return f"{_Plain.system(s)}{f' ({mark(s.verdict)})' if s.verdict else ''}"

    @staticmethod
    def number(n: Number | None) -> str:
        if n is None:
            return EMPTY
        ours = f" {mark(n.verdict)} {difference(n)}" if n.verdict else ""
        size = f", n {n.n}" if n.origin == OURS and n.n else ""
        return n.text + (f" [{interval(n)}]" if interval(n) else "") + size + ours

    @staticmethod
    def verdict(key: str) -> str:
        return f"{mark(key)} {legend()[key].title}" if key else ""


class _Latex(_Plain):
    """Cells of LaTeX."""

    @staticmethod
    def text(text: str) -> str:
        return _tex(text)

    @staticmethod
    def system(s: System) -> str:
        return rf"\textbf{{{_tex(s.name)}}}" if s.origin == OURS else _tex(s.name)

    @staticmethod
    def head(s: System) -> str:
        return _Latex.system(s)

    @staticmethod
    def number(n: Number | None) -> str:
        if n is None:
            return "--"
        inside = interval(n).replace(" – ", ", ")
        sign = f" {legend()[n.verdict].latex}" if n.verdict else ""
        return _tex(n.text) + (rf" {{\scriptsize [{_tex(inside)}]}}" if inside else "") + sign

    @staticmethod
    def verdict(key: str) -> str:
        return legend()[key].latex if key else ""


def _tex(text: str) -> str:
    arrows = {"↑": r"$\uparrow$", "↓": r"$\downarrow$"}
    return "".join(arrows.get(c) or escape(c) for c in text)
