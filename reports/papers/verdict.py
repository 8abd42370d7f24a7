"""The legend: how one of our numbers is judged beside the published one."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from reports.papers.numbers import Number

FILE = Path(__file__).parent / "legend.toml"
INSIDE, WITHIN, KNOWN, OFF, NOT_RUN = "inside", "within", "known", "off", "not_run"


@dataclass(frozen=True)
class Verdict:
    """One entry of the legend."""

    key: str
    mark: str
    latex: str
    title: str
    meaning: str


@cache
def legend() -> dict[str, Verdict]:
    """Return key -> verdict, the best first."""
    return {fields["key"]: Verdict(**fields) for fields in _data()["verdicts"]}


def tolerance(unit: str, published: float) -> float:
    """Return how far a number of this unit may be from the published one."""
    rule = _data()["tolerance"].get(unit, _data()["tolerance"]["default"])
    return rule["absolute"] if "absolute" in rule else rule["relative"] * abs(published)


def tolerances() -> list[str]:
    """Return the tolerance of every unit in words."""
    named = {"%": "points", "fraction": "of a fraction", "1–5": "of a score from 1 to 5"}
    rules = _data()["tolerance"]
    found = [f"{rule['absolute']:g} {named.get(unit, unit)}" for unit, rule in rules.items() if "absolute" in rule]
    return [*found, f"else {100 * rules['default']['relative']:g} % of the printed number"]


def judged(ours: Number, printed: Number) -> Number:
    """Return our number with its verdict beside the published one; NaN has none."""
    gap = ours.value - printed.value
    if gap != gap:
        return ours
    if ours.low <= printed.value <= ours.high:
        key = INSIDE
    elif abs(gap) <= tolerance(printed.unit, printed.value) + 1e-9:
        key = WITHIN
    else:
        key = KNOWN if ours.unranked or ours.cause else OFF
    return replace(ours, verdict=key, against=printed.row, difference=gap)


def worst(keys: set[str]) -> str:
    """Return the worst of some verdicts; nothing was run when there is none."""
    order = list(legend())
    return max(keys, key=order.index) if keys else NOT_RUN


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads(FILE.read_text())
