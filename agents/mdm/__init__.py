"""MDM, a baseline: diffusion of a whole motion from a sentence; its length is estimated, or given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from agents.mdm.generator import Diffuser
    from crossbody.contracts import ClipKind


@dataclass(frozen=True)
class GeneratorOptions:
    """How motions are made by diffusion."""

    weights: Path | None = None
    """A folder of `train mdm`; by default what ships."""

    length: Literal["own", "given"] = "own"
    """own: as long as it estimates. given: as long as the true clip, as MDM's published rows are."""


def make_generator(options: GeneratorOptions, kind: ClipKind) -> Diffuser:
    """Return the generator; CrossbodyError when its weights are absent."""
    from agents.mdm.generator import Diffuser

    return Diffuser(options)
