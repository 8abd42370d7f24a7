"""Where a training stands, as one file with a digest: tensors, and facts as text. It is complete or the one before."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from crossbody.errors import CrossbodyError
from crossbody.runs import write_atomic
from training.identity import SNAPSHOT

DIGEST = "sha256"


class Snapshot(NamedTuple):
    """What a file holds."""

    tensors: dict[str, Tensor]
    facts: dict[str, str]

    def under(self, prefix: str) -> dict[str, Tensor]:
        """Return the tensors of a prefix, without it."""
        return {k.removeprefix(prefix): v for k, v in self.tensors.items() if k.startswith(prefix)}


def write(folder: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, str]) -> None:
    """Write the folder's snapshot."""
    whole = {k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}
    head = {**facts, DIGEST: _digest(whole, facts)}
    write_atomic(folder / SNAPSHOT, save_tensors(whole, head))


def read(folder: Path) -> Snapshot | None:
    """Return the folder's snapshot, None without one; a damaged one raises CrossbodyError."""
    file = folder / SNAPSHOT
    if not file.exists():
        return None
    try:
        with safe_open(file, "pt") as stored:
            facts = stored.metadata() or {}
            tensors = {k: stored.get_tensor(k) for k in stored.keys()}  # noqa: SIM118 - not a mapping
    except (SafetensorError, OSError, ValueError) as error:
        raise damaged(folder, str(error)) from error
    digest = facts.pop(DIGEST, None)  # snapshots of before 0.2 have none
    if digest is not None and digest != _digest(tensors, facts):
        raise damaged(folder, "its content is not what its digest says")
    return Snapshot(tensors, facts)


def damaged(folder: Path, why: str) -> CrossbodyError:
    """Return the error for a snapshot that cannot be gone on from."""
    return CrossbodyError(
        f"{folder / SNAPSHOT} is damaged: {why}. Put back a copy of it, or delete it to begin anew, or give "
        "another --out."
    )


def of_optimizer(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return an optimiser's tensors as ``optimizer.<parameter>.<name>``."""
    states = optimizer.state_dict()["state"]
    return {f"optimizer.{number}.{k}": v for number, state in states.items() for k, v in state.items()}


def restore(snapshot: Snapshot, nets: nn.Module, prefix: str, optimizer: torch.optim.Optimizer) -> None:
    """Put networks and optimiser where the snapshot has them; one of other networks raises RuntimeError."""
    nets.load_state_dict(snapshot.under(prefix))
    states: dict[int, dict[str, Any]] = defaultdict(dict)
    for name, value in snapshot.under("optimizer.").items():
        number, key = name.split(".")
        states[int(number)][key] = value
    optimizer.load_state_dict(optimizer.state_dict() | {"state": dict(states)})


def _digest(tensors: Mapping[str, Tensor], facts: Mapping[str, str]) -> str:
    """Return a digest of names, types, shapes and bytes, and of the facts: the file's own order does not enter."""
    sha = hashlib.sha256(json.dumps(dict(sorted(facts.items()))).encode())
    for name, tensor in sorted(tensors.items()):
        sha.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        sha.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return sha.hexdigest()
