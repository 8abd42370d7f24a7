"""The tokenizer: which branch satisfies which decoder, and what masks and bodies do."""

from __future__ import annotations

import pytest
import torch

from agents.nets.layers import CausalConv, PerEmbodiment
from agents.unit.config import ROUTES
from agents.unit.tokenizer import UniT
from crossbody.errors import UnknownName
from tests.unit_small import batch, small

SHOWN = {
    "full": {
        "vision_to_vision",
        "vision_to_action",
        "action_to_vision",
        "action_to_action",
        "fusion_to_vision",
        "fusion_to_action",
    },
    "no_cross": {"vision_to_vision", "action_to_action", "fusion_to_vision", "fusion_to_action"},
    "villa": {"vision_to_vision", "vision_to_action"},
    "vision": {"vision_to_vision"},
    "action": {"action_to_action"},
}


def make(variant: str = "full") -> UniT:
    torch.manual_seed(0)
    return UniT(small({"variant": variant}).tokenizer).eval()


@pytest.mark.parametrize("variant", ROUTES)
def test_a_variant_decodes_what_it_says_and_the_loss_is_the_mean_over_branches(variant):
    result = make(variant)(batch(small()))
    parts = {k: v for k, v in result.shown.items() if "_to_" in k}
    assert set(parts) == SHOWN[variant]
    expected = sum(parts.values()) / len(ROUTES[variant]) + result.shown["quantizer"]
    torch.testing.assert_close(result.loss, expected)


def test_with_cross_reconstruction_the_picture_teaches_the_action_branch_and_without_it_does_not():
    for variant, taught in (("full", True), ("no_cross", False)):
        unit = make(variant)
        shown = unit(batch(small())).shown
        from_picture = shown.get("action_to_vision", shown["vision_to_vision"])
        from_picture.backward()
        gradient = unit.branches.action.queries.grad
        assert (gradient is not None and bool(gradient.any())) == taught


@pytest.mark.parametrize("variant", ROUTES)
def test_it_has_no_weights_that_its_variant_never_uses(variant):
    unit = make(variant)
    unit(batch(small())).loss.backward()
    own = batch(small())["slot"][0].item()
    others = tuple(
        f"{name}.layers.{slot}."
        for name, module in unit.named_modules()
        if isinstance(module, PerEmbodiment)
        for slot in range(len(module.layers))
        if slot != own
    )
    idle = [name for name, p in unit.named_parameters() if p.grad is None and not name.startswith(others)]
    assert idle == []


def test_action_tokens_need_no_picture_and_picture_tokens_no_action():
    unit, seen = make(), batch(small())
    without = {k: v for k, v in seen.items() if k not in ("now", "goal")}
    assert torch.equal(unit.codes(without, "action"), unit.codes(seen, "action"))
    without = {k: v for k, v in seen.items() if k != "action"}
    assert torch.equal(unit.codes(without, "vision"), unit.codes(seen, "vision"))


def test_policies_are_taught_the_fusion_tokens_where_there_are_any():
    targets = {variant: small({"variant": variant}).tokenizer.target_branch for variant in ROUTES}
    assert targets == {
        "full": "fusion",
        "no_cross": "fusion",
        "villa": "vision",
        "vision": "vision",
        "action": "action",
    }


@torch.no_grad()
def test_a_decoder_from_the_present_copies_the_picture_where_it_predicts_no_change():
    size = small({"from_present": True})
    unit, seen = UniT(size.tokenizer).eval(), batch(size)
    unit.vision_decoder.out.weight.zero_()
    unit.vision_decoder.out.bias.zero_()
    vectors = unit.quantizer(unit.features(seen, ("fusion",))["fusion"]).vectors
    torch.testing.assert_close(unit.decode_picture(seen, vectors), seen["now"])


def test_a_chunk_is_eight_tokens_of_two_codes():
    codes = make().codes(batch(small()))
    assert codes.shape == (3, 8, 2)
    assert 0 <= codes.min() and codes.max() < 128


def test_steps_after_the_episodes_end_change_no_loss():
    unit, seen = make("action"), batch(small())
    seen["action_mask"][:, 10:] = False
    before = unit(seen).shown["action_to_action"]
    predicted = unit.decode_action(seen, unit.quantizer(unit.features(seen)["action"]).vectors)
    error = torch.nn.functional.smooth_l1_loss(predicted[:, :10], seen["action"][:, :10], beta=0.5)
    torch.testing.assert_close(before, error)


def test_bodies_have_weights_of_their_own_and_a_mixed_batch_equals_separate_ones():
    torch.manual_seed(0)
    layer, x = PerEmbodiment(3, lambda: torch.nn.Linear(4, 5)), torch.randn(6, 2, 4)
    slot = torch.tensor([2, 0, 2, 2, 0, 2])
    mixed = layer(x, slot)
    for i in range(6):
        torch.testing.assert_close(mixed[i], layer.layers[slot[i]](x[i]))
    mixed.sum().backward()
    assert layer.layers[1].weight.grad is None


def test_a_causal_convolution_does_not_see_the_future():
    torch.manual_seed(0)
    conv, x = CausalConv(2, 3, stride=2), torch.randn(1, 8, 2)
    later = x.clone()
    later[:, 5:] += 1
    before, after = conv(x), conv(later)
    assert before.shape == (1, 4, 3)
    assert torch.equal(before[:, :3], after[:, :3])  # outputs at steps 0, 2, 4
    assert not torch.equal(before[:, 3], after[:, 3])


def test_an_unknown_variant_gets_the_nearest_name():
    with pytest.raises(UnknownName, match="Did you mean 'vision'"):
        small({"variant": "vison"})
