"""What the papers say about their numbers, computed again: sentences, and the averages of their tables."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from crossbody.errors import CrossbodyError
from reports import published
from reports.papers import tables
from reports.papers.checks import CHECKS, FAILS, HOLDS, VERDICTS, Finding
from reports.papers.numbers import sources
from reports.published import PublishedRow

FOLDER = published.FOLDER / "claims"


@dataclass(frozen=True)
class Claim:
    """A sentence (in quotation marks when it is the paper's), what its checks found,
    and what they were known to find."""

    id: str
    text: str
    source: str
    note: str
    findings: tuple[Finding, ...]
    known: tuple[str, ...]  # what each check was known to find when the file was written

    @property
    def verdict(self) -> str:
        """The worst that a check found."""
        return max((f.verdict for f in self.findings), key=VERDICTS.index)

    @property
    def surprising(self) -> bool:
        """Whether a check finds something else than is known: a number was changed, or a known error is gone."""
        return tuple(f.verdict for f in self.findings) != self.known


def of_paper(paper: str) -> list[Claim]:
    """Return every claim of a paper, then the averages of the tables that its tables take numbers from."""
    return [*read(FOLDER / f"{paper}.toml"), *averages(paper)]


def read(file: Path) -> list[Claim]:
    """Return the claims of a file, checked; a check that is none, or a number that is not there,
    raises CrossbodyError."""
    data = tomllib.loads(file.read_text(), parse_float=Decimal)
    return [_claim(file, data["source"], dict(fields)) for fields in data["claims"]]


def averages(paper: str) -> list[Claim]:
    """Return a claim for each printed average of success rates that can be made again from its parts or tasks."""
    rows: dict[int, PublishedRow] = {id(s): s for table in tables.of_paper(paper) for s in sources(table)}
    return [claim for row in rows.values() if (claim := _average(row))]


def wrong(claims: Sequence[Claim]) -> list[Claim]:
    """Return the claims that do not hold."""
    return [c for c in claims if c.verdict == FAILS]


def _claim(file: Path, source: str, fields: dict[str, Any]) -> Claim:
    items = [dict(item) for item in fields["items"]]
    known = tuple(item.pop("known", HOLDS) for item in items)
    for verdict in known:
        if verdict not in VERDICTS:
            raise CrossbodyError(f"{file.name}, {fields['id']}: known is '{verdict}', expected {', '.join(VERDICTS)}")
    findings = tuple(_checked(file, fields["id"], item) for item in items)
    return Claim(fields["id"], f"“{fields['text']}”", source, fields.get("note", ""), findings, known)


def _checked(file: Path, name: str, item: dict[str, Any]) -> Finding:
    check = item.pop("check", "")
    if check not in CHECKS:
        raise CrossbodyError(f"{file.name}, {name}: there is no check '{check}'. Known: {', '.join(sorted(CHECKS))}.")
    try:
        return CHECKS[check](**item)
    except TypeError as error:
        raise CrossbodyError(f"{file.name}, {name}: {error}") from error


def _average(row: PublishedRow) -> Claim | None:
    findings = []
    for average in row.averages:
        computed = published.recompute(row, average)
        if computed is None:
            continue
        off = abs(computed - average.value) > published.ROUNDING + 1e-9
        kind = "tasks" if average.aggregator == published.TASK_WEIGHTED else "splits"
        text = f"mean over the {kind} ({average.tasks} tasks) = {100 * computed:.2f}, printed {100 * average.value:.1f}"
        findings.append(Finding(FAILS if off else HOLDS, text))
    if not findings:
        return None
    name = f"{row.paper}: {row.system}" + ("" if row.suite == "robocasa_gr1" else ", out of distribution")
    known = (FAILS if row.inconsistent else HOLDS,) * len(findings)
    return Claim(
        name, "The average follows from its parts.", f"{row.paper}, {row.table}", row.note, tuple(findings), known
    )
