"""Where a training run stands, as one file from which it goes on to the last bit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from crossbody.errors import CrossbodyError
from training import snapshot
from training.identity import SNAPSHOT
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
        tensors = {f"nets.{k}": v for k, v in self.nets.state_dict().items()} | snapshot.of_optimizer(self.optimizer)
        tensors |= {
            "generator": self.generator.get_state(),
            "lost": self.difficulty.lost,
            "practised_s": self.difficulty.practised_s,
        }
        snapshot.write(folder, tensors, {"iteration": str(self.iteration), "seconds": repr(self.seconds)})

    def resume(self, folder: Path) -> None:
        """Take over what a folder's snapshot holds, if there is one."""
        stored = snapshot.read(folder)
        if stored is None:
            return
        tensors, facts = stored
        try:
            snapshot.restore(stored, self.nets, "nets.", self.optimizer)
            self._same_device(folder, tensors["generator"])
            self.generator.set_state(tensors["generator"])
            self.difficulty.lost, self.difficulty.practised_s = tensors["lost"], tensors["practised_s"]
            self.iteration, self.seconds = int(facts["iteration"]), float(facts["seconds"])
        except (KeyError, ValueError, RuntimeError) as error:
            raise snapshot.damaged(folder, str(error)) from error

    def _same_device(self, folder: Path, state: Tensor) -> None:
        if len(state) != len(self.generator.get_state()):
            raise CrossbodyError(
                f"{folder / SNAPSHOT} was written by a run on another kind of device than "
                f"{self.generator.device}, whose random numbers "
                f"are others. Go on with the same --backend, or begin anew: --warm-start {folder} and another --out."
            )
