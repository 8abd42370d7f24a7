"""T2M-GPT as a generator of motions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from agents.nets.motion_conditions import FPS, FRAMES, RATE, TEXT, TIME, asked_frames
from agents.nets.one_thread import one_thread
from agents.nets.sentences import Sentences
from agents.nets.texts import checked
from agents.t2m_gpt import GeneratorOptions
from agents.t2m_gpt.network import SHIPPED, load_gpt
from crossbody.contracts import Channel, Clip, ClipKind
from crossbody.seeds import generator
from tasks.motion import parts


class Coder:
    """One motion for each sentence."""

    kind: ClipKind = "motion"
    needs: tuple[Channel, ...] = (TEXT,)
    uses: tuple[Channel, ...] = (TIME, FRAMES, RATE)

    def __init__(self, options: GeneratorOptions):
        self.options = options
        self.net, card = load_gpt(options.weights or SHIPPED)
        self.card: Mapping[str, Any] = {"weights": card.digest}
        self._sentence = Sentences()

    def generate(self, conditions: Mapping[str, Any], seed: int) -> Clip:
        """Return a motion from the origin, facing x, at 20 frames a second."""
        longest = self.net.sizes.longest * self.net.sizes.codes.frames_per_code
        frames = asked_frames(conditions, self.options.length, longest)
        (points,) = self.many([checked(str(conditions[TEXT.name]))], [frames], seed)
        return Clip(points, FPS, {"given_length": frames is not None})

    def many(self, texts: Sequence[str], frames: Sequence[int | None], seed: int) -> list[np.ndarray]:
        """Return key points (T, 15, 3) for each text; a length of None is its own."""
        drawn = [generator(seed, f"codes/{row}").random(self.net.sizes.longest) for row in range(len(texts))]
        with one_thread(), torch.inference_mode():
            sentences = torch.stack([self._sentence(text) for text in texts])
            codes = self.net.sample(sentences, torch.from_numpy(np.stack(drawn)), self.options.temperature)
            made = [parts.decode(self.net.numbers(row)) for row in codes]
        return [points if f is None else held(points, f) for points, f in zip(made, frames, strict=True)]

    def close(self) -> None:
        """Nothing is held."""


def held(points: np.ndarray, frames: int) -> np.ndarray:
    """Return a motion of exactly so many frames: cut, or in its last pose for the rest."""
    rest = max(0, frames - len(points))
    return np.concatenate([points, np.repeat(points[-1:], rest, 0)])[:frames]
