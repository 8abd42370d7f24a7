"""What a recipe of the UniT family leaves: a checkpoint with its statistics, and a model card."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from agents.nets.checkpoint import Checkpoint, rounded_weights
from agents.unit.config import to_dict
from training.card import write_card
from training.loop import Done
from training.unit.ready import Ready

ABOUT = (
    "\n\nWeights trained here from nothing; the visual features (EfficientNet-Lite0, Apache-2.0) and words "
    "(MiniLM, Apache-2.0)\n"
    "at `tiny`, or Qwen2.5-VL and DINOv2 at `base`, are public weights that stay as they are or begin the training.\n"
    "Licence: Apache-2.0. For research in simulation; nothing here is fit to move a real robot."
)


def keep(
    kind: str, what: str, config: Any, ready: Ready, part: Callable[[Any], nn.Module] = lambda model: model
) -> Callable[[Done], None]:
    """Return what writes checkpoint and card. ``part``: which network of the trained model is kept."""

    def finish(done: Done) -> None:
        run, weights = done.run, rounded_weights(part(done.model))
        made = done.record | {"batch": run.options.batch, **ready.card}
        Checkpoint(kind, to_dict(config), weights, ready.scalings, ready.features, made).save(run.folder)
        write_card(run, f"{run.name}, {run.options.size}", what + ABOUT, _made(made), made["last"])

    return finish


def _made(made: Mapping[str, Any]) -> str:
    data = "\n".join(
        f"| {d['embodiment']} | {'demonstrations' if d['actions'] else 'frames without actions'} | {d['episodes']} | "
        f"{d['samples']} | `{d['fingerprint']}` |"
        for d in made["data"]
    )
    return (
        f"{made['steps']} updates of {made['batch']} samples in {made['seconds'] / 60:.0f} minutes, "
        f"{made['waited']:.1%} of them waiting for data, after {made['feature_seconds'] / 60:.0f} minutes for "
        "features; "
        f"torch {made['torch']}.\n\n"
        f"| body | data | episodes | samples | digest |\n|---|---|---|---|---|\n{data}"
    )
