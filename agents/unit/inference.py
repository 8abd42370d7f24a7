"""Runs a policy for several episodes at once, on a CPU or a GPU; an answer never depends on who else is asked.

On a CPU every episode is computed alone, on one thread. On a GPU a batch always has the same number of rows, and words
are filled up to a multiple of 32: only rows of one length share a batch, and rows that nobody asked for repeat the
first one. So the same kernels run whoever is there, and each row is a sum of its own numbers only.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor

from agents.unit.policy import Policy
from crossbody.errors import CrossbodyError

LARGE = 100_000_000  # parameters from which ``auto`` takes a GPU
ROWS = 8  # of a batch on a GPU
WORDS = {"text": "text_mask", "ids": "ids_mask"}  # sequences (1, L, …) and the masks that say where they end
FILLED_TO = 32  # a multiple of it is how long they are on a GPU
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def choose_device(wanted: str, parameters: int) -> torch.device:
    """Return the device that ``auto``, ``cpu``, ``cuda`` or ``cuda:1`` means; one that is absent raises CrossbodyError.

    ``auto``: a GPU where there is one and the policy is large; else the CPU, whose answers are the same on every
    machine."""
    there = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if wanted == "auto":
        return torch.device("cuda:0" if there and parameters >= LARGE else "cpu")
    kind, _, number = wanted.partition(":")
    if kind not in ("cpu", "cuda") or (number and not number.isdigit()) or (kind == "cpu" and number):
        raise CrossbodyError(f"--options.device is '{wanted}'; expected auto, cpu, cuda or cuda:1")
    if kind == "cuda" and int(number or 0) >= there:
        raise CrossbodyError(
            f"--options.device {wanted}: torch {torch.__version__} sees {there} GPUs here. `--options.device "
            "cpu` always works."
        )
    return torch.device(kind, int(number or 0)) if kind == "cuda" else torch.device("cpu")


def filled(batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return an observation whose words are followed by masked ones, up to a multiple of ``FILLED_TO``."""
    found = dict(batch)
    for name, mask in WORDS.items():
        if name in batch:
            more = -batch[name].shape[1] % FILLED_TO
            for part in (name, mask):
                rest = batch[part].new_zeros(1, more, *batch[part].shape[2:])
                found[part] = torch.cat([batch[part], rest], 1)
    return found


class Inference:
    """A policy on its device."""

    def __init__(self, policy: Policy, device: str = "cpu", dtype: str = "float32", rows: int = ROWS):
        if dtype not in DTYPES:
            raise CrossbodyError(f"--options.dtype is '{dtype}'; expected {' or '.join(DTYPES)}")
        self.device = choose_device(device, sum(p.numel() for p in policy.parameters()))
        self._dtype, self._rows = DTYPES[dtype], rows
        self._policy = policy.to(self.device)

    @property
    def facts(self) -> dict[str, Any]:
        """What a run's manifest says about how answers are computed."""
        name = torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else "cpu"
        return {"device": name, "dtype": str(self._dtype).removeprefix("torch."), "rows": self._together}

    def __call__(self, batch: Sequence[dict[str, Tensor]], noise: Sequence[Tensor]) -> list[Tensor]:
        """Return a normalised chunk (1, horizon, padded), float32 on the CPU, for each of n observations of one row."""
        alike: dict[tuple[torch.Size, ...], list[int]] = {}
        rows = [one if self._together == 1 else filled(one) for one in batch]
        for i, one in enumerate(rows):
            alike.setdefault(tuple(value.shape for value in one.values()), []).append(i)
        found: dict[int, Tensor] = {}
        for numbers in alike.values():
            for start in range(0, len(numbers), self._together):
                asked = numbers[start : start + self._together]
                found |= zip(asked, self._batch([rows[i] for i in asked], [noise[i] for i in asked]), strict=True)
        return [found[i] for i in range(len(batch))]

    @property
    def _together(self) -> int:
        return 1 if self.device.type == "cpu" else self._rows

    def _batch(self, batch: list[dict[str, Tensor]], noise: list[Tensor]) -> list[Tensor]:
        count = len(batch)
        batch += batch[:1] * (self._together - count)
        noise += noise[:1] * (self._together - count)
        rows = {name: torch.cat([s[name] for s in batch]).to(self.device) for name in batch[0]}
        low = self._dtype != torch.float32
        with torch.autocast(self.device.type, self._dtype) if low else nullcontext():
            chunks = self._policy.act(rows, torch.cat(noise).to(self.device))
        return list(chunks.float().cpu().split(1)[:count])
