"""One attempt at one episode: the clock, the early stop and the trace. Knows no agent and no process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from crossbody.contracts import Chunk, ChunkedEnv, Observation, RunProtocol
from crossbody.errors import CrossbodyError
from crossbody.runs import judge, save_trace


@dataclass(frozen=True)
class Outcome:
    """What an attempt that ran to its end contributes to its row."""

    success: bool
    first_success_step: int | None
    steps: int
    trace_hash: str


@dataclass
class Rollout:
    """Executes chunks until the protocol says that the episode is over.

    ``on_step(steps)`` is called after every control step, counted from 1; ``begin`` calls it with 0.
    """

    env: ChunkedEnv
    protocol: RunProtocol
    on_step: Callable[[int], None] = lambda steps: None
    bits: list[bool] = field(default_factory=list)
    over: bool = False
    observation: Observation = field(default_factory=dict)
    instruction: str = ""
    scene: dict[str, Any] = field(default_factory=dict)
    _signals: dict[str, list[np.ndarray]] = field(default_factory=dict)

    @property
    def remaining(self) -> int:
        return self.protocol.max_steps - len(self.bits)

    def begin(self, seed: int, options: dict[str, Any]) -> None:
        """Build the scene. A replayed scene that comes out different raises CrossbodyError."""
        self.observation, info = self.env.reset(seed=seed, options=options)
        self.instruction, self.scene = str(info["instruction"]), dict(info["scene"])
        if options.get("scene") is not None:
            _check_replayed(options["scene"], self.scene)
        self.on_step(0)

    def execute(self, chunk: Chunk) -> None:
        """Execute a chunk that fits what remains, and note everything that it did."""
        asked = len(next(iter(chunk.values())))
        stopped = False

        def after(_: int, success: bool) -> bool:
            nonlocal stopped
            self.bits.append(success)
            self.on_step(len(self.bits))
            stopped = success and self._may_stop()
            return stopped

        result = self.env.step_chunk(chunk, after)
        signals = {name: a[: result.steps] for name, a in chunk.items()} | result.signals
        for name, values in signals.items():
            _check_finite(name, values, len(self.bits) - result.steps)
            self._signals.setdefault(name, []).append(np.array(values))
        self.observation = result.observation
        # Fewer steps than asked without a stop of ours: the environment ended the episode without a word.
        self.over = stopped or result.over or result.steps < asked or self.remaining <= 0

    def finish(self, trace: Path) -> Outcome:
        """Write the trace and return the outcome."""
        bits = np.array(self.bits, dtype=bool)
        signals = {name: np.concatenate(parts) for name, parts in self._signals.items()}
        return Outcome(
            success=judge(bits, self.protocol.success_rule, self.protocol.chunk),
            first_success_step=int(bits.argmax()) + 1 if bits.any() else None,
            steps=len(bits),
            trace_hash=save_trace(trace, bits, signals),
        )

    def _may_stop(self) -> bool:
        """Whether a success at this step settles the episode: under ``chunk_end`` only a chunk's last step does."""
        if not self.protocol.early_stop:
            return False
        return self.protocol.success_rule == "any_step" or len(self.bits) % self.protocol.chunk == 0


def _check_replayed(asked: Mapping[str, Any], built: Mapping[str, Any]) -> None:
    """Raise CrossbodyError unless a scene has everything that its manifest says; old manifests say no ``state``."""
    differ = sorted(k for k in asked.keys() | built.keys() - {"state"} if asked.get(k) != built.get(k))
    if differ:
        raise CrossbodyError(f"the replayed scene differs from its manifest in {', '.join(differ)}")


def _check_finite(name: str, values: np.ndarray, start: int) -> None:
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        step = start + int(np.argwhere(~np.isfinite(values))[0][0]) + 1
        raise CrossbodyError(f"the simulation diverged: {name} is not finite at control step {step}")
