"""Residual quantisation against codes, losses and gradients worked out by hand."""

from __future__ import annotations

import pytest
import torch

from agents.nets.quantizer import ResidualQuantizer, nearest, perplexity


@pytest.fixture
def by_hand():
    """Two levels of two codes in the plane."""
    quantizer = ResidualQuantizer(2, 2, 2, (0.5, 0.1), restart_every=100, restart_until=1000).eval()
    quantizer.books.data = torch.tensor([[[0.0, 0.0], [4.0, 0.0]], [[0.0, 0.0], [0.0, 1.0]]])
    return quantizer


def test_the_second_level_codes_what_the_first_left_over(by_hand):
    # (3, 1) is nearest to (4, 0): 2 against 10. Left over: (-1, 1), nearest to (0, 1): 1 against 2.
    found = by_hand(torch.tensor([[[3.0, 1.0]]]))
    assert found.indices.tolist() == [[[1, 1]]]
    assert found.vectors.tolist() == [[[4.0, 1.0]]]
    assert by_hand.decode(found.indices).tolist() == [[[4.0, 1.0]]]


def test_the_loss_weighs_each_level_by_its_beta(by_hand):
    # level 1: mean(1, 1) * 1.5; level 2: mean(1, 0) * 1.1
    assert by_hand(torch.tensor([[[3.0, 1.0]]])).loss.item() == pytest.approx(1.5 + 0.55)


def test_the_gradient_of_what_follows_goes_straight_through_to_the_features(by_hand):
    z = torch.tensor([[[3.0, 1.0]]], requires_grad=True)
    (by_hand(z).vectors * torch.tensor([2.0, 5.0])).sum().backward()
    assert z.grad is not None and z.grad.tolist() == [[[2.0, 5.0]]]
    assert by_hand.books.grad is None or not by_hand.books.grad.any()


def test_the_loss_pulls_features_to_codes_and_codes_to_features(by_hand):
    z = torch.tensor([[[3.0, 1.0]]], requires_grad=True)
    by_hand(z).loss.backward()
    # z: (z - e1) + (rest - e2) = (-1, 1) + (-1, 0); codes: beta * (e - z) = 0.5 * (1, -1) and 0.1 * (1, 0)
    assert z.grad is not None and z.grad.tolist() == [[[-2.0, 1.0]]]
    assert by_hand.books.grad[0].tolist() == [[0.0, 0.0], [0.5, -0.5]]
    torch.testing.assert_close(by_hand.books.grad[1], torch.tensor([[0.0, 0.0], [0.1, 0.0]]))


def test_codes_begin_at_vectors_of_the_first_batch_and_at_what_these_leave_over():
    torch.manual_seed(0)
    quantizer = ResidualQuantizer(2, 2, 2, (0.5, 0.1), restart_every=100, restart_until=1000)
    z = 10 + torch.randn(1, 6, 2)
    found = quantizer(z)
    assert all(code in z[0].tolist() for code in quantizer.books[0].tolist())
    rest = z - quantizer.books[0][found.indices[..., 0]]
    assert all((rest[0] - code).norm(dim=-1).min() < 1e-6 for code in quantizer.books[1])


def test_codes_that_nobody_chose_restart_from_the_batch_and_the_others_stay(by_hand):
    by_hand.train().restart_every = 2
    by_hand.steps.fill_(2)
    z = torch.tensor([[[3.0, 1.0], [5.0, 1.0]]])
    by_hand(z)
    assert by_hand.books[0, 0].tolist() == [0.0, 0.0], "the first step of two"
    by_hand(z)
    assert by_hand.books[0, 1].tolist() == [4.0, 0.0]
    assert by_hand.books[0, 0].tolist() in z[0].tolist()
    assert not by_hand.used.any()


def test_no_code_restarts_after_the_last_step_that_may(by_hand):
    by_hand.train().restart_every, by_hand.restart_until = 1, 1
    before = by_hand.books.detach().clone()
    by_hand.steps.fill_(1)
    by_hand(torch.tensor([[[3.0, 1.0]]]))
    assert torch.equal(by_hand.books, before)


def test_the_nearest_code_is_the_one_that_brute_force_finds():
    generator = torch.Generator().manual_seed(0)
    z, book = torch.randn(5, 7, 4, generator=generator), torch.randn(9, 4, generator=generator)
    assert torch.equal(nearest(z, book), torch.cdist(z, book[None].expand(5, -1, -1)).argmin(-1))


def test_perplexity_is_one_for_one_code_and_their_number_for_all_alike():
    assert perplexity(torch.tensor([3, 3, 3]), 8).item() == pytest.approx(1)
    assert perplexity(torch.arange(8), 8).item() == pytest.approx(8)
    assert perplexity(torch.tensor([0, 0, 1, 1]), 8).item() == pytest.approx(2)
