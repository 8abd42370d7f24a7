"""What a policy takes over from other recipes: an object localizer, a base policy, a tokenizer and its codes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from torch import nn

from agents.nets.checkpoint import Checkpoint, load_checkpoint
from agents.nets.embodiments import Scaling
from agents.nets.visual import as_patches, load_visual
from agents.unit.config import TokenizerConfig, from_dict
from agents.unit.policy import Policy
from agents.unit.tokenizer import UniT
from crossbody.errors import CrossbodyError
from training.loop import Batch
from training.unit.options import PolicyOptions

Known = tuple[dict[str, Scaling], dict[str, np.ndarray]]


@dataclass(frozen=True)
class Parts:
    """What was trained before and stays as it is, with the folders that it came from."""

    localizer: tuple[Checkpoint, Path] | None
    base_policy: tuple[Checkpoint, Path] | None
    codes: tuple[Checkpoint, Path] | None
    tokenizer: UniT | None

    @staticmethod
    def load(options: PolicyOptions, tokenizer: Path | None = None) -> Parts:
        """Read the folders that the options name."""
        localizer = (load_part(options.localizer, "object_localizer"), options.localizer) if options.localizer else None
        base_policy = (
            (load_part(options.base_policy, "base_policy"), options.base_policy)
            if isinstance(options.base_policy, Path)
            else None
        )
        if tokenizer is None:
            return Parts(localizer, base_policy, None, None)
        network, stored = load_tokenizer(tokenizer)
        return Parts(localizer, base_policy, (stored, tokenizer), network)

    def known(self) -> Known | None:
        """Return the statistics that all parts share, None without any; where two differ, CrossbodyError."""
        there = [part for part in (self.localizer, self.base_policy, self.codes) if part is not None]
        for (one, place), (other, elsewhere) in pairwise(there):
            if not alike(one, other):
                raise CrossbodyError(
                    f"{place} and {elsewhere} were trained on different --data; train both on the same."
                )
        return (there[0][0].scalings, there[0][0].features) if there else None

    def put_into(self, model: Policy) -> None:
        """Copy the weights into the policy, whose parts of that kind learn no more."""
        for part, module in ((self.localizer, model.localizer), (self.base_policy, model.base)):
            if part is not None and module is not None:
                part[0].restore(module.requires_grad_(False), part[1])
        if self.tokenizer is not None:
            model.books.copy_(self.tokenizer.quantizer.books)


def load_part(folder: Path, kind: str) -> Checkpoint:
    """Return a checkpoint of ``train <kind>``."""
    return load_checkpoint(folder, kind, f"Train one with `uv run train {kind} --data DIR --out {folder}`.")


def load_tokenizer(folder: Path) -> tuple[UniT, Checkpoint]:
    """Return a frozen tokenizer and its checkpoint."""
    stored = load_part(folder, "tokenizer")
    model = UniT(from_dict(TokenizerConfig, stored.config))
    stored.restore(model, folder)
    return model.requires_grad_(False).eval(), stored


def alike(one: Checkpoint, other: Checkpoint) -> bool:
    """Return whether two parts see and act in the same numbers."""
    scalings = [
        (one.scalings[b].to_arrays(), other.scalings[b].to_arrays()) for b in one.scalings if b in other.scalings
    ]
    pairs = [(one.features, other.features), *scalings]
    return all(np.array_equal(a[k], b[k]) for a, b in pairs for k in a if k in b)


def prepare(batch: Batch, config: TokenizerConfig, visual: nn.Module | None) -> Batch:
    """Return a batch with both pictures' patches, as the tokenizer reads them. ``visual`` None:
    the features are in the batch."""
    if visual is None:
        grids = (batch["coarse"], batch["goal_coarse"])
    else:
        visual.to(batch["slot"].device)
        grids = tuple(visual(batch[name])["coarse"] for name in ("picture", "goal_picture"))
    now, goal = (as_patches(grid, config.merge) for grid in grids)
    return batch | {"now": now, "goal": goal}


def coder(tokenizer: UniT | None) -> Callable[[Batch], Batch]:
    """Return what adds the frozen tokenizer's codes to a batch: the fusion branch's, where the variant has it."""
    if tokenizer is None:
        return lambda batch: batch
    config = tokenizer.config
    visual = None if config.visual.cached else load_visual(config.visual)

    def add(batch: Batch) -> Batch:
        tokenizer.to(batch["slot"].device)
        return batch | {"codes": tokenizer.codes(prepare(batch, config, visual))}

    return add
