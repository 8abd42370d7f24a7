"""Where a training run stands, as one file from which it goes on to the last bit."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from crossbody.errors import CrossbodyError
from crossbody.runs import write_atomic
from training.loop import SNAPSHOT
from training.wbc.difficulty import Difficulty


@dataclass
class State:
    """Everything that the next iteration depends on, besides the seed and the iteration's number."""

    nets: nn.ModuleDict
    optimizer: torch.optim.Optimizer
    generator: torch.Generator
    difficulty: Difficulty
    iteration: int = 0
    seconds: float = 0.0  # of training so far, over all sessions

    def save(self, folder: Path) -> None:
        """Write the file; it is either complete or the one before."""
        tensors: dict[str, Tensor] = {f"nets.{k}": v for k, v in self.nets.state_dict().items()}
        for number, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{number}.{k}": v for k, v in state.items()}
        tensors |= {
            "generator": self.generator.get_state(),
            "lost": self.difficulty.lost,
            "practised_s": self.difficulty.practised_s,
        }
        facts = {"iteration": str(self.iteration), "seconds": repr(self.seconds)}
        content = save_tensors({k: v.contiguous().clone() for k, v in tensors.items()}, facts)
        write_atomic(folder / SNAPSHOT, content)

    def resume(self, folder: Path) -> None:
        """Take over what a folder's snapshot holds, if there is one."""
        file = folder / SNAPSHOT
        if not file.exists():
            return
        with safe_open(file, "pt") as stored:
            facts = stored.metadata()
            tensors = {k: stored.get_tensor(k) for k in stored.keys()}  # noqa: SIM118 - not a mapping
        self.nets.load_state_dict({k.removeprefix("nets."): v for k, v in tensors.items() if k.startswith("nets.")})
        states: dict[int, dict[str, Any]] = defaultdict(dict)
        for name, value in tensors.items():
            if name.startswith("optimizer."):
                _, number, key = name.split(".")
                states[int(number)][key] = value
        self.optimizer.load_state_dict(self.optimizer.state_dict() | {"state": dict(states)})
        if len(tensors["generator"]) != len(self.generator.get_state()):
            raise CrossbodyError(
                f"{file} was written by a run on another kind of device than {self.generator.device}, whose random numbers are others. "
                f"Go on with the same --backend, or begin anew: --warm-start {folder} and another --out."
            )
        self.generator.set_state(tensors["generator"])
        self.difficulty.lost, self.difficulty.practised_s = tensors["lost"], tensors["practised_s"]
        self.iteration, self.seconds = int(facts["iteration"]), float(facts["seconds"])
