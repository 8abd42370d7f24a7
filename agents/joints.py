"""What agents without a mind of their own share: they take their channels from the environment and command
positions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from crossbody.contracts import Channel, Chunk, Contract, EpisodeSpec, Observation
from crossbody.errors import ContractMismatch

if TYPE_CHECKING:
    import numpy as np


class AnyEnvironment(ABC):
    """Gives every action channel that the environment takes, ``chunk`` steps at a time."""

    in_worker = False
    reads: tuple[Channel, ...] = ()
    gives: tuple[Channel, ...] = ()
    chunk = 1

    def bind(self, contract: Contract, chunk: int) -> None:
        self.gives, self.chunk = contract.action, chunk

    def reset(self, episodes: Sequence[EpisodeSpec]) -> None:  # noqa: B027  most have nothing to begin
        pass

    def act(self, observations: Mapping[str, Observation]) -> Mapping[str, Chunk]:
        return {episode: self.chunk_for(episode, observation) for episode, observation in observations.items()}

    @abstractmethod
    def chunk_for(self, episode: str, observation: Observation) -> Chunk:
        """Return the next chunk of one episode."""

    def close(self) -> None:  # noqa: B027  most have nothing to free
        pass


class AboutTheStart(AnyEnvironment):
    """Knows where each episode began: for every ``action.<part>`` it reads ``state.<part>``."""

    def __init__(self) -> None:
        self._starts: dict[str, dict[str, np.ndarray]] = {}

    def bind(self, contract: Contract, chunk: int) -> None:
        """Raise ContractMismatch for every action channel that has no state of the same name and shape."""
        super().bind(contract, chunk)
        states = {c.name: c for c in contract.observation}
        pairs = [(a, states.get(_state_of(a.name))) for a in contract.action]
        wrong = [a.name for a, s in pairs if s is None or (s.shape, s.unit) != (a.shape, a.unit)]
        if wrong:
            raise ContractMismatch(
                "this agent commands positions about those it first saw, but the environment has no state of the same "
                f"shape and unit for {', '.join(wrong)} (it has: {', '.join(states)})"
            )
        self.reads = tuple(s for _, s in pairs if s is not None)

    def reset(self, episodes: Sequence[EpisodeSpec]) -> None:
        for spec in episodes:
            self._starts.pop(spec.id, None)

    def start_of(self, episode: str, observation: Observation) -> dict[str, np.ndarray]:
        """Return action channel -> the positions (width,) at the first look of this episode."""
        import numpy as np

        if episode not in self._starts:
            self._starts[episode] = {c.name: np.array(observation[_state_of(c.name)]) for c in self.gives}
        return self._starts[episode]


def _state_of(action: str) -> str:
    return "state." + action.removeprefix("action.")
