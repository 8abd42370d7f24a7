"""The two stages of the language model's data: motions of low quality, mostly without words, then clean ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from agents.humanoid_vla.tokens import PartCodes
from crossbody.seeds import generator
from envs.humanoid.motions.packed import Clip
from tasks.motion import parts
from training.loop import Batch, Supply
from training.motion_language.clips import Numbered, fingerprint, mapped, numbered, open_clips, own, split
from training.motion_language.coding import coded
from training.motion_language.corpus import Coded
from training.motion_language.lowquality import has_caption, worsened

if TYPE_CHECKING:
    from training.recipes.humanoid_vla import LanguageOptions


@dataclass(frozen=True)
class StageData:
    """Versions of every clip as codes, by stage, and what is remembered of them."""

    low: list[list[Coded]]
    high: list[list[Coded]]
    held_out: list[list[Coded]]
    captions: list[str]
    facts: dict[str, Any]


class Stages(Supply):
    """Batches of the first stage until an update, then of the second; held-out ones are clean."""

    def __init__(self, low: Supply, high: Supply, switch: int):
        self._low, self._high, self._switch = low, high, switch

    def __call__(self, step: int, process: int = 0, held_out: bool = False) -> Batch:
        return (self._low if step < self._switch and not held_out else self._high)(step, process, held_out)


def opened(options: LanguageOptions, tokens: PartCodes) -> StageData:
    """Return both stages' clips as codes, of the procedural set or of the user's folders."""
    assert options.clips, "resolved options"
    clips, test = split(open_clips(options.data, options.clips))
    if options.high is not None:
        clips, test = split(own(options.high))
    kept = _part(clips, options.high_part)
    low = own(options.low) if options.low is not None else clips
    clean = numbered(kept, options.processes)
    if options.low is not None:
        worse, told = numbered(low), None
    else:
        found = mapped(partial(_worse, options.seed), low, options.processes)
        worse, told = Numbered(low, [numbers for numbers, _ in found]), [said for _, said in found]
    facts = {
        "low": _fact(low, worse),
        "high": _fact(kept, clean),
        "test": len(test),
        "fingerprint": fingerprint([*kept, *low]),
    }
    codes = [coded(tokens, worse, told), coded(tokens, clean), coded(tokens, numbered(test))]
    captions = [c for clip in (*codes[0], *codes[1]) for c in (*clip[0].captions, *clip[-1].captions)]
    return StageData(codes[0], codes[1], codes[2], captions, facts)


def _part(clips: Sequence[Clip], share: float) -> list[Clip]:
    """The first seeds of every kind, as many as the share says; all kinds stay."""
    seeds = sorted({c.seed for c in clips})
    kept = set(seeds[: max(1, round(share * len(seeds)))])
    return [c for c in clips if c.seed in kept]


def _worse(seed: int, clip: Clip) -> tuple[np.ndarray, bool]:
    """The numbers of a clip as of low quality, and whether it has captions."""
    rng = generator(seed, f"low quality/{clip.name}")
    told = has_caption(rng)
    return parts.encode(worsened(clip.points, rng)), told


def _fact(clips: Sequence[Clip], made: Numbered) -> dict[str, Any]:
    """Clips, frames and hours of a source, as table H1 has them."""
    frames = int(np.sum([len(n) for n in made.numbers]))
    return {"clips": len(clips), "frames": frames, "hours": round(frames / parts.FPS / 3600, 3)}
