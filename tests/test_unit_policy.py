"""The policy: what the losses reach, what the head sees, and how chunks come about."""

from __future__ import annotations

import pytest
import torch

from agents.unit.localizer import heat_loss, position_errors
from agents.unit.policy import Policy
from tests.unit_small import batch, small


def make(**changes) -> tuple[Policy, dict[str, torch.Tensor]]:
    size = small(policy=changes)
    torch.manual_seed(0)
    return Policy(size.policy).eval(), batch(size)


def gradient(policy: Policy, seen: dict[str, torch.Tensor], part: str) -> bool:
    """Return whether a part of the loss reaches the vision-language backbone."""
    policy.zero_grad()
    policy(seen).shown[part].backward()
    return any(p.grad is not None and bool(p.grad.any()) for p in policy.context.transformer.parameters())


def test_the_loss_is_half_the_flow_and_a_tenth_of_the_codes():
    policy, seen = make(position_weight=0.0, base_width=0)
    result = policy(seen)
    s = result.shown
    torch.testing.assert_close(result.loss, (s["flow"] + 0.1 * (s["codes_0"] + 0.5 * s["codes_1"])) / 2)


def test_the_baseline_has_no_bridge_no_codes_and_the_flow_loss_alone():
    policy, seen = make(bridge=False, detach=False, position_weight=0.0, base_width=0)
    result = policy({k: v for k, v in seen.items() if k != "codes"})
    assert set(result.shown) == {"loss", "flow"}
    assert torch.equal(result.loss, result.shown["flow"])
    assert not hasattr(policy, "code_heads")


def test_released_the_backbone_learns_from_the_codes_only():
    policy, seen = make()
    assert not gradient(policy, seen, "flow")
    assert gradient(policy, seen, "codes_0")
    assert gradient(*make(detach=False), "flow")


@pytest.mark.parametrize(("wiring", "sees"), [("released", False), ("page", True)])
def test_the_head_sees_the_predicted_codes_only_in_the_pages_wiring(wiring, sees):
    policy, seen = make(wiring=wiring)
    torch.manual_seed(1)
    noise = torch.randn(3, 16, 64)
    policy.books.normal_()
    before = policy.act(seen, noise)
    policy.books.neg_()
    assert torch.equal(before, policy.act(seen, noise)) != sees


def test_uniform_guesses_cost_the_logarithm_of_the_number_of_codes():
    policy, seen = make()
    for head in policy.code_heads:
        torch.nn.init.zeros_(head[-1].weight)
        torch.nn.init.zeros_(head[-1].bias)
    shown = policy(seen).shown
    assert shown["codes_0"].item() == pytest.approx(torch.tensor(128.0).log().item(), rel=1e-5)


def test_frames_without_actions_teach_positions_and_nothing_else():
    policy, seen = make()
    seen["action_mask"] = torch.zeros_like(seen["action_mask"])
    shown = policy(seen).shown
    assert shown["flow"] == shown["codes_0"] == shown["codes_1"] == 0
    assert shown["position"] > 0


def test_unknown_positions_cost_nothing():
    policy, seen = make()
    seen["positions_mask"] = torch.zeros_like(seen["positions_mask"])
    assert policy(seen).shown["position"] == 0


def test_position_errors_are_horizontal_and_in_centimetres():
    seen = {
        "positions": torch.zeros(2, 2, 3),
        "positions_mask": torch.tensor([[[True] * 3, [True] * 3], [[True] * 3, [False] * 3]]),
        "positions_metres": torch.full((2, 2, 3), 0.1),
    }
    predicted = torch.tensor([[[0.3, 0.4, 9.0], [1.0, 0.0, 0.0]], [[0.0, 0.1, 0.0], [5.0, 5.0, 5.0]]])
    # object: (5 cm + 1 cm) / 2; container: 10 cm, the other is unknown
    shown = position_errors(predicted, seen)
    assert (shown["object_cm"].item(), shown["container_cm"].item()) == pytest.approx((3, 10))


def test_a_heat_map_is_right_where_its_thing_is_seen_and_out_of_view_costs_nothing():
    pixels = torch.tensor(
        [[[4.0, 52.0], [16.0, 52.0]], [[-9.0, 52.0], [float("nan"), 52.0]]]
    )  # cells are 8 px from row 48 on
    flat = torch.zeros(2, 2, 640)
    assert heat_loss(flat, pixels, (10, 16)).item() == pytest.approx(torch.tensor(640.0).log().item())
    sharp = flat.clone()
    sharp[0, 0, 0] = sharp[0, 1, 1] = sharp[0, 1, 2] = (
        50.0  # the middle of the first cell; half way between second and third
    )
    assert heat_loss(sharp, pixels, (10, 16)).item() == pytest.approx(torch.tensor(2.0).log().item() / 2, abs=1e-5)
    assert heat_loss(sharp, pixels[1:].expand(2, -1, -1), (10, 16)) == 0


def test_the_flow_is_of_the_residual():
    policy, seen = make()
    policy.base.residual_scale.fill_(0.5)
    estimate = policy.base(seen, policy.context(seen).positions)
    right = policy(seen | {"action": estimate.detach()}).shown
    assert right["base_policy"] < 1e-6
    for parameter in policy.head.decoder.parameters():
        torch.nn.init.zeros_(parameter)  # a velocity of zero leaves the noise
    torch.testing.assert_close(policy.act(seen, torch.zeros(3, 16, 64)), estimate)
    torch.testing.assert_close(policy.act(seen, torch.ones(3, 16, 64)), estimate + 0.5)


def test_a_base_policy_reads_places_joints_and_words_but_no_picture():
    policy, seen = make()
    places = torch.zeros(3, 2, 3)
    before = policy.base(seen, places)
    assert torch.equal(before, policy.base(seen | {"coarse": seen["coarse"] + 1, "fine": seen["fine"] + 1}, places))
    assert not torch.allclose(before, policy.base(seen, places + 1))
    for name in ("state", "text"):
        assert not torch.allclose(before, policy.base(seen | {name: seen[name] + 1}, places)), name


def test_draws_share_a_context_and_do_not_mix():
    policy, seen = make(draws=3)
    context = policy.context(seen)
    read, body = policy._read(context, policy._logits(context)), policy.head.state_token(seen["state"], seen["slot"])
    x, time = torch.randn(3, 4, 16, 64), torch.rand(3, 4)
    together = policy.head(read, body, x, time, seen["slot"])
    for d in range(4):
        alone = policy.head(read, body, x[:, d : d + 1], time[:, d : d + 1], seen["slot"])
        torch.testing.assert_close(together[:, d : d + 1], alone)


def test_words_after_the_end_are_not_read():
    policy, seen = make()
    noise = torch.zeros(3, 16, 64)
    before = policy.act(seen, noise)
    changed = torch.where(seen["text_mask"][..., None], seen["text"], 9.0)
    torch.testing.assert_close(before, policy.act(seen | {"text": changed}, noise))


def test_the_instruction_and_the_picture_and_the_state_matter():
    policy, seen = make()
    noise = torch.zeros(3, 16, 64)
    before = policy.act(seen, noise)
    for name in ("text", "coarse", "fine", "state"):
        assert not torch.allclose(before, policy.act(seen | {name: seen[name] + 1}, noise), atol=1e-6), name


def test_without_its_state_a_sample_gets_the_same_token_as_any_other():
    policy, seen = make(state_dropout=1.0)
    token = policy.train().head.state_token(seen["state"], seen["slot"])
    assert torch.equal(token, token[:1].expand_as(token))
    assert not torch.equal(*policy.eval().head.state_token(seen["state"], seen["slot"])[:2])
