"""Small networks of random weights for the tests of the motion language."""

from __future__ import annotations

from pathlib import Path

import torch

from agents.humanoid_vla.model import LanguageModel, LanguageSizes, save
from agents.humanoid_vla.speech import Speech, open_speech
from agents.humanoid_vla.tokens import load_tokens
from agents.humanoid_vla.vocabulary import learned
from agents.nets.checkpoint import rounded_weights
from tasks.motion.arrays import from_positions
from tasks.motion.store import save as save_motion
from training.motion_language import example

CAPTIONS = ["a person waves with the left hand", "someone squats twice", "the person walks forward 4 steps"]


def write_speech(folder: Path, seed: int = 0) -> tuple[Path, Path]:
    """Write a language model and its tokens; return both folders."""
    tokens = example.tokens(folder, seed)
    torch.manual_seed(seed)
    net = LanguageModel(LanguageSizes(width=16, layers=2, heads=2, hidden=32, longest=12), learned(CAPTIONS, 320))
    words = sorted({w for c in CAPTIONS for w in c.split()})
    save(
        net, folder / "language", rounded_weights(net.eval()), {"tokens": load_tokens(tokens)[1].digest, "words": words}
    )
    return folder / "language", tokens


def opened(folder: Path) -> Speech:
    return open_speech(*write_speech(folder))


def motion_file(folder: Path, kind: str = "wave", seed: int = 0) -> Path:
    """Write a motion of a small figure and return its file."""
    clip = next(c for c in example.clips(seed, 1) if c.kind == kind)
    file = folder / f"{kind}.npz"
    save_motion(from_positions(kind, clip.points, 20.0), file)
    return file
