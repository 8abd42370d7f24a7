"""What one training step of any model gives."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Result(NamedTuple):
    """What a training step needs and what a log shows."""

    loss: Tensor
    shown: dict[str, Tensor]
