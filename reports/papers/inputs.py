"""What the user gives to set beside the paper: run folders and folders of scores,
each perhaps for a named place in a table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from crossbody.errors import CrossbodyError
from reports.papers import tables
from reports.papers.tables import Table

EPISODES, SCORES, JUDGED = "episodes", "scores", "judged"


@dataclass(frozen=True)
class Input:
    """A folder and where it belongs; what is empty is found out from the folder."""

    folder: Path
    kind: str
    table: str = ""
    row: str = ""
    column: str = ""

    def fits(self, table: Table) -> bool:
        """Return whether it may have numbers for this table."""
        return not self.table or self.table == table.id


def parse(paper: str, words: Sequence[str]) -> tuple[list[Input], list[str]]:
    """Return what is given, and a sentence for each folder that is left out.

    A word is a folder or ``PLACE=FOLDER``; a place is ROW, TABLE, TABLE/ROW or TABLE/ROW/COLUMN. A place or folder that
    is not there raises CrossbodyError; a folder of something else (``runs/*`` may have some) is left out.
    """
    found, left_out = [], []
    for word in words:
        place, folder = _split(word)
        if not folder.exists():
            raise CrossbodyError(
                f"--runs {word}: there is no folder {folder}. Give run folders, or PLACE=FOLDER as in "
                "'VLA-UniT + human=runs/NAME'."
            )
        kind = _kind(folder)
        if not kind:
            left_out.append(f"{folder} holds neither episodes nor scores.")
        elif kind != EPISODES and "/" not in place and place not in {t.id for t in tables.of_paper(paper)}:
            left_out.append(f"{folder} holds scores: say for which table, as in U7={folder}.")
        else:
            found.append(Input(folder, kind, *_place(paper, place)))
    return found, left_out


def _split(word: str) -> tuple[str, Path]:
    if "=" in word and not Path(word).exists():
        place, _, folder = word.partition("=")
        return place.strip(), Path(folder)
    return "", Path(word)


def _kind(folder: Path) -> str:
    if (folder / "summary.json").exists():
        return JUDGED
    try:
        manifest = json.loads((folder / "manifest.json").read_text())
    except (OSError, ValueError):
        return ""
    if str(manifest.get("kind", "")).startswith("score-"):
        return SCORES
    return EPISODES if "episodes" in manifest else ""


def _place(paper: str, place: str) -> tuple[str, str, str]:
    known = {t.id: t for t in tables.of_paper(paper)}
    name, _, rest = place.partition("/")
    if name in known:
        table = known[name]
        row, _, column = rest.partition("/") if rest not in {r.name for r in table.rows} else (rest, "", "")
        if row:
            table.row(row)
        if column:
            table.quantity(column)
        return name, row, column
    if place and place not in {r.name for t in known.values() for r in t.rows}:
        raise CrossbodyError(
            f"--runs {place}=…: no table of '{paper}' has that id or such a row. Tables: {', '.join(known)}."
        )
    return "", place, ""
