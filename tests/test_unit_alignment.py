"""Measures of alignment on clouds whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from evaluators.metrics.alignment import knn_mixing, linear_probe, mmd, retrieval, tsne


@pytest.fixture
def random():
    return np.random.default_rng(0)


@pytest.fixture
def mixed(random):
    return random.normal(size=(200, 4)), random.normal(size=(300, 4))


@pytest.fixture
def apart(random):
    return random.normal(size=(200, 4)), random.normal(size=(300, 4)) + 20


def test_one_distribution_is_mixed_and_two_are_not(mixed, apart):
    assert knn_mixing(*mixed) == pytest.approx(1, abs=0.05)
    assert knn_mixing(*apart) == 0


def test_a_probe_cannot_tell_one_distribution_and_always_tells_two(mixed, apart, random):
    assert linear_probe(*mixed, random) == pytest.approx(0.5, abs=0.08)
    assert linear_probe(*apart, random) == 1


def test_a_probe_that_always_says_the_larger_body_is_no_better_than_chance(random):
    same = np.ones((20, 3)), np.ones((500, 3))
    assert linear_probe(*same, random) == pytest.approx(0.5)


def test_the_discrepancy_is_zero_for_one_distribution_and_by_hand_for_four_points(mixed, apart):
    assert mmd(*mixed) == pytest.approx(0, abs=0.01)
    assert mmd(*apart) > 0.5
    # points 0, 0 against 1, 1: squared distances 0, 0 and four 1s, median 1: 1 + 1 - 2 exp(-1)
    assert mmd(np.zeros((2, 1)), np.ones((2, 1))) == pytest.approx(2 - 2 * np.exp(-1))


def test_retrieval_counts_the_same_task_both_ways():
    one, other = np.array([[0.0], [10.0]]), np.array([[1.0], [9.0], [11.0]])
    assert retrieval(one, other, np.array([0, 1]), np.array([0, 1, 1])) == 1
    # there: 0 -> 0 right, 10 -> 9 wrong; back: 1 -> 0 right, 9 -> 10 wrong, 11 -> 10 right
    assert retrieval(one, other, np.array([0, 1]), np.array([0, 0, 1])) == pytest.approx((1 / 2 + 2 / 3) / 2)


def test_bodies_that_share_no_task_have_no_retrieval():
    one, other = np.eye(2), np.eye(2)
    assert np.isnan(retrieval(one, other, np.array([0, 1]), np.array([2, 3])))


def test_the_picture_keeps_clouds_apart(apart, random):
    picture = tsne(np.concatenate([apart[0][:40], apart[1][:40]]), random, perplexity=10)
    one, other = picture[:40], picture[40:]
    assert picture.shape == (80, 2)
    assert np.isfinite(picture).all()
    assert np.linalg.norm(one.mean(0) - other.mean(0)) > 2 * max(one.std(), other.std()) or knn_mixing(one, other) == 0
