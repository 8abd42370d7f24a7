"""MDM as a generator of motions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from agents.mdm import GeneratorOptions
from agents.mdm.network import SHIPPED, SHORTEST, load_diffusion
from agents.nets.motion_conditions import FPS, FRAMES, RATE, TEXT, TIME, asked_frames
from agents.nets.one_thread import one_thread
from agents.nets.sentences import Sentences
from agents.nets.texts import checked
from crossbody.contracts import Channel, Clip, ClipKind
from crossbody.seeds import generator
from tasks.motion import parts


class Diffuser:
    """One motion for each sentence."""

    kind: ClipKind = "motion"
    needs: tuple[Channel, ...] = (TEXT,)
    uses: tuple[Channel, ...] = (TIME, FRAMES, RATE)

    def __init__(self, options: GeneratorOptions):
        self.options = options
        self.net, card = load_diffusion(options.weights or SHIPPED)
        self.card: Mapping[str, Any] = {"weights": card.digest}
        self._sentence = Sentences()

    def generate(self, conditions: Mapping[str, Any], seed: int) -> Clip:
        """Return a motion from the origin, facing x, at 20 frames a second."""
        frames = asked_frames(conditions, self.options.length, self.net.sizes.frames)
        (points,) = self.many([checked(str(conditions[TEXT.name]))], [frames], seed)
        return Clip(points, FPS, {"given_length": frames is not None})

    def many(self, texts: Sequence[str], frames: Sequence[int | None], seed: int) -> list[np.ndarray]:
        """Return key points (T, 15, 3) for each text; a length of None is estimated."""
        sizes = self.net.sizes
        with one_thread(), torch.inference_mode():
            sentences = torch.stack([self._sentence(text) for text in texts])
            estimated = (self.net.seconds(sentences) * parts.FPS).round().clamp(SHORTEST, sizes.frames).long()
            lengths = torch.tensor([int(e) if f is None else f for e, f in zip(estimated, frames, strict=True)])
            numbers = self.net.sample(sentences, lengths, self._noise(len(texts), seed))
        return [parts.decode(n[:length]) for n, length in zip(numbers, lengths.tolist(), strict=True)]

    def close(self) -> None:
        """Nothing is held."""

    def _noise(self, rows: int, seed: int) -> torch.Tensor:
        shape = (self.net.sizes.steps + 1, self.net.sizes.frames, parts.WIDTH)
        drawn = [generator(seed, f"noise/{row}").standard_normal(shape, np.float32) for row in range(rows)]
        return torch.from_numpy(np.stack(drawn, 1))
