"""A sentence as one vector: the mean of MiniLM's words, which stands where text-to-motion systems have CLIP's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crossbody.minilm import WIDTH

if TYPE_CHECKING:
    from torch import Tensor

TOKENS = 48
__all__ = ["WIDTH", "Sentences"]


class Sentences:
    """Sentence -> vector (384,). The model is opened at the first sentence."""

    def __init__(self) -> None:
        self._words = None

    def __call__(self, text: str) -> Tensor:
        from crossbody.minilm import MiniLM

        if self._words is None:
            self._words = MiniLM(TOKENS)
        hidden, real = self._words.fresh(text)
        return hidden[real].mean(0)
