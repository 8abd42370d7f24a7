"""The training loop of all recipes: AdamW, warm-up and cosine, snapshots that resume to the last bit, on one CPU or many GPUs."""

from __future__ import annotations

import ctypes
import json
import math
import sys
import time
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save as save_tensors
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from crossbody.errors import CrossbodyError
from crossbody.runs import write_atomic
from training.show import Curves, progress

Batch = dict[str, Tensor]

SNAPSHOT = "snapshot.safetensors"
BETAS, EPS, WEIGHT_DECAY = (0.95, 0.999), 1e-8, 1e-5  # released recipe
WARM_UP, MAX_NORM = 0.05, 1.0
HELD_OUT_BATCHES = 4
MALLOPT_TRIM, MALLOPT_MMAP = -1, -3


@dataclass(frozen=True)
class Plan:
    """How long and how fast."""

    folder: Path
    steps: int
    learning_rate: float
    seed: int
    log_every: int
    save_every: int
    bf16: bool = False
    checkpointing: bool = False


class Supply(ABC):
    """Batches by their step, which is all that they depend on."""

    @abstractmethod
    def __call__(self, step: int, process: int = 0, held_out: bool = False) -> Batch:
        """Return the batch of a step, for training or held out."""

    def prefetched(self, first: int, last: int, process: int = 0) -> Iterator[Batch]:
        """Yield the batches of steps first … last - 1, each made while the one before is used."""
        with ThreadPoolExecutor(1) as pool:
            coming = pool.submit(self, first, process)
            for step in range(first + 1, last + 1):
                ready = coming.result()
                if step < last:
                    coming = pool.submit(self, step, process)
                yield ready


class Waiting:
    """Hands batches on, and knows the share of its time in which whoever asked had to wait for one."""

    def __init__(self, stream: Iterator[Batch]):
        self._stream, self._waited, self._began = stream, 0.0, time.monotonic()

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        asked = time.monotonic()
        try:
            return next(self._stream)
        finally:
            self._waited += time.monotonic() - asked

    @property
    def share(self) -> float:
        return self._waited / max(time.monotonic() - self._began, 1e-9)


class Loop:
    """Trains a model whose ``forward(batch)`` returns a ``Result``."""

    def __init__(self, model: nn.Module, prepare: Callable[[Batch], Batch], plan: Plan):
        """``prepare``: what frozen networks add to a batch."""
        from accelerate import Accelerator, DistributedDataParallelKwargs

        unused = DistributedDataParallelKwargs(find_unused_parameters=True)  # a batch may lack a body
        self.accelerator = Accelerator(
            cpu=not torch.cuda.is_available(), mixed_precision="bf16" if plan.bf16 else "no", kwargs_handlers=[unused]
        )
        keep_memory()
        if plan.checkpointing:
            save_memory(model)
        trained = [p for p in model.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(trained, plan.learning_rate, BETAS, EPS, WEIGHT_DECAY)
        self.plan, self.prepare = plan, prepare
        self.model, self.optimizer = self.accelerator.prepare(model, optimizer)
        self.step = self._resume()
        self.waited = 0.0  # share of the time of ``run`` in which no batch was ready

    @property
    def plain(self) -> nn.Module:
        """The model without Accelerate's wrapping."""
        return self.accelerator.unwrap_model(self.model)

    def run(self, batches: Supply) -> dict[str, float]:
        """Train to the last step and return what was logged last."""
        p, first = self.plan, self.step
        curves = Curves(p.folder, first) if self.accelerator.is_main_process else None
        sums: dict[str, list[Tensor]] = defaultdict(list)
        shown: dict[str, float] = {}
        stream = batches.prefetched(first, p.steps, self.accelerator.process_index)
        clock = Waiting(stream)
        for batch in progress(clock, p.steps, "training", first):
            for name, value in self._update(batch).items():
                sums[name].append(value)
            self.step += 1
            if self.step % p.log_every == 0 or self.step == p.steps:
                shown = {name: float(torch.stack(values).mean()) for name, values in sums.items()}
                shown |= {f"held_out_{n}": v for n, v in self.held_out(batches).items()}
                sums.clear()
                if curves:
                    curves.add(self.step, shown | {"learning_rate": self._rate(self.step)})
            if self.step % p.save_every == 0 or self.step == p.steps:
                self._save()
        self.waited = clock.share
        if curves:
            curves.draw()
        return shown

    @torch.no_grad()
    def held_out(self, batches: Supply) -> dict[str, float]:
        """Return the means over a few batches of the episodes held out: the same batches and noise at every call."""
        self.model.eval()
        sums: dict[str, list[Tensor]] = defaultdict(list)
        for i in range(HELD_OUT_BATCHES):
            torch.manual_seed(i)
            with self.accelerator.autocast():
                result = self.model(self._ready(batches(i, self.accelerator.process_index, held_out=True)))
            for name, value in result.shown.items():
                sums[name].append(value.detach().float())
        self.model.train()
        return {name: float(torch.stack(values).mean()) for name, values in sums.items()}

    def _update(self, batch: Batch) -> dict[str, Tensor]:
        process = self.accelerator.process_index
        torch.manual_seed(
            (self.plan.seed * 1_000_003 + self.step) * 1009 + process
        )  # all of a step's noise comes from here
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate(self.step)
        with self.accelerator.autocast(), self._attention():
            result = self.model(self._ready(batch))
        self.accelerator.backward(result.loss)
        self.accelerator.clip_grad_norm_(self.model.parameters(), MAX_NORM)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if not math.isfinite(loss := float(result.loss.detach())):
            raise CrossbodyError(f"the loss is {loss} at step {self.step}; try a lower --learning-rate.")
        return {name: value.detach().float() for name, value in result.shown.items()}

    def _attention(self) -> AbstractContextManager[Any]:
        """On a CPU, torch's fused attention is slower than plain products, above all on the way back."""
        return sdpa_kernel(SDPBackend.MATH) if self.accelerator.device.type == "cpu" else nullcontext()

    def _ready(self, batch: Batch) -> Batch:
        with torch.no_grad():
            return self.prepare({name: value.to(self.accelerator.device) for name, value in batch.items()})

    def _rate(self, step: int) -> float:
        warm = max(1, round(WARM_UP * self.plan.steps))
        if step < warm:
            return self.plan.learning_rate * (step + 1) / warm
        share = (step - warm) / max(1, self.plan.steps - warm)
        return self.plan.learning_rate * 0.5 * (1 + math.cos(math.pi * min(share, 1.0)))

    def _save(self) -> None:
        """Write weights, optimiser and step as one file, which is either complete or the one before."""
        if not self.accelerator.is_main_process:
            return
        tensors = {f"model.{k}": v for k, v in self.plain.state_dict().items()}
        for number, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{number}.{k}": v for k, v in state.items()}
        content = save_tensors({k: v.contiguous().clone() for k, v in tensors.items()}, {"step": str(self.step)})
        write_atomic(self.plan.folder / SNAPSHOT, content)

    def _resume(self) -> int:
        file = self.plan.folder / SNAPSHOT
        if not file.exists():
            return 0
        with safe_open(file, "pt") as stored:
            step = int(stored.metadata()["step"])
            tensors = {k: stored.get_tensor(k) for k in stored.keys()}  # noqa: SIM118 - not a mapping
        weights = {k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")}
        self.plain.load_state_dict(weights)
        state: dict[int, dict[str, Any]] = defaultdict(dict)
        for name, value in tensors.items():
            if name.startswith("optimizer."):
                _, number, key = name.split(".")
                state[int(number)][key] = value
        self.optimizer.load_state_dict(self.optimizer.state_dict() | {"state": dict(state)})
        return step


def save_memory(model: nn.Module) -> None:
    """Turn on gradient checkpointing wherever a part of the model knows it."""
    for part in model.modules():
        if hasattr(part, "checkpointing"):
            vars(part)["checkpointing"] = True
        if isinstance(enable := getattr(part, "activation_checkpointing_enable", None), Callable):
            enable()


def refuse_other(folder: Path, recipe: dict[str, Any]) -> None:
    """Note what a folder is trained by; a snapshot of another recipe raises CrossbodyError with what differs."""
    note = folder / "recipe.json"
    plain = json.loads(json.dumps(recipe))
    if note.exists() and (folder / SNAPSHOT).exists():
        before = json.loads(note.read_text())
        differ = [
            f"{k}: was {before.get(k)}, is {plain.get(k)}" for k in {*before, *plain} if before.get(k) != plain.get(k)
        ]
        if differ:
            raise CrossbodyError(
                f"{folder} holds a training run that was started differently:\n  " + "\n  ".join(sorted(differ))
                + "\nUse the same options to go on, or another --out."
            )  # fmt: skip
    write_atomic(note, (json.dumps(plain, indent=1) + "\n").encode())


def keep_memory() -> None:
    """Tell glibc to keep freed memory: where page faults are dear, a network is twenty times slower without this."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        if hasattr(libc, "mallopt"):
            libc.mallopt(MALLOPT_MMAP, 32 << 20)
            libc.mallopt(MALLOPT_TRIM, 2**31 - 1)
