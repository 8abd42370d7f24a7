"""A table as Markdown, LaTeX or CSV text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from crossbody.texts import csv_safe
from reports.layout import HEADING, OURS, TableBlock

if TYPE_CHECKING:
    import pandas as pd

_LATEX = {"\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "_": r"\_", "#": r"\#", "$": r"\$", "{": r"\{", "}": r"\}"}
_LATEX |= {"–": "--", "’": "'", "→": r"$\to$", "π": r"$\pi$", "≤": r"$\le$", "−": "$-$", "±": r"$\pm$"}
_LATEX |= {
    "“": "``",
    "”": "''",
    "×": r"$\times$",
    "σ": r"$\sigma$",
    "²": "$^2$",
    "^": r"\^{}",
    "~": r"\~{}",
    "—": "---",
    "\N{NO-BREAK SPACE}": "~",
    "…": r"\dots{}",
}


def csv(long: pd.DataFrame) -> str:
    """Return the long table with fractions in full precision; NaN is an empty field,
    and no text is a spreadsheet's formula."""
    safe = long.map(lambda value: csv_safe(value) if isinstance(value, str) else value)
    return safe.to_csv(index=False, lineterminator="\n")


def markdown(title: str, facts: Sequence[str], blocks: Sequence[TableBlock]) -> str:
    """Return a page with one table per block."""
    text = [f"# {title}", "", *(f"- {fact}" for fact in facts), ""]
    for block in blocks:
        text += [f"## {block.heading}", "", *_markdown_grid(block), ""]
    return "\n".join(text)


def latex(blocks: Sequence[TableBlock]) -> str:
    """Return one booktabs table per block."""
    return "\n\n".join(_latex_grid(block) for block in blocks) + "\n"


def _markdown_grid(block: TableBlock) -> list[str]:
    lines = ["| " + " | ".join((block.first, *block.header)) + " |", "|:---|" + "---:|" * len(block.header)]
    for row in block.rows:
        name = (
            f"**{row.label}**" if row.kind == HEADING or (row.kind == OURS and block.first == "System") else row.label
        )
        lines.append("| " + " | ".join((name, *(c.line for c in row.cells))).replace("\n", " ") + " |")
    return lines


def _latex_grid(block: TableBlock) -> str:
    lines = [
        r"\begin{table}",
        rf"\caption{{{escape(block.heading)}}}",
        rf"\begin{{tabular}}{{l{'r' * len(block.header)}}}",
        r"\toprule",
        " & ".join(escape(t) for t in (block.first, *block.header)) + r" \\",
        r"\midrule",
    ]
    for row in block.rows:
        cells = [c.value + (rf" {{\scriptsize [{c.interval}]}}" if c.interval else "") for c in row.cells]
        lines.append(" & ".join((escape(row.label), *(c.replace("–", "--") for c in cells))) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}"])


def escape(text: str) -> str:
    """Return text for LaTeX."""
    return "".join(_LATEX.get(character, character) for character in text)
