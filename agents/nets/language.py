"""Words for the small policy: MiniLM's last hidden states, so that an unseen object's name is not an unseen word."""

from __future__ import annotations

from torch import Tensor

from crossbody.minilm import MiniLM

LENGTH = 32  # tokens; the longest instruction of the suites has 28
PREFIXES = ("unlocked_waist: ", "locked_waist: ")  # how the simulator marks its instructions


class InstructionEncoder:
    """Instruction -> the hidden states of its tokens, remembered."""

    def __init__(self) -> None:
        self._words = MiniLM(LENGTH)

    def __call__(self, instruction: str) -> tuple[Tensor, Tensor]:
        """Return hidden states (32, 384), zero after the end, and the mask (32,) of real tokens."""
        return self._words(without_waist_mark(instruction))


def without_waist_mark(instruction: str) -> str:
    """Return an instruction without the simulator's mark."""
    for prefix in PREFIXES:
        instruction = instruction.removeprefix(prefix)
    return instruction
