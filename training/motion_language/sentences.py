"""Vectors of all captions for the baselines, made once and kept in the cache as bytes:
a machine without MiniLM can train from them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from agents.nets.sentences import WIDTH, Sentences
from crossbody.extras import cache_folder
from crossbody.runs import write_atomic
from envs.humanoid.motions.packed import Clip
from training.motion_language.coding import mirrored_text, trained_captions
from training.show import progress

CAPTIONS = 5
"""Captions of a clip that the baselines read."""
STEPS = 127


def captions_of(clip: Clip) -> tuple[str, ...]:
    """Return the captions of a clip that the baselines read."""
    return trained_captions(clip.texts)[:CAPTIONS]


def of_clips(clips: Sequence[Clip]) -> dict[str, np.ndarray]:
    """Return caption -> vector (384,) of all captions of clips, and of the mirrored ones."""
    said = [c for clip in clips for c in captions_of(clip)]
    told = sorted({*said, *map(mirrored_text, said)})
    file = cache_file(told)
    if not file.exists():
        sentence = Sentences()
        _write(file, np.stack([sentence(c).numpy() for c in progress(told, len(told), "captions")]))
    return dict(zip(told, _read(file), strict=True))


def cache_file(told: Sequence[str]) -> Path:
    """Return where the vectors of these captions are kept."""
    digest = hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]
    return cache_folder() / "sentences" / f"{digest}.npz"


def _write(file: Path, vectors: np.ndarray) -> None:
    """A byte for each number, in steps of the vector's largest: off by 0.4 % of it at most."""
    largest = np.abs(vectors).max(1).astype(np.float32)
    buffer = io.BytesIO()
    steps = np.rint(vectors / largest[:, None] * STEPS).astype(np.int8)
    np.savez_compressed(buffer, allow_pickle=False, largest=largest, steps=steps)
    write_atomic(file, buffer.getvalue())


def _read(file: Path) -> np.ndarray:
    with np.load(file, allow_pickle=False) as stored:
        return (stored["steps"] / STEPS * stored["largest"][:, None]).astype(np.float32).reshape(-1, WIDTH)
