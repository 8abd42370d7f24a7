"""Motions and their captions for the matcher: the procedural set as features and words,
split by seed and by wording."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from crossbody.extras import cache_folder
from crossbody.minilm import MiniLM
from crossbody.runs import write_atomic
from envs.humanoid.motions import library
from evaluators.backbones.motion import canonical
from evaluators.backbones.motion.matcher import TOKENS
from evaluators.backbones.motion.networks import padded
from evaluators.subjects.motion import MotionClip
from training.loop import Batch, Supply
from training.show import progress

HELD_OUT_EVERY = 5
"""Of every kind, each seed of which this is left over 4 is never trained on, as the library holds them out."""

HELD_OUT_WORDINGS = (
    "waits",
    "remains",
    "sways",
    "twists",
    "lowers the body",
    "in greeting",
    "extends",
    "greets",
    "boxes",
    "swings",
    "leaps",
    "steps around",
    "marches",
    "is walking",
    "shuffles",
)
"""Captions with these words are never trained on: at least one wording of every kind of motion."""

SMALLEST, LARGEST = 0.8, 1.45
"""Bodies between these, against the robot's 1.3 m: every motion is learned at the size of people, too."""


@dataclass(frozen=True)
class Captioned:
    """Motions as features (L, 91) each, with their kinds and captions."""

    kinds: list[str]
    features: list[np.ndarray]
    captions: list[list[str]]

    def __len__(self) -> int:
        return len(self.kinds)

    def only(self, rows: Sequence[int]) -> Captioned:
        """Return some of the motions."""
        return Captioned(
            [self.kinds[i] for i in rows], [self.features[i] for i in rows], [self.captions[i] for i in rows]
        )

    def worded(self, new: bool) -> Captioned:
        """Return the motions with their captions in new, or in trained, wordings; without those that have none."""
        kept = [[c for c in told if is_new(c) == new] for told in self.captions]
        return replace(self, captions=kept).only([i for i, told in enumerate(kept) if told])

    def fingerprint(self) -> str:
        """Return a digest of all motions and captions."""
        digest = hashlib.sha256()
        for features, told in zip(self.features, self.captions, strict=True):
            digest.update(features.tobytes() + "\n".join(told).encode())
        return digest.hexdigest()[:16]


def is_new(caption: str) -> bool:
    """Whether a caption's wording is held out."""
    return any(words in caption for words in HELD_OUT_WORDINGS)


def motions(clips_per_kind: int) -> tuple[Captioned, Captioned]:
    """Return the procedural motions to train on and those of held-out seeds. Made once, then kept in the cache."""
    file = cache_folder() / "matcher" / f"procedural-{library.VERSION}-{library.ROBOT}-{clips_per_kind}.npz"
    found = _read(file) if file.exists() else _make(file, clips_per_kind)
    held = [i for i in range(len(found)) if i % clips_per_kind % HELD_OUT_EVERY == HELD_OUT_EVERY - 1]
    return found.only(sorted(set(range(len(found))) - set(held))), found.only(held)


class Matches(Supply):
    """Batches of motions, each with one of its captions: drawn by (seed, step, process),
    so that a resumed run repeats."""

    def __init__(self, train: Captioned, held_out: Captioned, size: int, seed: int, unread: float = 0.0):
        """``unread``: the share of a caption's words that is left out in training."""
        self._sets = {False: train.worded(new=False), True: held_out.worded(new=False)}
        self._size, self._seed, self._unread = size, seed, unread
        self._words = _states([c for s in self._sets.values() for told in s.captions for c in told])

    def __call__(self, step: int, process: int = 0, held_out: bool = False) -> Batch:
        """Return features, numbers of codes, words and their mask, and a number for each caption:
        alike for equal ones."""
        random = np.random.default_rng([self._seed, step, process, int(held_out)])
        source = self._sets[held_out]
        rows = random.choice(len(source), min(self._size, len(source)), replace=False)
        told = [source.captions[i][random.integers(len(source.captions[i]))] for i in rows]
        sizes = np.ones(len(rows)) if held_out else random.uniform(SMALLEST, LARGEST, len(rows))
        features, codes = padded([_sized(source.features[i], size) for i, size in zip(rows, sizes, strict=True)])
        numbers = {caption: number for number, caption in enumerate(dict.fromkeys(told))}
        return {
            "features": features,
            "codes": codes,
            "caption": torch.tensor([numbers[c] for c in told]),
            **_padded_words([_thinned(self._words[c], 0.0 if held_out else self._unread, random) for c in told]),
        }


def statistics(motions: Captioned) -> tuple[torch.Tensor, torch.Tensor]:
    """Return mean and deviation (91,) of the features, over all frames and the sizes of bodies that are drawn."""
    frames = np.concatenate(motions.features).astype(np.float64)
    middle = np.where(np.arange(canonical.WIDTH) == canonical.YAW_RATE, 1.0, (SMALLEST + LARGEST) / 2)
    mean, std = frames.mean(0) * middle, frames.std(0) * middle
    return torch.tensor(mean, dtype=torch.float32), torch.tensor(std.clip(0.02), dtype=torch.float32)


def _sized(features: np.ndarray, size: float) -> torch.Tensor:
    scale = np.full(canonical.WIDTH, size, np.float32)
    scale[canonical.YAW_RATE] = 1.0
    return torch.from_numpy(features * scale)


def _states(captions: Sequence[str]) -> dict[str, torch.Tensor]:
    """Return the words (L, 384) of each caption as half numbers: thousands of captions fit into memory."""
    words, found = MiniLM(TOKENS), {}
    unknown = sorted(set(captions))
    for caption in progress(unknown, len(unknown), "captions"):
        hidden, mask = words.fresh(caption)
        found[caption] = hidden[mask].half()
    return found


def _thinned(words: torch.Tensor, share: float, random: np.random.Generator) -> torch.Tensor:
    """Return the words (L, 384) without a share of them, but with the first: the sentence's own."""
    kept = random.random(len(words)) >= share
    kept[0] = True
    return words[torch.from_numpy(kept)]


def _padded_words(states: Sequence[torch.Tensor]) -> Batch:
    lengths = torch.tensor([len(s) for s in states])
    words = torch.nn.utils.rnn.pad_sequence([s.float() for s in states], batch_first=True)
    return {"words": words, "mask": torch.arange(words.shape[1]) < lengths[:, None]}


def _make(file: Path, clips_per_kind: int) -> Captioned:
    names = library.names("all", clips_per_kind)
    found = Captioned([], [], [])
    for name in progress(names, len(names), "motions"):
        kind, _, seed = name.partition("/")
        motion = library.make(kind, int(seed))
        found.kinds.append(kind)
        found.features.append(canonical.canonical(MotionClip(motion.keypoints, motion.fps)))
        found.captions.append(list(motion.texts))
    _write(file, found)
    return found


def _write(file: Path, found: Captioned) -> None:
    buffer = io.BytesIO()
    np.savez(
        buffer,
        allow_pickle=False,
        kinds=np.array(found.kinds),
        features=np.concatenate(found.features),
        lengths=np.array([len(f) for f in found.features]),
        captions=np.array(["\n".join(c) for c in found.captions]),
    )
    write_atomic(file, buffer.getvalue())


def _read(file: Path) -> Captioned:
    with np.load(file, allow_pickle=False) as stored:
        ends = np.cumsum(stored["lengths"])[:-1]
        captions = [str(told).split("\n") for told in stored["captions"]]
        return Captioned([str(k) for k in stored["kinds"]], np.split(stored["features"], ends), captions)
