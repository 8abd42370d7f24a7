"""The tokenizers and the language model together: what is asked in words and motions, and what is answered."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agents.humanoid_vla.model import SHIPPED, LanguageModel, load_language
from agents.humanoid_vla.prompts import Writer
from agents.humanoid_vla.tokens import SHIPPED as SHIPPED_TOKENS
from agents.humanoid_vla.tokens import PartCodes, load_tokens
from crossbody.errors import CrossbodyError
from tasks.motion.rate import at_20_fps
from tasks.motion.sizes import as_robot

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, eq=False)
class Speech:
    """Both networks, and the writer of prompts between them."""

    tokens: PartCodes
    model: LanguageModel
    writer: Writer
    card: dict[str, Any]
    known: frozenset[str]  # words that were trained on

    def steps_of(self, points: np.ndarray, fps: float) -> tuple[np.ndarray, float]:
        """Return the codes (L, 5) of key points of any rate and size, and the factor that makes them the robot's."""
        points, factor = as_robot("the motion", at_20_fps(points, fps))
        return self.tokens.codes_of(whole_steps(points, self.tokens.sizes.frames_per_code)), factor

    def track_of(self, points: np.ndarray, fps: float, track: str) -> tuple[np.ndarray, float]:
        """Return the codes (L,) of a track of key points of any rate and size, and the factor."""
        points, factor = as_robot("the track", at_20_fps(points, fps))
        return self.tokens.tracks_of(whole_steps(points, self.tokens.sizes.frames_per_code), track), factor

    def unknown(self, text: str) -> list[str]:
        """Return the words of a text that no caption had which was trained on."""
        return sorted(set(words_of(text)) - self.known)


def words_of(text: str) -> list[str]:
    """Return the words of a text."""
    return re.findall(r"[^\W\d_]+", text.lower())


def whole_steps(points: np.ndarray, frames: int) -> np.ndarray:
    """Return key points of a whole number of steps, one at least: a rest of half a step stays in its last pose,
    a shorter one is cut."""
    import numpy as np

    length = max(1, round(len(points) / frames)) * frames
    return np.concatenate([points, np.repeat(points[-1:], max(0, length - len(points)), 0)])[:length]


def open_speech(weights: Path | None = None, tokens: Path | None = None) -> Speech:
    """Return the networks in these folders, or those that ship; CrossbodyError for a pair that was not trained
    together."""
    folder, other = weights or SHIPPED, tokens or SHIPPED_TOKENS
    net, tokens_card = load_tokens(other)
    model, card = load_language(folder)
    wanted = card.training.get("tokens")
    if wanted and wanted != tokens_card.digest:
        raise CrossbodyError(
            f"{folder} was trained on the motion tokens {wanted}; {other} holds {tokens_card.digest}. Give the "
            "right --options.tokens."
        )
    writer = Writer(model.vocabulary, model.sizes.frames_per_code)
    known = frozenset(card.training.get("words", ()))
    return Speech(net, model, writer, {"weights": card.digest, "tokens": tokens_card.digest}, known)
