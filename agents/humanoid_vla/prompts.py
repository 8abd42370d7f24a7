"""Prompts and answers: a sub-task's wording with its holes filled by words and codes, and the codes that answer it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agents.humanoid_vla.templates import SubTask, pieces
from agents.humanoid_vla.vocabulary import BOS, CLOSE, EOS, OPEN, STATE, STEP, TEXT, TRACK, Place, Vocabulary
from crossbody.errors import CrossbodyError
from tasks.motion.parts import FPS, PARTS, TRACKS

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Given:
    """What fills the holes of a wording: words, lengths, and codes as ids."""

    words: Mapping[str, str] = field(default_factory=dict)  # caption and lengths such as "96 frames"
    codes: Mapping[str, list[int]] = field(default_factory=dict)  # ids between their marks


@dataclass(frozen=True)
class Answer:
    """Ids, and the place of each."""

    ids: list[int]
    places: list[Place]


class Writer:
    """Writes prompts and answers in a vocabulary; the words of wordings are looked up once."""

    def __init__(self, vocabulary: Vocabulary, frames_per_code: int):
        self.vocabulary, self.frames_per_code = vocabulary, frames_per_code
        self._known: dict[str, list[int]] = {}

    def words(self, text: str) -> list[int]:
        """Return the ids of words, remembered."""
        if text not in self._known:
            self._known[text] = self.vocabulary.of_text(text)
        return self._known[text]

    def prompt(self, task: SubTask, wording: str, given: Given) -> list[int]:
        """Return the ids of a prompt, ready for its answer's first id."""
        ids = [BOS]
        names = task.names()
        for hole, piece in pieces(wording):
            if not hole:
                ids += self.words(piece)
            elif piece in given.codes:
                ids += given.codes[piece]
            elif piece in given.words or piece in names:
                ids += self.words(given.words.get(piece) or names[piece])
            else:
                raise CrossbodyError(f"the wording '{wording}' asks for {piece}, which was not given")
        return [*ids, OPEN.get(task.output, EOS)]  # words are answered after the mark that ends a sentence

    def motion(self, codes: np.ndarray) -> Answer:
        """Return the answer that is a motion (L, 5)."""
        ids = self.vocabulary.of_steps(codes)
        return Answer([*ids, CLOSE["motion"]], [*STEP * len(codes), STEP[0]])

    def state(self, codes: np.ndarray) -> Answer:
        """Return the answer that is one step (5,). Its end goes without saying."""
        return Answer(self.vocabulary.of_steps(codes[None]), list(STATE))

    def track(self, name: str, codes: np.ndarray) -> Answer:
        """Return the answer that is a track's codes (L,)."""
        ids = self.vocabulary.of_codes(codes, PARTS.index(TRACKS[name][0]))
        return Answer([*ids, CLOSE["track"]], [TRACK[name]] * (len(ids) + 1))

    def text(self, words: str) -> Answer:
        """Return the answer that is a sentence."""
        ids = self.words(words)
        return Answer([*ids, EOS], [TEXT] * (len(ids) + 1))

    def given_motion(self, codes: np.ndarray) -> list[int]:
        return [OPEN["motion"], *self.vocabulary.of_steps(codes), CLOSE["motion"]]

    def given_state(self, codes: np.ndarray) -> list[int]:
        return [OPEN["state"], *self.vocabulary.of_steps(codes[None]), CLOSE["state"]]

    def given_occlusion(self, codes: np.ndarray, absent: str) -> list[int]:
        kept = [i for i, part in enumerate(PARTS) if part != absent]
        return [OPEN["occlusion"], *self.vocabulary.of_steps(codes, kept), CLOSE["occlusion"]]

    def given_track(self, name: str, codes: np.ndarray) -> list[int]:
        ids = self.vocabulary.of_codes(codes, PARTS.index(TRACKS[name][0]))
        return [OPEN["track"], *ids, CLOSE["track"]]

    def length(self, frames: int, unit: str) -> str:
        """Return a length in words."""
        return f"{frames} frames" if unit == "frames" else f"{frames / FPS:.1f} seconds"
