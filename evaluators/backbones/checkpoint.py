"""Weight files that the user brings: read without running anything, named by their sha256,
and checked shape by shape."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crossbody.errors import CrossbodyError

if TYPE_CHECKING:
    from torch import Tensor


def read(file: Path) -> tuple[Any, str]:
    """Return what a PyTorch file holds and its sha256; CrossbodyError when it holds more than tensors and plain
    values."""
    import torch

    try:
        content = file.read_bytes()
    except OSError as error:
        raise CrossbodyError(f"{file} cannot be read: {error.strerror}") from error
    try:
        held = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # a broken stream raises nearly anything
        reason = str(error).partition("\n")[0][:200]
        raise CrossbodyError(
            f"{file} is no file of PyTorch tensors alone, and nothing else is opened: {reason}"
        ) from error
    return held, hashlib.sha256(content).hexdigest()


def tensors_of(file: Path) -> tuple[dict[str, Tensor], str]:
    """Return the state dict in a file and the file's sha256; CrossbodyError when there is none."""
    import torch

    held, digest = read(file)
    if not isinstance(held, dict) or not held or not all(isinstance(v, torch.Tensor) for v in held.values()):
        raise CrossbodyError(f"{file} holds a {type(held).__name__}, expected a state dict: names and tensors")
    return held, digest


def check_tensors(file: Path, found: Mapping[str, Tensor], wanted: Mapping[str, Tensor], what: str) -> None:
    """Raise CrossbodyError unless ``found`` has the names and shapes of ``wanted`` and finite numbers only."""
    absent, extra = sorted(wanted.keys() - found.keys()), sorted(found.keys() - wanted.keys())
    differ = [
        f"{name} is {tuple(found[name].shape)}, expected {tuple(wanted[name].shape)}"
        for name in sorted(wanted.keys() & found.keys())
        if found[name].shape != wanted[name].shape
    ]
    wrong = [f"{name} is not finite" for name, value in found.items() if not value.isfinite().all()]
    complaints = [f"no {name}" for name in absent] + [f"{name} belongs to something else" for name in extra]
    complaints += differ + wrong
    if complaints:
        more = f", and {len(complaints) - 3} more" if len(complaints) > 3 else ""
        raise CrossbodyError(f"{file} is not {what}: {', '.join(complaints[:3])}{more}")
