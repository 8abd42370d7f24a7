"""The full size: its parameters against the published numbers, and its code path at a size that fits a test."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agents.nets.visual import DinoGrids
from agents.unit.config import load_size
from agents.unit.policy import Policy
from agents.unit.qwen import QwenContext, QwenInputs
from tests.unit_small import IMAGE, SMALL_POLICY, batch, small, small_qwen
from tests.unit_synthetic import SquareChunks
from training.loop import save_memory
from training.recipes import gr00t, tokenizer, vla_unit
from training.unit.options import PolicyOptions
from training.unit.plan import count, on_meta, policy_parts
from training.unit.ready import Needs, make_ready


@pytest.fixture(scope="module")
def parts():
    return on_meta(lambda: policy_parts(vla_unit.configure(vla_unit.TokenOptions(size="base"))))


def test_the_backbones_have_the_published_number_of_parameters(parts):
    # huggingface.co/Qwen/Qwen2.5-VL-3B-Instruct and huggingface.co/facebook/dinov2-large
    assert count(parts["vision-language backbone"]) == 3_754_622_976
    assert count(parts["frozen visual features"]) == 304_368_640


def test_the_vision_tower_and_the_tokenizer_are_frozen_and_nothing_is_allocated(parts):
    assert count(parts["vision-language backbone"], True) == 3_085_938_688  # huggingface.co/Qwen/Qwen2.5-3B
    assert count(parts["frozen UniT tokenizer"], True) == 0
    assert {p.device.type for net in parts.values() for p in net.parameters()} == {"meta"}


def test_the_action_head_has_the_released_depth_and_width(parts):
    # 16 blocks of width 1536: feed-forward 8 w^2, attention 4 w^2 or 2 w^2 + 4096 w to the context, AdaLN 2 w^2
    w = 1536
    blocks = 16 * 8 * w**2 + 8 * 4 * w**2 + 8 * (2 * w**2 + 2 * 2048 * w) + 16 * 2 * w**2
    assert count(parts["action head"].blocks) == pytest.approx(blocks, rel=0.01)


def test_the_baseline_is_the_same_network_without_code_heads():
    baseline = on_meta(lambda: policy_parts(gr00t.configure(PolicyOptions(size="base"))))
    assert set(baseline) == {"vision-language backbone", "action head"}
    assert "3,754.6 M" in gr00t.plan(PolicyOptions(size="base"))
    assert "1,70" in tokenizer.plan(tokenizer.TokenizerOptions(size="base"))


@pytest.fixture(scope="module")
def qwen():
    """A policy on a Qwen2.5-VL of the same shape, a thousand times smaller."""
    backbone = small_qwen()
    config = small(policy={"language": "qwen2_5_vl_3b", "localizer_points": 0, "position_weight": 0.0}).policy
    return Policy(config, QwenContext(config, backbone)).eval()


@pytest.fixture(scope="module")
def prompt():
    """Two prompts of 4 image tokens and some words; the second has two words less."""
    ids = torch.tensor([[1, 2, *[IMAGE] * 4, 3, 4, 5, 6], [1, 2, *[IMAGE] * 4, 3, 4, 0, 0]])
    pixels = torch.randn(2, 16, 1176, generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids, dtype=torch.bool)
    mask[1, 8:] = False
    return {"ids": ids, "ids_mask": mask, "pixels": pixels, "grid": torch.tensor([[1, 4, 4]] * 2)}


def test_the_large_backbone_gives_bridge_tokens_apart_and_raw_patches(qwen, prompt):
    context = qwen.context(prompt)
    assert context.hidden.shape == (2, 10, 32)
    assert context.bridge.shape == (2, 8, 32)
    assert context.raw.shape == (2, 4, 32)


def test_padding_changes_nothing(qwen, prompt):
    alone = {k: v[1:] for k, v in prompt.items()} | {k: prompt[k][1:, :8] for k in ("ids", "ids_mask")}
    torch.testing.assert_close(qwen.context(prompt).bridge[1:], qwen.context(alone).bridge, rtol=1e-4, atol=1e-4)


def test_the_same_policy_trains_on_it_with_recomputed_activations(qwen, prompt):
    seen = {k: v[:2] for k, v in batch(small()).items()} | prompt
    torch.manual_seed(0)
    plain = qwen(seen).loss
    save_memory(qwen)
    torch.manual_seed(0)
    loss = qwen.train()(seen).loss
    torch.testing.assert_close(plain, loss)
    loss.backward()
    assert all(p.grad is None for p in qwen.context.backbone.visual.parameters())
    assert qwen.context.backbone.get_input_embeddings().weight.grad[-8:].any(-1).all(), "bridge tokens are learned"


def test_pictures_become_256_patches_of_which_four_make_a_token():
    inputs = QwenInputs.__new__(QwenInputs)
    from transformers import Qwen2VLImageProcessorPil

    inputs._pictures = Qwen2VLImageProcessorPil(min_pixels=224 * 224, max_pixels=224 * 224)
    pixels, grid = inputs.pixels(np.zeros((2, 256, 256, 3), np.uint8))
    assert pixels.shape == (2, 256, 1176)
    assert grid.tolist() == [[1, 16, 16]] * 2


def test_dino_s_patches_are_a_grid_without_the_class_token():
    from transformers import Dinov2Config, Dinov2Model

    network = Dinov2Model(Dinov2Config(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, image_size=518))
    grids = DinoGrids(network)(torch.zeros(2, 256, 256, 3, dtype=torch.uint8))
    assert grids["coarse"].shape == (2, 32, 16, 16)


def test_without_a_cache_batches_hold_the_pictures_changed_alike_now_and_later():
    size = load_size("tiny", policy=SMALL_POLICY)
    read = []

    def processor(pictures, instructions):
        read.extend(instructions)
        return {"ids": torch.zeros(len(pictures), 3)}

    needs = Needs(
        size.policy.embodiments,
        size.policy.visual,
        16,
        8,
        {"demonstrations": 1.0, "frames": 0.0},
        True,
        cached=False,
        processor=processor,
    )
    batches = make_ready(PolicyOptions(dry_run=True), [SquareChunks()], needs).batches
    one, again = batches(0), batches(0)
    assert one["picture"].shape == one["goal_picture"].shape == (8, 256, 256, 3)
    assert all(torch.equal(one[k], again[k]) for k in one)
    assert set(read) <= set(SquareChunks.instructions)
    assert torch.equal(one["picture"], one["goal_picture"]), "this square never moves"
