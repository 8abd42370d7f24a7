"""Clips as codes: every clip straight and mirrored, begun at a few moments of a step."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import torch

from agents.humanoid_vla.tokens import PartCodes
from tasks.motion import parts
from training.matcher.matching import is_new
from training.motion_language.clips import Numbered
from training.motion_language.corpus import Coded

PHASES = 4
"""Moments of a step at which a clip's codes begin."""
BATCH = 512
EXCHANGED = {"left": "right", "right": "left", "clockwise": "counterclockwise", "counterclockwise": "clockwise"}
_WORD = re.compile(r"\w+")


def mirrored_text(text: str) -> str:
    """Return what a caption says of the motion with left and right exchanged."""
    return _WORD.sub(lambda found: EXCHANGED.get(found[0], found[0]), text)


def trained_captions(texts: Sequence[str]) -> tuple[str, ...]:
    """Return the captions whose wordings may be trained on: the matcher's,
    whose held-out wordings stay unseen by all."""
    return tuple(t for t in texts if not is_new(t))


def coded(net: PartCodes, clips: Numbered, told: Sequence[bool] | None = None) -> list[list[Coded]]:
    """Return the versions of every clip as codes: straight and mirrored, at all phases. ``told``:
    which clips have captions."""
    whole = net.sizes.frames_per_code
    shifts = range(0, whole, max(1, whole // PHASES))
    found: list[list[Coded]] = []
    jobs: list[np.ndarray] = []
    for row, clip in enumerate(clips.clips):
        captions = trained_captions(clip.texts) if told is None or told[row] else ()
        other = tuple(map(mirrored_text, captions))
        found.append([])
        for numbers, said in ((clips.numbers[row], captions), (parts.mirrored(clips.numbers[row]), other)):
            for shift in shifts:
                kept = (len(numbers) - shift) // whole * whole
                jobs.append(numbers[shift : shift + kept].astype(np.float32))
                found[-1].append(Coded(np.empty(0), np.empty(0), said))
    results = iter(_encoded(net, jobs))
    return [[Coded(*next(results), version.captions) for version in versions] for versions in found]


@torch.inference_mode()
def _encoded(net: PartCodes, jobs: Sequence[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Steps (L, 5) and tracks (L, 3) of numbers (T, 48); those of one length together, so that nothing is padded."""
    device = next(net.parameters()).device
    out: list[tuple[np.ndarray, np.ndarray]] = [(np.empty(0), np.empty(0))] * len(jobs)
    order = sorted(range(len(jobs)), key=lambda i: len(jobs[i]))
    start = 0
    while start < len(order):
        length = len(jobs[order[start]])
        rows = [i for i in order[start : start + BATCH] if len(jobs[i]) == length]
        numbers = torch.from_numpy(np.stack([jobs[i] for i in rows])).to(device)
        steps, tracks = (c.to(torch.int16).cpu().numpy() for c in (net.encode(numbers), net.encode_tracks(numbers)))
        for n, i in enumerate(rows):
            out[i] = (steps[n], tracks[n])
        start += len(rows)
    return out
