"""One vocabulary of marks, words and motion: ids, and what may stand where, so that no illegal sequence exists."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from agents.humanoid_vla.templates import pieces, sub_tasks
from agents.nets.texts import cleaned
from crossbody.errors import CrossbodyError
from tasks.motion.parts import PARTS, TRACKS

if TYPE_CHECKING:
    import numpy as np
    from tokenizers import Tokenizer

MARKS = (
    "<pad>",
    "<bos>",
    "<eos>",
    "<motion>",
    "</motion>",
    "<occlusion>",
    "</occlusion>",
    "<track>",
    "</track>",
    "<state>",
    "</state>",
)
PAD, BOS, EOS = range(3)
OPEN = {"motion": 3, "occlusion": 5, "track": 7, "state": 9}
CLOSE = {name: mark + 1 for name, mark in OPEN.items()}
WORDS = 768
"""Marks, bytes and merged pieces of words together, at the size tiny."""


class Place(NamedTuple):
    """What may stand at a place of an answer: the codes of a part, words, and perhaps a mark that ends it."""

    part: int  # -1: words
    ends: int  # the mark's id; -1: it may not end here


STEP = (Place(0, CLOSE["motion"]), *(Place(p, -1) for p in range(1, len(PARTS))))
STATE = tuple(Place(p, -1) for p in range(len(PARTS)))
TRACK = {name: Place(PARTS.index(part), CLOSE["track"]) for name, (part, _) in TRACKS.items()}
TEXT = Place(-1, EOS)
PLACES = tuple(dict.fromkeys((*STEP, *STATE, *TRACK.values(), TEXT)))
"""All of them: the softmax of a place is over what may stand there."""


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """Ids of marks, words and codes: part p's code c is ``words + codes * p + c``."""

    tokenizer: Tokenizer
    codes: int = 1024
    words: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "words", self.tokenizer.get_vocab_size(with_added_tokens=True))

    @property
    def size(self) -> int:
        return self.words + self.codes * len(PARTS)

    def of_text(self, text: str) -> list[int]:
        """Return the ids of words; marks that are typed are words like others, never marks."""
        return self.tokenizer.encode(cleaned(text)).ids

    def of_codes(self, codes: np.ndarray, part: int) -> list[int]:
        """Return the ids of codes (n,) of a part."""
        return (self.words + self.codes * part + codes).tolist()

    def of_steps(self, codes: np.ndarray, kept: Sequence[int] = range(len(PARTS))) -> list[int]:
        """Return the ids of steps (L, 5), of all parts or some, step by step."""
        import numpy as np

        parts = np.asarray(kept)
        return (self.words + self.codes * parts + codes[:, parts]).reshape(-1).tolist()

    def allowed(self, place: Place) -> list[int]:
        """Return the ids that may stand at a place, the ending mark last."""
        first = self.words + self.codes * place.part
        ids = range(len(MARKS), self.words) if place.part < 0 else range(first, first + self.codes)
        return [*ids, *([place.ends] if place.ends >= 0 else [])]

    def name(self, number: int) -> str:
        """Return what an id is, as ``tokenizer.json`` writes it."""
        if number < self.words:
            return self.tokenizer.id_to_token(number)
        part, code = divmod(number - self.words, self.codes)
        if part >= len(PARTS):
            raise CrossbodyError(f"id {number} is not one of the {self.size} of this vocabulary")
        return f"<|{PARTS[part]}_{code:04d}|>"

    def id(self, name: str) -> int:
        """Return the id of a name, the inverse of ``name``."""
        if name.startswith("<|"):
            part, _, code = name.strip("<|>").rpartition("_")
            return self.words + self.codes * PARTS.index(part) + int(code)
        return self.tokenizer.token_to_id(name)

    def text(self, ids: Sequence[int]) -> str:
        """Return the words of ids; marks and codes are left out."""
        return self.tokenizer.decode([i for i in ids if len(MARKS) <= i < self.words]).strip()


def learned(captions: Iterable[str], words: int = WORDS) -> Vocabulary:
    """Return a vocabulary whose word pieces are learned from captions and from the wordings of all sub-tasks."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE(unk_token=None))
    split = [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=True)]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(split)  # pyright: ignore[reportAttributeAccessIssue]
    tokenizer.decoder = decoders.ByteLevel()  # pyright: ignore[reportAttributeAccessIssue]
    trainer = trainers.BpeTrainer(
        vocab_size=words,
        special_tokens=list(MARKS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    told = sorted({cleaned(c) for c in captions})
    tokenizer.train_from_iterator([*told, *_asked() * max(1, len(told) // 1000)], trainer)
    return Vocabulary(tokenizer)


def opened(file: Path) -> Vocabulary:
    """Return the vocabulary of a ``tokenizer.json``; CrossbodyError for another file."""
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises its plainest kind
        raise CrossbodyError(f"{file} is no tokenizer: {error}. `uv run train humanoid_vla` writes one.") from error
    marks = [tokenizer.id_to_token(i) for i in range(len(MARKS))]
    if marks != list(MARKS):
        raise CrossbodyError(f"{file} begins with {', '.join(map(str, marks))}; expected the marks {', '.join(MARKS)}.")
    return Vocabulary(tokenizer)


def _asked() -> list[str]:
    """All wordings with names filled in and other holes left out."""
    return [
        " ".join(task.names().get(piece, "") if hole else piece for hole, piece in pieces(wording))
        for task in sub_tasks().values()
        for wording in task.wordings
    ]
