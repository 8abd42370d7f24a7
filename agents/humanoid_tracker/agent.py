"""The controller as an agent: named terms in, joint targets out, 50 times a second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from agents.humanoid_tracker.network import Actor
from agents.nets.checkpoint import load_checkpoint
from crossbody.catalog import ROOT
from crossbody.contracts import Chunk, Contract, EpisodeSpec, Observation
from crossbody.errors import ContractMismatch
from tasks import tracking

SHIPPED = ROOT / "checkpoints" / "tiny" / "humanoid_tracker"
KIND = "humanoid_tracker"
REMEDY = "Train one with `uv run train wbc --size tiny --out {}`, or give --options.checkpoint DIR."


class HumanoidTracker:
    """Acts without exploration. It has no memory, so that an episode is answered alike whatever others are under
    way."""

    in_worker = False

    def __init__(self, folder: Path):
        torch.set_num_threads(1)
        checkpoint = load_checkpoint(folder, KIND, REMEDY.format(folder))
        config = checkpoint.config
        self._actor = Actor(sum(config["terms"].values()), len(config["joints"]), config["hidden"]).eval()
        checkpoint.restore(self._actor, folder)
        self._terms = [f"tracking.{name}" for name in config["terms"]]
        self._limit, self._residual, self._robot = config["action_limit"], config["residual"], config["robot"]
        self._scale = np.array(config["action_scale"], np.float32)
        self._default = np.array(config["default_angles"], np.float32)
        count = len(config["joints"])
        self.reads = (*(tracking.term(n, w) for n, w in config["terms"].items()), tracking.next_joints(count))
        self.gives = (tracking.targets(count),)
        self.card = {"weights": checkpoint.digest, "training": checkpoint.training}

    def bind(self, contract: Contract, chunk: int) -> None:
        """Refuse to steer more than one control step at a time."""
        if chunk != 1:
            raise ContractMismatch(
                f"the controller balances at every control step, and the protocol executes {chunk} at once; "
                "use --protocol tracking"
            )

    def reset(self, episodes: Sequence[EpisodeSpec]) -> None:
        pass

    @torch.no_grad()
    def act(self, observations: Mapping[str, Observation]) -> Mapping[str, Chunk]:
        """One at a time: sums of a batch depend on its size in the last bit, and bodies that balance amplify that."""
        return {
            episode: {"action.joints": self._targets(observation)[None]}
            for episode, observation in observations.items()
        }

    def close(self) -> None:
        pass

    def _targets(self, observation: Observation) -> np.ndarray:
        joined = torch.from_numpy(np.concatenate([observation[name] for name in self._terms]))[None]
        action = self._actor(joined)[0].numpy().clip(-self._limit, self._limit)
        return (observation["reference.joints"] if self._residual else self._default) + self._scale * action
