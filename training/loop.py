"""The training loop of all recipes: AdamW, warm-up and cosine, snapshots that resume to the last bit,
on one CPU or many GPUs."""

from __future__ import annotations

import ctypes
import math
import sys
import time
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from crossbody.errors import CrossbodyError
from training import snapshot
from training.recipe import Job, Run, given
from training.show import Curves, progress

Batch = dict[str, Tensor]

BETAS, EPS, WEIGHT_DECAY = (0.95, 0.999), 1e-8, 1e-5  # released recipe
WARM_UP, MAX_NORM = 0.05, 1.0
HELD_OUT_BATCHES = 4
MALLOPT_TRIM, MALLOPT_MMAP = -1, -3


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


class Clock:
    """Hands batches on, and counts the seconds since it was made and those in which whoever asked had to wait for
    one."""

    def __init__(self, stream: Iterator[Batch], seconds: float = 0.0, waited: float = 0.0):
        """``seconds`` and ``waited``: what earlier sessions took."""
        self._stream, self._waited, self._began = stream, waited, time.monotonic() - seconds

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        asked = time.monotonic()
        try:
            return next(self._stream)
        finally:
            self._waited += time.monotonic() - asked

    def read(self) -> tuple[float, float]:
        """Return the seconds so far, and those of waiting."""
        return time.monotonic() - self._began, self._waited


class Done(NamedTuple):
    """A training at its end."""

    run: Run[Any]
    model: nn.Module
    record: dict[str, Any]
    """What the checkpoint remembers: options, steps, learning_rate, seconds, waited (share), last (figures), torch."""


@dataclass(frozen=True)
class Supervised(Job):
    """A model whose ``forward(batch)`` returns a ``Result``, and the batches that it learns from."""

    model: Callable[[], nn.Module]
    """Called once the seed is set: all weights come from it."""

    batches: Supply
    steps: int
    learning_rate: float
    facts: Mapping[str, Any]
    finish: Callable[[Done], None]
    """Write checkpoint and card."""

    prepare: Callable[[Batch], Batch] = lambda batch: batch
    """What frozen networks add to a batch."""

    bf16: bool = False
    checkpointing: bool = False

    def train(self, run: Run[Any]) -> None:
        loop = Loop(self, run)
        last = loop.run()
        if loop.accelerator.is_main_process:
            self.finish(Done(run, loop.plain, self._record(run, loop, last)))

    def _record(self, run: Run[Any], loop: Loop, last: Mapping[str, float]) -> dict[str, Any]:
        return {
            "options": given(run.given),
            "steps": self.steps,
            "learning_rate": self.learning_rate,
            "seconds": round(loop.seconds),
            "waited": round(loop.waited / max(loop.seconds, 1e-9), 4),
            "last": {k: round(v, 5) for k, v in last.items()},
            "torch": torch.__version__,
        }


class Loop:
    """Trains a job's model from the folder's snapshot, or from the beginning, to the last step."""

    def __init__(self, job: Supervised, run: Run[Any]):
        from accelerate import Accelerator, DistributedDataParallelKwargs

        model = job.model()
        unused = DistributedDataParallelKwargs(find_unused_parameters=True)  # a batch may lack a body
        self.accelerator = Accelerator(
            cpu=not torch.cuda.is_available(), mixed_precision="bf16" if job.bf16 else "no", kwargs_handlers=[unused]
        )
        keep_memory()
        if job.checkpointing:
            save_memory(model)
        trained = [p for p in model.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(trained, job.learning_rate, BETAS, EPS, WEIGHT_DECAY)
        self.job, self.options, self.folder = job, run.options, run.folder
        self.model, self.optimizer = self.accelerator.prepare(model, optimizer)
        self.step, self.seconds, self.waited = (
            0,
            0.0,
            0.0,
        )  # seconds of training and of waiting for batches, over all sessions
        self._resume()

    @property
    def plain(self) -> nn.Module:
        """The model without Accelerate's wrapping."""
        return self.accelerator.unwrap_model(self.model)

    def run(self) -> dict[str, float]:
        """Train to the last step and return what was logged last."""
        steps, batches, first = self.job.steps, self.job.batches, self.step
        curves = Curves(self.folder, first)
        sums: dict[str, list[Tensor]] = defaultdict(list)
        clock = Clock(batches.prefetched(first, steps, self.accelerator.process_index), self.seconds, self.waited)
        for batch in progress(clock, steps, "training", first):
            for name, value in self._update(batch).items():
                sums[name].append(value)
            self.step += 1
            self.seconds, self.waited = clock.read()
            if self._every(self.options.log_every):
                shown = {name: float(torch.stack(values).mean()) for name, values in sums.items()}
                shown |= {f"held_out_{n}": v for n, v in self.held_out(batches).items()}
                sums.clear()
                if self.accelerator.is_main_process:
                    curves.add(self.step, shown | {"learning_rate": self._rate(self.step)})
            if self._every(self.options.save_every):
                self._save()
        if self.accelerator.is_main_process:
            curves.draw()
        return curves.last("learning_rate")

    def _every(self, steps: int) -> bool:
        return self.step % steps == 0 or self.step == self.job.steps

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
            (self.options.seed * 1_000_003 + self.step) * 1009 + process
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
            return self.job.prepare({name: value.to(self.accelerator.device) for name, value in batch.items()})

    def _rate(self, step: int) -> float:
        highest, steps = self.job.learning_rate, self.job.steps
        warm = max(1, round(WARM_UP * steps))
        if step < warm:
            return highest * (step + 1) / warm
        share = (step - warm) / max(1, steps - warm)
        return highest * 0.5 * (1 + math.cos(math.pi * min(share, 1.0)))

    def _save(self) -> None:
        if not self.accelerator.is_main_process:
            return
        tensors = {f"model.{k}": v for k, v in self.plain.state_dict().items()}
        facts = {"step": str(self.step), "seconds": repr(self.seconds), "waited": repr(self.waited)}
        snapshot.write(self.folder, tensors | snapshot.of_optimizer(self.optimizer), facts)

    def _resume(self) -> None:
        stored = snapshot.read(self.folder)
        if stored is None:
            return
        try:
            snapshot.restore(stored, self.plain, "model.", self.optimizer)
            self.step = int(stored.facts["step"])
            self.seconds, self.waited = (float(stored.facts.get(k, 0)) for k in ("seconds", "waited"))
        except (KeyError, ValueError, RuntimeError) as error:
            raise snapshot.damaged(self.folder, str(error)) from error


def save_memory(model: nn.Module) -> None:
    """Turn on gradient checkpointing wherever a part of the model knows it."""
    for part in model.modules():
        if hasattr(part, "checkpointing"):
            vars(part)["checkpointing"] = True
        if isinstance(enable := getattr(part, "activation_checkpointing_enable", None), Callable):
            enable()


def keep_memory() -> None:
    """Tell glibc to keep freed memory: where page faults are dear, a network is twenty times slower without this."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        if hasattr(libc, "mallopt"):
            libc.mallopt(MALLOPT_MMAP, 32 << 20)
            libc.mallopt(MALLOPT_TRIM, 2**31 - 1)
