"""Training in bfloat16 gives the same numbers whatever lay in memory before."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from agents.unit import localizer
from agents.unit.config import load_size
from agents.unit.policy import Policy
from agents.unit.tokenizer import UniT
from tests.unit_small import batch


def soil() -> None:
    """Fill memory that is free with NaN."""
    for size in (10_000, 100_000, 1_000_000, 4_000_000):
        torch.full((size,), torch.nan)


def gradients(model: nn.Module, run) -> dict[str, torch.Tensor]:
    model.zero_grad(set_to_none=True)
    torch.manual_seed(0)
    soil()
    with torch.autocast("cpu", torch.bfloat16):
        loss = run(model)
    soil()
    loss.backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def spoilt(model: nn.Module, run) -> set[str]:
    """Return the parameters whose gradients differ between two equal runs."""
    first = gradients(model, run)
    return {name for _ in range(3) for name, g in gradients(model, run).items() if not torch.equal(g, first[name])}


def test_a_look_around_does_not_depend_on_what_lay_in_memory():
    """Found with torch 2.13: the weight's gradient of a dilated convolution, channels last,
    was noise and now and then NaN."""
    torch.manual_seed(0)
    x = torch.randn(64, localizer.WIDTH, 20, 32).contiguous(memory_format=torch.channels_last)
    assert not spoilt(localizer.neighbours(2), lambda model: model(x).float().square().mean())


@pytest.mark.parametrize("make", [lambda size: UniT(size.tokenizer), lambda size: Policy(size.policy)])
def test_neither_does_a_whole_model(make):
    size = load_size("tiny", policy={"detach": False})
    torch.manual_seed(0)
    seen = batch(size, 8)
    assert not spoilt(make(size), lambda model: model(seen).loss)
