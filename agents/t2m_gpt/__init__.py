"""T2M-GPT, a baseline: codes of the whole body from a sentence, one after the other; it ends by itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from agents.t2m_gpt.generator import Coder
    from crossbody.contracts import ClipKind


@dataclass(frozen=True)
class GeneratorOptions:
    """How motions are made by the GPT."""

    weights: Path | None = None
    """A folder of `train t2m_gpt`; by default what ships."""

    temperature: float = 0.8
    """Of the draws."""

    length: Literal["own", "given"] = "own"
    """given: cut, or held in the last pose, to the length of the true clip, where the conditions have one."""


def make_generator(options: GeneratorOptions, kind: ClipKind) -> Coder:
    """Return the generator; CrossbodyError when its weights are absent."""
    from agents.t2m_gpt.generator import Coder

    return Coder(options)
