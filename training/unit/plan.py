"""How large a recipe is: parameters and memory, counted on torch's meta device, where nothing is allocated."""

from __future__ import annotations

import torch
from torch import nn

from agents.nets.visual import plan_visual
from agents.unit.config import Size, load_size
from agents.unit.policy import Policy, make_context
from agents.unit.tokenizer import UniT
from training.options import Common, TokenizerOptions
from training.show import table
from training.unit.policy import configure

GIB = 2**30
TRAINED_BYTES, FROZEN_BYTES = 16, 4  # a weight, its gradient and Adam's two moments in float32; a weight


def count(module: nn.Module, trained: bool | None = None) -> int:
    """Return the number of parameters; of those that are trained, or frozen, where ``trained`` says so."""
    return sum(p.numel() for p in module.parameters() if trained is None or p.requires_grad == trained)


def build(name: str, options: Common) -> dict[str, nn.Module]:
    """Return part -> network of a recipe on the meta device."""
    with torch.device("meta"):
        if isinstance(options, TokenizerOptions):
            size = load_size(options.size, tokenizer={"variant": options.variant})
            return _tokenizer(size)
        size, _ = configure(options)  # pyright: ignore[reportArgumentType]
        policy = _policy(size)
        parts = {"vision-language backbone": policy.context, "action head": policy.head}
        if policy.guess is not None:
            parts["guess"] = policy.guess
        if size.policy.bridge:
            parts |= {"code heads": policy.code_heads} | {f"frozen {k}": v for k, v in _tokenizer(size).items()}
        return {k: v.requires_grad_(False) if k.startswith("frozen") else v for k, v in parts.items()}


def describe(name: str, options: Common) -> str:
    """Return a table of the parts and a line on the memory of one process."""
    parts = build(name, options)
    rows = [(part, f"{count(net) / 1e6:,.1f} M", f"{count(net, True) / 1e6:,.1f} M") for part, net in parts.items()]
    total, trained = (sum(count(net, kind) for net in parts.values()) for kind in (None, True))
    rows.append(("all", f"{total / 1e6:,.1f} M", f"{trained / 1e6:,.1f} M"))
    memory = trained * TRAINED_BYTES + (total - trained) * FROZEN_BYTES
    return (
        table(f"{name}, size {options.size}", ("part", "parameters", "trained"), rows)
        + f"\nMemory of one process: {memory / GIB:.1f} GiB for weights, gradients and Adam's moments; activations come on top."
    )


def _tokenizer(size: Size) -> dict[str, nn.Module]:
    visual = plan_visual(size.tokenizer.visual).requires_grad_(False)
    return {"visual features": visual, "UniT tokenizer": UniT(size.tokenizer)}


def _policy(size: Size) -> Policy:
    return Policy(size.policy, make_context(size.policy, pretrained=False))
