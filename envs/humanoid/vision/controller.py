"""The whole-body controller under the vision tasks: any agent of the catalogue that tracks references,
one frame at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from crossbody import catalog
from crossbody.contracts import Adapts, Contract, check_contract
from envs.humanoid.episode import contract

EPISODE = "vision"


class Controller:
    """Named terms and the next reference angles in, joint targets out.
    Raises what the agent raises when it cannot be made."""

    def __init__(self, name: str, robot_name: str):
        module = catalog.module_of("agents", name)
        self._agent = module.make(module.Options())
        offer = contract(robot_name)
        needed = tuple(c for c in offer.observation if c.name.startswith(("tracking.", "reference.joints")))
        offer = Contract(needed, offer.action)
        if isinstance(self._agent, Adapts):
            self._agent.bind(offer, 1)
        check_contract(offer, self._agent.reads, self._agent.gives)
        self.card: dict[str, Any] = {"agent": name, "weights": getattr(self._agent, "card", {}).get("weights", "none")}

    def targets(self, terms: dict[str, Tensor], ahead: np.ndarray) -> np.ndarray:
        """Return joint targets (D,) rad for the task's terms and the next reference angles (D,)."""
        observation: dict[str, Any] = {f"tracking.{name}": value[0].numpy() for name, value in terms.items()}
        observation["reference.joints"] = ahead
        return np.asarray(self._agent.act({EPISODE: observation})[EPISODE]["action.joints"][0], np.float32)

    def close(self) -> None:
        self._agent.close()
