"""Plays the reference back: every joint is told the reference's next angle,
and nobody looks whether the body still stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from crossbody.contracts import Channel, Chunk, Contract, EpisodeSpec, Observation
from crossbody.errors import ContractMismatch

REFERENCE, ACTION = "reference.joints", "action.joints"


@dataclass(frozen=True)
class Options:
    """None."""


class OpenLoop:
    """The floor of motion tracking: what PD control of the reference's angles achieves without a policy."""

    in_worker = False
    reads: tuple[Channel, ...] = ()
    gives: tuple[Channel, ...] = ()

    def bind(self, contract: Contract, chunk: int) -> None:
        """Take the joints' channels; ContractMismatch where there is no reference,
        or when more than one step is asked at once."""
        offered = {c.name: c for c in contract.observation}
        if REFERENCE not in offered:
            raise ContractMismatch(
                f"this agent plays {REFERENCE} back, which the environment does not have (it has: {', '.join(offered)})"
            )
        if chunk != 1:
            raise ContractMismatch(
                f"this agent sees the reference one control step ahead, and the protocol executes {chunk} at once; "
                "use --protocol tracking"
            )
        self.reads, self.gives = (offered[REFERENCE],), contract.action

    def reset(self, episodes: Sequence[EpisodeSpec]) -> None:
        pass

    def act(self, observations: Mapping[str, Observation]) -> Mapping[str, Chunk]:
        return {episode: {ACTION: observation[REFERENCE][None]} for episode, observation in observations.items()}

    def close(self) -> None:
        pass


def make(options: Options) -> OpenLoop:
    return OpenLoop()
