"""A question: one pair in one order, one repeat; what a judge gets to see,
and the key under which its answer is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from crossbody.contracts import digest
from evaluators.judge.questions.clips import Shot
from evaluators.judge.questions.rubric import Rubric
from evaluators.judge.questions.schema import Order, Usage, Verdict

ORDERS: tuple[Order, Order] = ("reference_first", "generated_first")


@dataclass(frozen=True)
class Question:
    """Clip A and clip B, and what was asked about them. A judge sees no id, no name,
    and not which clip is the reference."""

    key: str
    pair: str
    repeat: int  # 1-based; also the seed of sampling
    order: Order
    instruction: str
    a: Shot
    b: Shot
    rubric: Rubric

    def parts(self) -> Iterator[str | bytes]:
        """Yield the message in order: texts, and each frame as JPEG bytes after its caption."""
        if self.instruction:
            yield self.rubric.instruction_line.format(instruction=self.instruction)
        for letter, shot in (("A", self.a), ("B", self.b)):
            yield self.rubric.clip_line.format(letter=letter, count=len(shot.pictures))
            for number, (picture, time) in enumerate(zip(shot.pictures, shot.times_s, strict=True), 1):
                shown = f"{time:.2f} s" if time is not None else f"{number} of {len(shot.pictures)}"
                yield self.rubric.frame_line.format(letter=letter, number=number, time=shown)
                yield picture
        yield self.rubric.closing_line

    @property
    def letters(self) -> int:
        """Characters of text, the instructions included."""
        return len(self.rubric.instructions) + sum(len(p) for p in self.parts() if isinstance(p, str))

    @property
    def images(self) -> int:
        return len(self.a.pictures) + len(self.b.pictures)


@dataclass(frozen=True)
class Reply:
    """What came back from a judge. ``refused`` says why when there is no text because the judge declined."""

    text: str
    model_version: str = ""
    response_id: str = ""
    finish_reason: str = ""
    usage: Usage | None = None
    refused: str = ""


class Failed(Exception):
    """No answer came. ``again``: trying again may help; ``hint_s``: the wait that the server asked for; ``fatal``:
    every other question would fail alike; ``charged``: the request may have been charged all the same."""

    def __init__(
        self, reason: str, *, again: bool = False, hint_s: float = 0.0, fatal: bool = False, charged: bool = False
    ):
        super().__init__(reason)
        self.reason, self.again, self.hint_s, self.fatal, self.charged = reason, again, hint_s, fatal, charged
        self.tries = 1


@dataclass(frozen=True)
class Asked:
    """What the command is told that every provider may need."""

    model: str  # '' for the provider's own choice
    rubric: Rubric
    timeout_s: float  # of one request


class Provider(Protocol):
    """Anything that answers questions, from several threads at once."""

    name: str  # as in the catalog
    judge: str  # language_model, program, motion_statistics, …: what kind of judge it is
    model: str
    priced: bool  # whether a price table can say what a request costs

    @property
    def verdict(self) -> type[Verdict]:
        """The schema that its answers must keep."""
        ...

    def settings(self) -> Mapping[str, Any]:
        """Return what of it can move a score; part of every key."""
        ...

    def open(self) -> None:
        """Connect; a missing key or credential raises CrossbodyError. Settings are known without it."""
        ...

    def ask(self, question: Question) -> Reply:
        """Return the reply, or raise Failed."""
        ...

    def close(self) -> None: ...


def key_of(context: Mapping[str, Any], clips: tuple[str, str], instruction: str, repeat: int, order: Order) -> str:
    """Return the key of a question: what is asked, of whom, about which bytes; names and ids do not enter."""
    return digest(
        {"context": dict(context), "clips": list(clips), "instruction": instruction, "repeat": repeat, "order": order}
    )


def orders(clips: tuple[str, str], repeat: int, swap: bool) -> tuple[Order, ...]:
    """Return the orders of a repeat: both, or one that the clips' bytes draw, so that neither role is first by rule."""
    if swap:
        return ORDERS
    return (ORDERS[int(digest([*clips, repeat]), 16) % 2],)
