"""A recipe of the UniT family made into a job: data opened and made ready, the network described."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from agents.unit.config import to_dict
from training.loop import Batch, Done, Supervised
from training.unit.options import UnitOptions
from training.unit.ready import Ready


def supervised(
    options: UnitOptions,
    config: Any,
    ready: Ready,
    model: Callable[[], nn.Module],
    finish: Callable[[Done], None],
    prepare: Callable[[Batch], Batch] = lambda batch: batch,
) -> Supervised:
    """Return the job; resolved options are required."""
    assert options.steps is not None and options.learning_rate is not None
    return Supervised(
        model=model,
        batches=ready.batches,
        steps=options.steps,
        learning_rate=options.learning_rate,
        facts={"config": to_dict(config), "data": ready.card["data"]},
        finish=finish,
        prepare=prepare,
        bf16=options.bf16,
        checkpointing=options.checkpointing,
    )
