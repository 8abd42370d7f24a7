"""Checkpoints: a folder with ``model.safetensors``, ``config.json`` and a model card. Nothing is ever unpickled."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors
from torch import nn

from agents.nets.embodiments import Scaling
from agents.nets.format_1 import head_of_format_2, weight_of_format_2
from crossbody.errors import CrossbodyError
from crossbody.runs import write_atomic

FORMAT = 2
WEIGHTS, CONFIG = "model.safetensors", "config.json"


class CheckpointError(CrossbodyError):
    """A checkpoint that is absent, damaged, of another kind or from another version."""


@dataclass(frozen=True)
class Checkpoint:
    """A model's configuration, weights and statistics as they lie on the disk."""

    kind: str  # tokenizer | object_localizer | base_policy | policy
    config: dict[str, Any]
    weights: dict[str, np.ndarray]
    scalings: dict[str, Scaling]  # embodiment -> statistics
    features: dict[str, np.ndarray]  # mean and std of the visual grids' channels; means of positions
    training: dict[str, Any]  # what made it: command, data, steps, seed
    digest: str = ""  # of the weights file, once it is on the disk

    def save(self, folder: Path) -> None:
        """Write the folder; the configuration, which names the weights' digest, comes last."""
        tensors = {f"model.{k}": v for k, v in self.weights.items()}
        tensors |= {f"features.{k}": v for k, v in self.features.items()}
        for name, scaling in self.scalings.items():
            tensors |= {f"scaling.{name}.{k}": v for k, v in scaling.to_arrays().items()}
        content = save_tensors({k: np.require(tensors[k], requirements="C") for k in sorted(tensors)})
        head = {
            "format": FORMAT,
            "kind": self.kind,
            "sha256": hashlib.sha256(content).hexdigest(),
            "config": self.config,
            "embodiments": {name: vars(s.embodiment) for name, s in self.scalings.items()},
            "training": self.training,
        }
        write_atomic(folder / WEIGHTS, content)
        write_atomic(folder / CONFIG, (json.dumps(head, indent=1) + "\n").encode())

    def restore(self, model: nn.Module, folder: Path | str) -> None:
        """Copy the weights into a model; names or shapes that do not fit raise CheckpointError."""
        own, weights = model.state_dict(), _widened(self.weights)
        wrong = sorted(set(own) ^ set(weights))
        wrong += [k for k in own if k in weights and own[k].shape != weights[k].shape]
        if wrong:
            raise CheckpointError(
                f"{folder} does not fit its own configuration: {wrong[0]} and {len(wrong) - 1} more differ."
            )
        model.load_state_dict({k: torch.from_numpy(v) for k, v in weights.items()})  # float16 widens to the model's


def load_checkpoint(folder: Path, kind: str, remedy: str) -> Checkpoint:
    """Read a checkpoint; every way in which it can be wrong is one CheckpointError. ``remedy``:
    what to type when it is absent."""
    if not (folder / CONFIG).exists():
        raise CheckpointError(f"there is no checkpoint in {folder} (no {CONFIG}). {remedy}")
    head = _read_head(folder / CONFIG)
    if head["kind"] != kind:
        raise CheckpointError(f"{folder} holds a {head['kind']}, not a {kind}.")
    tensors = _read_tensors(folder / WEIGHTS, head["sha256"])
    weights = _under(tensors, "model.")
    if head["format"] == 1:
        weights = {weight_of_format_2(kind, name): value for name, value in weights.items()}
    try:
        return Checkpoint(
            kind,
            config=head["config"],
            weights=weights,
            scalings={
                name: Scaling.from_arrays(embodiment, _under(tensors, f"scaling.{name}."))
                for name, embodiment in head["embodiments"].items()
            },
            features=_under(tensors, "features."),
            training=head["training"],
            digest=head["sha256"][:16],
        )
    except (KeyError, TypeError) as error:
        raise CheckpointError(f"{folder / CONFIG} is damaged: {error} is missing or wrong.") from error


@torch.no_grad()
def rounded_weights(model: nn.Module) -> dict[str, np.ndarray]:
    """Round a model's weights to float16, in place, and return them: half the size,
    and what is loaded is what was trained."""
    for tensor in (*model.parameters(), *model.buffers()):
        if tensor.is_floating_point():
            tensor.copy_(tensor.half())
    state = {k: v.detach().cpu() for k, v in model.state_dict().items()}
    return {k: (v.half() if v.is_floating_point() else v).numpy() for k, v in state.items()}


STEP = "~step"
"""Ends the name of the steps that rows of bytes are counted in."""


@torch.no_grad()
def byte_weights(model: nn.Module) -> dict[str, np.ndarray]:
    """Round a model's matrices to 255 steps a row, in place, and return them as bytes with the steps; else float16.

    A quarter of the size; a weight moves by 0.4 % of its row's largest at most. What is loaded is what is rounded here.
    """
    found: dict[str, np.ndarray] = {}
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        if tensor.is_floating_point() and tensor.ndim > 1:
            rows = tensor.detach().cpu().float().flatten(1)
            step = (rows.abs().amax(1) / 127).clamp(min=6e-8).half()
            counts = (rows / step.float()[:, None]).round().clamp(-127, 127)
            tensor.copy_((counts * step.float()[:, None]).view_as(tensor))
            found |= {name: counts.to(torch.int8).view(tensor.shape).numpy(), name + STEP: step.numpy()}
        elif tensor.is_floating_point():
            tensor.copy_(tensor.half())
    state = {k: v.detach().cpu() for k, v in model.state_dict().items() if k not in found}
    rest = {k: (v.half() if v.is_floating_point() else v).numpy() for k, v in state.items()}
    return rest | {k: v for k, v in found.items() if k.removesuffix(STEP) in model.state_dict()}


def _widened(weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return weights with rows of bytes as float32."""

    def wide(name: str, values: np.ndarray) -> np.ndarray:
        step = weights.get(name + STEP)
        if step is None:
            return values
        return (values.reshape(len(values), -1) * step.astype(np.float32)[:, None]).reshape(values.shape)

    return {k: wide(k, v) for k, v in weights.items() if not k.endswith(STEP)}


def _read_head(file: Path) -> dict[str, Any]:
    try:
        head = json.loads(file.read_text())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{file} is damaged: it is not JSON ({error}).") from error
    if not isinstance(head, dict) or "format" not in head or "sha256" not in head or "kind" not in head:
        raise CheckpointError(
            f"{file} is not one of ours: it names no format. `uv run train` makes checkpoints that are."
        )
    if head["format"] not in (1, FORMAT):
        raise CheckpointError(
            f"{file} has format {head['format']}; this version reads formats 1 and {FORMAT}. Update crossbody, "
            "or train again."
        )
    return head_of_format_2(head) if head["format"] == 1 else head


def _read_tensors(file: Path, sha256: str) -> dict[str, np.ndarray]:
    try:
        content = file.read_bytes()
        if hashlib.sha256(content).hexdigest() != sha256:
            raise CheckpointError(f"{file} is damaged: its digest is not the one in {CONFIG}. Copy or train it again.")
        return load_tensors(content)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{file} cannot be read: {error}.") from error


def _under(tensors: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
