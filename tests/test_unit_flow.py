"""Flow matching and the losses against values worked out by hand."""

from __future__ import annotations

import pytest
import torch

from agents.nets.flow import integrate, masked_mse, on_path, sample_time
from agents.unit.decoders import action_loss, picture_loss
from agents.unit.head import sinusoids
from agents.unit.localizer import grid


def test_times_follow_the_beta_distribution_and_prefer_noise():
    torch.manual_seed(0)
    time = sample_time((200_000,), (1.5, 1.0), 0.999)
    # b has mean 1.5 / 2.5 = 0.6 and P(b > x) = 1 - x^1.5
    assert time.mean().item() == pytest.approx((0.999 - 0.6) / 0.999, abs=3e-3)
    assert (time < 0.5).float().mean().item() == pytest.approx(1 - (0.999 * 0.5) ** 1.5, abs=5e-3)
    assert 0 <= time.min() and time.max() <= 1


def test_a_path_begins_in_noise_and_ends_in_the_action():
    noise, action = torch.tensor([1.0, 2.0]), torch.tensor([5.0, 0.0])
    for time, point in ((0.0, [1.0, 2.0]), (0.25, [2.0, 1.5]), (1.0, [5.0, 0.0])):
        x, velocity = on_path(noise, action, torch.tensor(time))
        assert x.tolist() == point
        assert velocity.tolist() == [4.0, -2.0]


@pytest.mark.parametrize("steps", [1, 4, 10])
def test_euler_steps_are_exact_on_a_straight_path(steps):
    noise, action = torch.tensor([1.0, 2.0]), torch.tensor([5.0, 0.0])
    torch.testing.assert_close(integrate(lambda x, t: action - noise, noise, steps), action)


def test_euler_steps_are_equal_and_begin_at_time_zero():
    # dx/dt = x from 1 in four steps: 1.25^4; and the times are 0, 1/4, 2/4, 3/4
    seen = []
    found = integrate(lambda x, t: seen.append(t) or x, torch.tensor(1.0), 4)
    assert found.item() == pytest.approx(1.25**4)
    assert seen == [0, 0.25, 0.5, 0.75]


def test_what_is_masked_out_does_not_count():
    true, mask = torch.zeros(1, 2, 2), torch.tensor([[[True, False], [True, False]]])
    predicted = torch.tensor([[[1.0, 100.0], [3.0, float(7)]]])
    assert masked_mse(predicted, true, mask).item() == (1 + 9) / 2
    # SmoothL1, beta 0.5: |e| - 0.25 beyond it
    assert action_loss(predicted, true, mask).item() == (0.75 + 2.75) / 2
    assert action_loss(torch.full((1, 2, 2), 0.2), true, mask).item() == pytest.approx(0.2**2)
    assert masked_mse(predicted, true, torch.zeros_like(mask)).item() == 0


def test_the_picture_loss_is_one_minus_the_mean_cosine_of_the_patches():
    goal = torch.tensor([[[1.0, 0.0], [0.0, 2.0]]])
    assert picture_loss(goal * 3, goal).item() == pytest.approx(0)
    assert picture_loss(torch.tensor([[[0.0, 1.0], [0.0, 1.0]]]), goal).item() == pytest.approx(0.5)


def test_time_codes_begin_with_sine_zero_and_cosine_one():
    assert sinusoids(torch.tensor(0), 4).tolist() == [0, 0, 1, 1]
    assert sinusoids(torch.tensor(3), 4)[0].item() == pytest.approx(torch.tensor(3.0).sin().item())


def test_grid_cells_are_in_row_order_with_x_first():
    assert grid(torch.zeros(1, 2, 3)).tolist() == [[-1, -1], [0, -1], [1, -1], [-1, 1], [0, 1], [1, 1]]
