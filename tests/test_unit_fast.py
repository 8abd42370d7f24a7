"""FAST: what it keeps of a chunk, how many tokens it takes, and what it does with tokens that make no sense."""

from __future__ import annotations

import numpy as np
import pytest

from agents.nets.checkpoint import CheckpointError
from agents.unit.fast import FastTokenizer


@pytest.fixture(scope="module")
def chunks():
    rng = np.random.default_rng(0)
    return rng.uniform(-1, 1, (200, 1, 3)) + np.linspace(0, 1, 16)[:, None] * rng.uniform(-1, 1, (200, 1, 3))


@pytest.fixture(scope="module")
def fast(chunks):
    return FastTokenizer.fit(chunks)


def test_a_chunk_comes_back_to_the_rounding_of_its_coefficients(fast, chunks):
    # a coefficient is off by at most 0.05 of the half range; sixteen of them add up to at most that times sqrt(16)
    for chunk in chunks[:20]:
        inside = chunk.clip(fast._low, fast._high)
        np.testing.assert_allclose(
            fast.decode(fast.encode(chunk)), inside, atol=0.05 * 4 * (fast._high - fast._low).max() / 2
        )


def test_slow_motion_takes_few_tokens(fast, chunks):
    assert np.mean([len(fast.encode(c)) for c in chunks]) < chunks[0].size / 2


def test_a_constant_has_one_coefficient_per_joint(fast):
    from agents.unit.fast import _coefficients

    whole = _coefficients(np.full((1, 16, 3), 0.5), np.zeros(3), np.ones(3))
    assert not whole.any()
    whole = _coefficients(np.ones((1, 16, 3)), np.zeros(3), np.ones(3))
    assert whole[0, 0].tolist() == [40, 40, 40]  # sqrt(16) * 1 * 10
    assert not whole[0, 1:].any()


def test_tokens_that_make_no_chunk_give_the_middle_of_the_range(fast):
    np.testing.assert_allclose(fast.decode([5]), np.tile((fast._low + fast._high) / 2, (16, 1)), rtol=1e-5)


def test_motion_beyond_the_training_data_is_clipped_and_still_a_chunk(fast, chunks):
    wild = fast.decode(fast.encode(chunks[0] * 5 * (-1) ** np.arange(16)[:, None]))
    assert np.ptp(wild) > 0.1


def test_saved_and_loaded_it_gives_the_same_tokens(tmp_path, fast, chunks):
    fast.save(tmp_path)
    again = FastTokenizer.load(tmp_path)
    assert all(again.encode(c) == fast.encode(c) for c in chunks[:20])
    with pytest.raises(CheckpointError, match="no FAST tokenizer"):
        FastTokenizer.load(tmp_path / "elsewhere")
