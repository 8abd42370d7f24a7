"""Seeds: run seed -> episode seed -> generators. Nothing here depends on order, process or PYTHONHASHSEED."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def episode_seed(run_seed: int, task: str, index: int) -> int:
    """Return the 32-bit seed of episode ``index`` of ``task``: the same for every agent, worker count and subset."""
    return _number(f"{run_seed}/{task}/{index}")


def generator(seed: int, purpose: str) -> np.random.Generator:
    """Return a generator for one purpose, independent of those for other purposes of the same seed."""
    import numpy as np

    return np.random.default_rng([seed, _number(purpose)])


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little")
