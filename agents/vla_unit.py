"""VLA-UniT: a vision-language policy trained to predict UniT's tokens, with a flow-matching action head."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agents.unit.agent import PolicyAgent


@dataclass(frozen=True)
class Options:
    """Which weights, and what they may see."""

    checkpoint: Path | None = None
    """A folder that `train vla_unit` wrote; `checkpoints/tiny/vla_unit` when none is given."""

    temperature: float | None = None
    """Standard deviation of the noise that a chunk starts from: 1 samples, 0 gives the chunk near the mean;
    by default the checkpoint's."""

    blind: bool = False
    """Show it the average picture only: the control for every success that needs no eyes."""

    device: str = "auto"
    """Where it computes: cpu, cuda, cuda:1, …; auto takes a GPU for large policies only,
    since a CPU's answers are the same everywhere."""

    dtype: str = "float32"
    """What it computes in: float32 or bfloat16."""


def make(options: Options) -> PolicyAgent:
    """Return the policy with its weights loaded."""
    from agents.unit.agent import SHIPPED, PolicyAgent

    return PolicyAgent(
        options.checkpoint or SHIPPED / "vla_unit",
        bridge=True,
        blind=options.blind,
        temperature=options.temperature,
        where=(options.device, options.dtype),
    )
