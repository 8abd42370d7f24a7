"""Humanoid-VLA: a language model over words and motions, which answers texts, times, states,
tracks and hidden parts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from agents.humanoid_vla.generator import Talker
    from crossbody.contracts import ClipKind


@dataclass(frozen=True)
class GeneratorOptions:
    """How motions are made by the language model."""

    weights: Path | None = None
    """A folder of `train humanoid_vla`; by default what ships."""

    tokens: Path | None = None
    """The folder of the motion tokens that it was trained on; by default what ships."""

    temperature: float = 0.7
    """Of the draws: 0 takes the likeliest code everywhere."""

    forced: bool = True
    """A length that is asked for is met to the step of 0.4 s. Otherwise it is only said in the prompt,
    and the model ends by itself."""

    keep: bool = False
    """What an occluded motion shows is copied, not only told: exact by construction."""

    length: Literal["own", "given"] = "own"
    """given: as long as the true clip, where the conditions have one."""

    state: Literal["first", "last"] = "first"
    """What --state is: the state that the motion begins in, or the one that it ends in."""

    track: Literal["root", "left_hand", "right_hand"] = "root"
    """What follows --track."""


def make_generator(options: GeneratorOptions, kind: ClipKind) -> Talker:
    """Return the generator; CrossbodyError when its weights are absent."""
    from agents.humanoid_vla.generator import Talker

    return Talker(options)
