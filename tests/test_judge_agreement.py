"""Krippendorff's alpha, order-swap consistency and means of judged pairs, against values worked out by hand."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluators.judge.asking.session import Slot
from evaluators.judge.questions.schema import Answer, Pair
from evaluators.judge.results.agreement import krippendorff_alpha
from evaluators.judge.results.summary import pair_means, results, rows, swap_consistency, trust
from reports.statistics import mean_over_units

# Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability", example C: 4 observers, 12 units, '.' is missing.
EXAMPLE = """
1 2 3 3 2 1 4 1 2 . . .
1 2 3 3 2 2 4 1 2 5 . 3
. 3 3 3 2 3 4 2 2 5 1 .
1 2 3 3 2 4 4 1 2 5 1 .
"""
UNITS = [
    [int(v) for v in column if v != "."]
    for column in zip(*(line.split() for line in EXAMPLE.strip().split("\n")), strict=True)
]


@pytest.mark.parametrize(("level", "published"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_alpha_of_krippendorffs_own_example_is_the_published_one(level, published):
    assert krippendorff_alpha(UNITS, level) == pytest.approx(published, abs=5e-4)


def test_alpha_by_hand():
    # Ratings 1 1 | 2 3. Within units: (2-3)^2 twice = 2. Any two of 1 1 2 3, ordered: 4 * 1 + 4 * 4 + 2 * 1 = 22.
    # alpha = 1 - (n - 1) * 2 / 22 = 1 - 6 / 22
    assert krippendorff_alpha([[1, 1], [2, 3]], "interval") == pytest.approx(16 / 22)
    # Nominal: within 2; any two that differ, ordered: 2 * (2 * 1 + 2 * 1 + 1 * 1) = 10. 1 - 3 * 2 / 10
    assert krippendorff_alpha([[1, 1], [2, 3]], "nominal") == pytest.approx(0.4)
    # Ordinal: middle ranks of 1, 2, 3 with counts 2, 1, 1: 1, 2.5, 3.5. Within 2 * 1; between 4 * 2.25 + 4 * 6.25 + 2 *
    # 1 = 36.
    assert krippendorff_alpha([[1, 1], [2, 3]], "ordinal") == pytest.approx(1 - 6 / 36)


def test_perfect_agreement_is_one_and_systematic_disagreement_below_zero():
    assert krippendorff_alpha([[1, 1, 1], [5, 5], [3, 3]]) == 1
    assert krippendorff_alpha([[1, 5], [5, 1], [1, 5]]) < 0


def test_alpha_is_unknown_when_nothing_pairs_or_nothing_differs():
    assert math.isnan(krippendorff_alpha([]))
    assert math.isnan(krippendorff_alpha([[1], [2], [3]]))
    assert math.isnan(krippendorff_alpha([[4, 4], [4, 4]]))


def by_definition(units: list[list[int]], level: str) -> float:
    """Alpha from its definition, one ordered pair of ratings at a time, in exact fractions."""
    units = [u for u in units if len(u) > 1]
    values = sorted(v for u in units for v in u)

    def distance(x: int, y: int) -> Fraction:
        if level == "nominal":
            return Fraction(x != y)
        if level == "interval":
            return Fraction((x - y) ** 2)
        low, high = sorted((x, y))
        between = sum(low <= v <= high for v in values)
        return (between - Fraction(values.count(low) + values.count(high), 2)) ** 2 if x != y else Fraction(0)

    n = len(values)
    observed = sum((distance(*p) / (len(u) - 1) for u in units for p in permutations(u, 2)), Fraction(0)) / max(n, 1)
    expected = sum((distance(*p) for p in permutations(values, 2)), Fraction(0)) / max(n * (n - 1), 1)
    return float(1 - observed / expected) if expected else math.nan


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval"])
@given(units=st.lists(st.lists(st.integers(1, 5), max_size=4), max_size=6))
def test_alpha_equals_its_definition_over_pairs_of_ratings(level, units):
    assert krippendorff_alpha(units, level) == pytest.approx(by_definition(units, level), nan_ok=True, abs=1e-9)


def slot(pair: str, repeat: int, order: str, method: str = "") -> Slot:
    key = f"{pair}/{repeat}/{order}"
    return Slot(Pair(id=pair, reference="r", generated="g", method=method), repeat, order, key)  # type: ignore[arg-type]


def answer(of: Slot, score: float | None, status: str = "ok") -> Answer:
    about = {"provider": "p", "judge": "program", "model": "m", "rubric_version": "1", "rubric_hash": "h"}
    values = dict.fromkeys(("semantic", "temporal", "geometric", "overall"), score)
    return Answer(key=of.key, pair=of.pair.id, repeat=of.repeat, order=of.order, status=status, **values, **about)  # type: ignore[arg-type]


def judged(*scores: tuple[str, int, str, float | None], method: str = ""):
    slots = [slot(p, r, o, method) for p, r, o, _ in scores]
    latest = {s.key: answer(s, v, "ok" if v else "invalid") for s, (*_, v) in zip(slots, scores, strict=True)}
    return results(slots, latest), list(latest.values())


A, B = "reference_first", "generated_first"


def test_swap_consistency_by_hand():
    found, _ = judged(
        ("x", 1, A, 4), ("x", 1, B, 4), ("x", 2, A, 5), ("x", 2, B, 3), ("y", 1, A, 2), ("y", 1, B, 3), ("y", 2, A, 1)
    )
    # Gaps 0, 2, -1 of the three that have both orders.
    assert swap_consistency(found, "overall") == pytest.approx(
        {"n": 3, "equal": 1 / 3, "mean_distance": 1.0, "bias": 1 / 3}
    )


def test_a_pair_counts_once_however_many_answers_it_got_and_not_at_all_without_one():
    found, _ = judged(
        ("x", 1, A, 5), ("x", 2, A, 5), ("x", 3, A, 5), ("y", 1, A, 1), ("y", 2, A, None), ("z", 1, A, None)
    )
    assert {k: v["overall"] for k, v in pair_means(found).items()} == {"x": 5, "y": 1}
    (row,) = rows(found, 0)
    assert (row.scores["overall"].value, row.scores["overall"].n, row.pairs) == (3, 2, 3)


def test_failures_of_the_service_do_not_count_as_parse_failures():
    found, answers = judged(("x", 1, A, 5), ("x", 1, B, None), ("y", 1, A, 4), ("y", 1, B, 4))
    lost = slot("z", 1, A)
    found += results([lost], {lost.key: answer(lost, None, "failed")})
    judge = trust(found, answers)
    assert judge.parse_failure_rate == pytest.approx(1 / 4)
    assert judge.counts == {"ok": 3, "invalid": 1, "failed": 1}


def test_the_interval_over_pairs_is_wider_than_that_over_answers_would_be_and_covers_the_mean():
    rng, covered = np.random.default_rng(0), 0
    for _ in range(100):
        estimate = mean_over_units(list(rng.choice([1, 2, 3, 4, 5], 40, p=[0.1, 0.2, 0.3, 0.3, 0.1])), rng)
        covered += estimate.low <= 3.1 <= estimate.high
    assert 0.9 <= covered / 100 <= 0.99


def test_one_pair_has_no_interval_and_none_no_mean():
    one, none = mean_over_units([4.0], np.random.default_rng(0)), mean_over_units([], np.random.default_rng(0))
    assert (one.value, one.n) == (4, 1) and math.isnan(one.low)
    assert math.isnan(none.value) and none.n == 0
