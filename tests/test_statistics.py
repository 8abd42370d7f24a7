"""Intervals and tests: values by hand, outside implementations, properties, and coverage by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import confint_proportions_2indep

from reports import paired, statistics
from reports.paired import PairCell, detectable_paired_difference, mcnemar_exact, mcnemar_power, paired_difference
from reports.statistics import (
    Cell,
    Estimate,
    detectable_difference,
    difference,
    equal_groups,
    mean_over_groups,
    mean_over_tasks,
    published_mean,
    rate,
    wilson,
)

Z = 1.959963984540054
RUNS = 2_000
SPLITS = np.repeat(["appearance", "combinations", "types"], [18, 23, 32])
COVERED = (0.925, 0.995)
"""Nominal 0.95. 2,000 runs know a coverage to ±0.01; below, that and 0.015 for outcomes being whole numbers are
allowed."""


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def few_resamples(monkeypatch):
    monkeypatch.setattr(statistics, "RESAMPLES", 400)
    monkeypatch.setattr(paired, "RESAMPLES", 400)


def test_wilson_of_one_success_in_one_episode_by_hand():
    # centre (1 + z²/2) / (1 + z²), reach z * sqrt(z²/4) / (1 + z²) = (z²/2) / (1 + z²): low = 1 / (1 + z²) = 0.2065
    assert wilson(1, 1) == pytest.approx((1 / (1 + Z**2), 1.0))


def test_wilson_of_no_episode_is_everything():
    assert wilson(0, 0) == (0.0, 1.0)
    assert math.isnan(rate(0, 0).value)


@pytest.mark.parametrize(
    ("k", "n", "expected"), [(37, 100, (0.2818, 0.4678)), (20, 20, (0.839, 1.0)), (0, 20, (0.0, 0.161))]
)
def test_wilson_has_published_values(k, n, expected):
    assert wilson(k, n) == pytest.approx(expected, abs=5e-5 if k == 37 else 5e-4)


@given(n=st.integers(1, 5000), share=st.floats(0, 1), level=st.sampled_from([0.8, 0.95, 0.99]))
def test_wilson_agrees_with_scipy(n, share, level):
    k = round(share * n)
    theirs = binomtest(k, n).proportion_ci(level, method="wilson")
    assert wilson(k, n, level) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


@given(n=st.integers(1, 3000), share=st.floats(0, 1))
def test_wilson_contains_the_rate_and_mirrors_failures(n, share):
    k = round(share * n)
    low, high = wilson(k, n)
    assert 0 <= low <= k / n <= high <= 1
    assert wilson(n - k, n) == pytest.approx((1 - high, 1 - low), abs=1e-12)


def test_both_aggregators_by_hand(rng):
    cells = [Cell(1, 2, "a"), Cell(2, 2, "a"), Cell(0, 2, "b")]
    # over tasks (0.5 + 1 + 0) / 3 = 0.5; over groups ((0.5 + 1) / 2 + 0) / 2 = 0.375
    assert mean_over_tasks(cells, rng).value == pytest.approx(0.5)
    assert mean_over_groups(cells, rng).value == pytest.approx(0.375)
    assert mean_over_tasks(cells, rng).n == 6


def test_every_group_weighs_one_after_equalising():
    weights = [c.weight for c in equal_groups([Cell(1, 1, "a"), Cell(1, 1, "a"), Cell(1, 1, "b")])]
    assert weights == [0.5, 0.5, 1.0]


def test_tasks_with_more_episodes_do_not_weigh_more(rng):
    # 10 of 10 and 0 of 40: the mean over tasks is 0.5, the pooled rate would be 0.2
    assert mean_over_tasks([Cell(10, 10), Cell(0, 40)], rng).value == pytest.approx(0.5)


def test_the_bootstrap_of_large_tasks_has_the_variance_of_a_stratified_mean(rng):
    cells = [Cell(10, 50), Cell(25, 50), Cell(45, 50)]
    # 1/9 * (0.2*0.8 + 0.5*0.5 + 0.9*0.1) / 49 = 0.001134; at the mean 0.5333 that is an effective n of 0.2489/0.001134
    size = (8 / 15) * (7 / 15) / ((0.16 + 0.25 + 0.09) / 49 / 9)
    expected = wilson(8 / 15 * size, size)
    found = mean_over_tasks(cells, rng)
    assert (found.low, found.high) == pytest.approx(expected, abs=0.003)


def test_single_episodes_are_pooled_within_their_group(rng):
    # 9 of 18 tasks with one episode: one stratum of 18, variance 0.25 / 17, effective n 17
    found = mean_over_tasks([Cell(i % 2, 1, "a") for i in range(18)], rng)
    assert (found.low, found.high) == pytest.approx(wilson(8.5, 17), abs=0.004)


@pytest.mark.parametrize("won", [0, 1])
def test_outcomes_that_are_all_alike_still_have_a_wide_interval(won, rng):
    found = mean_over_tasks([Cell(won, 1, "a")] * 73, rng)
    assert (found.low, found.high) == wilson(73 * won, 73)
    assert found.high - found.low > 0.04


def test_tasks_that_always_end_alike_count_for_at_most_twice_their_episodes(rng):
    found = mean_over_tasks([Cell(10, 10)] * 12 + [Cell(0, 10)] * 12, rng)
    assert (found.low, found.high) == pytest.approx(wilson(240, 480), rel=1e-12)


def test_the_same_generator_gives_the_same_interval():
    cells = [Cell(k, 10, "a") for k in range(10)]
    one, two = (mean_over_tasks(cells, np.random.default_rng(7)) for _ in range(2))
    assert one == two


@settings(deadline=None, max_examples=40)
@given(
    cells=st.lists(st.tuples(st.integers(0, 12), st.integers(1, 12), st.sampled_from("abc")), min_size=1, max_size=20)
)
def test_an_interval_contains_its_mean_and_is_never_a_point(cells):
    found = mean_over_tasks([Cell(min(k, n), n, g) for k, n, g in cells], np.random.default_rng(0))
    assert 0 <= found.low <= found.value + 1e-9
    assert found.value - 1e-9 <= found.high <= 1
    assert found.high > found.low


def _truths(name: str) -> np.ndarray:
    generator = np.random.default_rng(5)
    return {
        "alike": np.full(73, 0.5),
        "spread": generator.beta(2, 3, 73),
        "by split": np.select([SPLITS == "appearance", SPLITS == "types"], [0.95, 0.3], 0.5),
        "nearly always": np.full(73, 0.99),
        "all or nothing": np.where(generator.random(73) < 0.5, 0.02, 0.98),
    }[name]


@pytest.mark.parametrize("aggregate", [mean_over_tasks, mean_over_groups])
@pytest.mark.parametrize(
    ("truth", "n"),
    [("alike", 1), ("spread", 1), ("by split", 1), ("nearly always", 1), ("spread", 10), ("all or nothing", 10)],
)
def test_the_interval_of_a_mean_covers_the_truth(truth, n, aggregate, few_resamples, rng):
    p = _truths(truth)
    cells = [Cell(0, n, str(split)) for split in SPLITS]
    weights = np.array([c.weight for c in (equal_groups(cells) if aggregate is mean_over_groups else cells)])
    mean = float(p @ weights / weights.sum())
    covered = 0
    for wins in rng.binomial(n, p, size=(RUNS, 73)):
        found = aggregate([Cell(int(k), n, str(s)) for k, s in zip(wins, SPLITS, strict=True)], rng)
        covered += found.low <= mean <= found.high
    # Where tasks differ much, one episode each cannot show it: the interval is then wider than it need be, never
    # narrower.
    assert covered / RUNS >= COVERED[0]
    if truth in ("alike", "nearly always"):
        assert covered / RUNS <= COVERED[1]


def test_percentiles_of_the_bootstrap_would_not_cover_a_rate_near_one(rng):
    """The reason for Wilson at the effective n: 73 of 73 is frequent at 0.99, and its replicates are all 1."""
    covered = 0
    for wins in rng.binomial(73, 0.99, size=RUNS):
        low, high = np.percentile(rng.binomial(73, wins / 73, size=400) / 73, [2.5, 97.5])
        covered += low <= 0.99 <= high
    assert covered / RUNS < 0.6


def test_a_published_mean_has_the_effective_n_of_its_parts():
    cells = [Cell(333, 900), Cell(468.395, 1150), Cell(464, 1600)]  # UniT: 37.0, 40.73 and 29.0 %
    found = published_mean(cells)
    # mean 0.35577; variance 1/9 (0.2331/900 + 0.24140/1150 + 0.2059/1600) = 6.640e-5; effective n 0.22920/6.640e-5 =
    # 3452
    assert found.value == pytest.approx((0.37 + 0.4073 + 0.29) / 3)
    assert (found.low, found.high) == pytest.approx(wilson(0.355767 * 3452, 3452), abs=1e-4)


@given(st.integers(1, 400), st.integers(1, 400), st.floats(0, 1), st.floats(0, 1))
def test_a_difference_of_rates_is_newcombes(n, m, p, q):
    a, b = round(p * n), round(q * m)
    found = difference(rate(a, n), rate(b, m))
    assert (found.low, found.high) == pytest.approx(confint_proportions_2indep(a, n, b, m, method="newcomb"), abs=1e-9)


def test_a_detectable_difference_is_found_four_times_in_five(rng):
    gap = detectable_difference(100)
    a, b = rng.binomial(100, 0.5, 20_000) / 100, rng.binomial(100, 0.5 + gap, 20_000) / 100
    z = (b - a) / np.sqrt(((a + b) / 2) * (1 - (a + b) / 2) * 2 / 100)
    assert (np.abs(z) > Z).mean() == pytest.approx(0.8, abs=0.03)


def test_five_episodes_cannot_show_a_rise_from_one_half():
    assert math.isnan(detectable_difference(5))
    assert math.isnan(detectable_difference(0))


def test_mcnemar_by_hand():
    # 1 against 9 of 10: 2 * (1 + 10) / 2^10 = 0.021484
    assert mcnemar_exact(1, 9) == pytest.approx(22 / 1024)
    assert mcnemar_exact(0, 0) == 1.0


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_agrees_with_statsmodels(b, c):
    assert mcnemar_exact(b, c) == pytest.approx(mcnemar([[0, b], [c, 0]], exact=True).pvalue if b + c else 1.0)


def test_pairs_without_a_difference_still_have_an_interval(rng):
    # Agresti and Min: (0.5 + 0.5 successes added) standard error sqrt(1) / 75, times 1.96: 0.0261
    found = paired_difference([PairCell(0, 0, 1)] * 73, rng)
    assert found == Estimate(0.0, pytest.approx(-Z / 75), pytest.approx(Z / 75), 73)


def test_a_paired_difference_by_hand(rng):
    # task a: (4 - 1) / 10 = 0.3, task b: (0 - 2) / 10 = -0.2; mean 0.05
    found = paired_difference([PairCell(1, 4, 10, "s"), PairCell(2, 0, 10, "s")], rng)
    assert found.value == pytest.approx(0.05)
    assert found.low < 0 < found.high


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=12))
def test_a_paired_interval_contains_its_difference_and_is_never_a_point(triples):
    found = paired_difference([PairCell(a, b, max(1, a + b + c)) for a, b, c in triples], np.random.default_rng(0))
    assert -1 <= found.low <= found.value + 1e-9
    assert found.value - 1e-9 <= found.high <= 1
    assert found.high > found.low


def test_swapping_the_agents_mirrors_the_difference(rng):
    there = paired_difference([PairCell(4, 9, 50, "s"), PairCell(1, 7, 50, "s")], rng)
    back = paired_difference([PairCell(9, 4, 50, "s"), PairCell(7, 1, 50, "s")], rng)
    assert there.value == -back.value
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low), abs=0.01)


@pytest.mark.parametrize(("n", "first", "second"), [(1, 0.1, 0.3), (1, 0.02, 0.02), (1, 0.0, 0.05), (10, 0.2, 0.2)])
def test_the_paired_interval_covers_the_truth(n, first, second, few_resamples, rng):
    runs, covered = RUNS if n == 1 else RUNS // 4, 0
    for counts in rng.multinomial(n, [first, second, 1 - first - second], size=(runs, 73)):
        cells = [PairCell(int(a), int(b), n, str(s)) for (a, b, _), s in zip(counts, SPLITS, strict=True)]
        found = paired_difference(cells, rng)
        covered += found.low <= second - first <= found.high
    assert COVERED[0] <= covered / runs


def test_six_pairs_show_only_a_difference_that_is_nearly_complete():
    # Six discordant pairs on one side: p = 2 / 64 = 0.031; all six happen with probability gap^6 = 0.8 at 0.9635
    assert detectable_paired_difference(6, 0.0) == pytest.approx(0.8 ** (1 / 6), abs=2e-4)
    assert math.isnan(detectable_paired_difference(5, 0.5))


@pytest.mark.parametrize(("pairs", "discordant"), [(20, 0.3), (73, 0.2), (1200, 0.4)])
def test_the_detectable_paired_difference_is_where_the_power_passes(pairs, discordant):
    gap = detectable_paired_difference(pairs, discordant)
    assert mcnemar_power(pairs, max(discordant, gap), gap) >= 0.8
    assert mcnemar_power(pairs, max(discordant, gap - 0.01), gap - 0.01) < 0.8


def test_the_power_of_mcnemars_test_is_that_of_simulated_pairs(rng):
    counts = rng.multinomial(73, [0.05, 0.2, 0.75], size=RUNS)
    rejected = np.mean([mcnemar_exact(int(a), int(b)) < 0.05 for a, b, _ in counts])
    assert mcnemar_power(73, 0.25, 0.15) == pytest.approx(rejected, abs=0.03)
