"""The space of an instruction: a Text that Gymnasium's asynchronous vectors pass on, too.

Gymnasium 1.4 reads a Text out of shared memory once, when the vector is made, so every later observation has 'aaaa…'.
Here it is read when somebody looks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

import numpy as np
from gymnasium import spaces
from gymnasium.vector.utils import read_from_shared_memory


class Instruction(spaces.Text):
    """Text in natural language. Environments that give one to their policies use this space for it."""


class Texts(Sequence[str]):
    """The texts of all environments of a vector as they are now; a deep copy is a tuple of those of this moment."""

    def __init__(self, space: spaces.Text, codes: np.ndarray):
        self._space = space
        self._codes = codes  # (environments, max_length), filled up with the number of characters

    def __len__(self) -> int:
        return len(self._codes)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...
    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        if isinstance(index, slice):
            return tuple(self)[index]
        letters = self._space.character_list
        return "".join(letters[code] for code in self._codes[index] if code < len(letters))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __repr__(self) -> str:
        return repr(tuple(self))

    def __deepcopy__(self, _: dict[int, Any]) -> tuple[str, ...]:
        return tuple(self)


@read_from_shared_memory.register(Instruction)
def _read_now(space: Instruction, shared_memory: Any, n: int = 1) -> Any:
    return Texts(space, np.frombuffer(shared_memory.get_obj(), dtype=np.int32).reshape(n, space.max_length))
