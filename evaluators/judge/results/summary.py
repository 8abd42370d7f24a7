"""What a judging run says: means over pairs with intervals, and how far its judge can be trusted."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import fmean

from crossbody.seeds import generator
from evaluators.judge.asking.session import Slot
from evaluators.judge.questions.schema import DIMENSIONS, FINAL, Answer
from evaluators.judge.results.agreement import krippendorff_alpha
from reports.statistics import Estimate, mean_over_units

SCORES = (*DIMENSIONS, "overall")
NOT_ASKED, UNREADABLE = "not asked", "unreadable"


@dataclass(frozen=True)
class Result:
    """A slot and the answer that it got, if any."""

    slot: Slot
    answer: Answer | None

    @property
    def ok(self) -> bool:
        return self.answer is not None and self.answer.status == "ok"

    @property
    def status(self) -> str:
        if not self.slot.key:
            return UNREADABLE
        return self.answer.status if self.answer else NOT_ASKED

    @property
    def reason(self) -> str:
        """Why there is no score, '' when there is one."""
        return self.slot.reason or (self.answer.reason if self.answer else "the run ended before it was asked")


@dataclass(frozen=True)
class Row:
    """One direction and method: the mean over pairs of each score."""

    direction: str
    method: str
    pairs: int  # all of them, with and without a score
    scores: Mapping[str, Estimate]


@dataclass(frozen=True)
class Trust:
    """How the judge behaved."""

    asked: int  # answers that should be there
    counts: Mapping[str, int]  # status -> how many
    parse_failure_rate: float  # of the answers that came, those that are no verdict
    refusal_rate: float
    alpha: Mapping[str, Mapping[str, float]]  # score -> level -> Krippendorff's alpha
    swap: Mapping[str, Mapping[str, float]]  # score -> pairs, equal, mean_distance, bias
    cost_usd: float
    cached: int


def results(slots: Sequence[Slot], latest: Mapping[str, Answer]) -> list[Result]:
    """Return the slots with their answers."""
    return [Result(slot, latest.get(slot.key) if slot.key else None) for slot in slots]


def rows(found: Sequence[Result], seed: int) -> list[Row]:
    """Return a row per direction and method, the best overall first within a direction."""
    made = []
    ordered = sorted(found, key=lambda r: (r.slot.pair.direction, r.slot.pair.method))
    for (direction, method), members in groupby(ordered, key=lambda r: (r.slot.pair.direction, r.slot.pair.method)):
        group = list(members)
        means = pair_means(group)
        scores = {
            name: mean_over_units([m[name] for m in means.values()], generator(seed, f"{direction}/{method}/{name}"))
            for name in SCORES
        }
        made.append(Row(direction, method, len({r.slot.pair.id for r in group}), scores))
    return sorted(made, key=lambda r: (r.direction, -_number(r.scores["overall"].value)))


def pair_means(found: Sequence[Result]) -> dict[str, dict[str, float]]:
    """Return pair id -> the mean of each score over the answers that the pair got; pairs without one are absent."""
    means = {}
    for pair, members in groupby(sorted(found, key=lambda r: r.slot.pair.id), key=lambda r: r.slot.pair.id):
        answers = [r.answer for r in members if r.ok and r.answer]
        if answers:
            means[pair] = {name: fmean(getattr(a, name) for a in answers) for name in SCORES}
    return means


def trust(found: Sequence[Result], answers: Sequence[Answer]) -> Trust:
    """Return how the judge behaved. ``answers`` is everything that was recorded, for the cost."""
    counts = Counter(r.status for r in found)
    came = sum(counts[s] for s in FINAL)
    return Trust(
        asked=len(found),
        counts=dict(counts),
        parse_failure_rate=counts["invalid"] / came if came else math.nan,
        refusal_rate=counts["refused"] / came if came else math.nan,
        alpha={name: alphas(found, name) for name in SCORES},
        swap={name: swap_consistency(found, name) for name in SCORES},
        cost_usd=sum(a.cost_usd or 0.0 for a in answers if not a.cached),
        cached=sum(1 for r in found if r.answer and r.answer.cached),
    )


def alphas(found: Sequence[Result], name: str) -> dict[str, float]:
    """Return Krippendorff's alpha of a score; the units are pairs, the raters repeats and orders."""
    ordered = sorted((r for r in found if r.ok), key=lambda r: r.slot.pair.id)
    units = [
        [float(getattr(r.answer, name)) for r in members]
        for _, members in groupby(ordered, key=lambda r: r.slot.pair.id)
    ]
    return {"ordinal": krippendorff_alpha(units, "ordinal"), "interval": krippendorff_alpha(units, "interval")}


def swap_consistency(found: Sequence[Result], name: str) -> dict[str, float]:
    """Return what exchanging the clips' places does to a score: how often it stays, by how much it moves, and which
    way.

    ``bias`` is the mean score with the reference first minus that with the generated clip first.
    """
    both: dict[tuple[str, int], dict[str, float]] = {}
    for r in found:
        if r.ok:
            both.setdefault((r.slot.pair.id, r.slot.repeat), {})[r.slot.order] = float(getattr(r.answer, name))
    gaps = [d["reference_first"] - d["generated_first"] for d in both.values() if len(d) == 2]
    if not gaps:
        return {"n": 0, "equal": math.nan, "mean_distance": math.nan, "bias": math.nan}
    equal = fmean(abs(g) < 1e-9 for g in gaps)
    return {"n": len(gaps), "equal": equal, "mean_distance": fmean(map(abs, gaps)), "bias": fmean(gaps)}


def missing(found: Sequence[Result]) -> dict[tuple[str, str], int]:
    """Return (status, reason) -> how many answers are missing for it, the most frequent first."""
    return dict(Counter((r.status, r.reason) for r in found if not r.ok).most_common())


def _number(value: float) -> float:
    return -math.inf if math.isnan(value) else value
