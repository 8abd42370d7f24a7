"""How large a recipe is: parameters and memory, counted on torch's meta device, where nothing is allocated."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import nn

from agents.nets.visual import plan_visual
from agents.unit.config import Size
from agents.unit.policy import Policy, make_context
from agents.unit.tokenizer import UniT
from training.show import table

GIB = 2**30
TRAINED_BYTES, FROZEN_BYTES = 16, 4  # a weight, its gradient and Adam's two moments in float32; a weight


def count(module: nn.Module, trained: bool | None = None) -> int:
    """Return the number of parameters; of those that are trained, or frozen, where ``trained`` says so."""
    return sum(p.numel() for p in module.parameters() if trained is None or p.requires_grad == trained)


def on_meta(make: Callable[[], Mapping[str, nn.Module]]) -> Mapping[str, nn.Module]:
    """Return part -> network, made where nothing is allocated."""
    with torch.device("meta"):
        return make()


def describe(name: str, size: str, make: Callable[[], Mapping[str, nn.Module]]) -> str:
    """Return a table of the parts that ``make`` makes, and a line on the memory of one process."""
    parts = on_meta(make)
    rows = [(part, f"{count(net) / 1e6:,.1f} M", f"{count(net, True) / 1e6:,.1f} M") for part, net in parts.items()]
    total, trained = (sum(count(net, kind) for net in parts.values()) for kind in (None, True))
    rows.append(("all", f"{total / 1e6:,.1f} M", f"{trained / 1e6:,.1f} M"))
    memory = trained * TRAINED_BYTES + (total - trained) * FROZEN_BYTES
    return (
        table(f"{name}, size {size}", ("part", "parameters", "trained"), rows)
        + f"\nMemory of one process: {memory / GIB:.1f} GiB for weights, gradients and Adam's moments; "
        "activations come on top."
    )


def tokenizer_parts(size: Size) -> dict[str, nn.Module]:
    """Return the networks of a tokenizer's training."""
    visual = plan_visual(size.tokenizer.visual).requires_grad_(False)
    return {"visual features": visual, "UniT tokenizer": UniT(size.tokenizer)}


def policy_parts(size: Size) -> dict[str, nn.Module]:
    """Return the networks of a policy's training, with those of the tokenizer where its codes are predicted."""
    policy = Policy(size.policy, make_context(size.policy, pretrained=False))
    parts = {"vision-language backbone": policy.context, "action head": policy.head}
    if policy.base is not None:
        parts["base_policy"] = policy.base
    if not size.policy.bridge:
        return parts
    frozen = {f"frozen {name}": net.requires_grad_(False) for name, net in tokenizer_parts(size).items()}
    return parts | {"code heads": policy.code_heads} | frozen
