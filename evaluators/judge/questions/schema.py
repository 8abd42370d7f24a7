"""The records of a judging run: pairs that come in, verdicts that judges give, answers that are kept."""

from __future__ import annotations

import json
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

DIMENSIONS = ("semantic", "temporal", "geometric")
Order = Literal["reference_first", "generated_first"]
Status = Literal["ok", "invalid", "refused", "failed"]
FINAL = ("ok", "invalid", "refused")
"""Statuses of an answer that came and was paid for; it is not asked for again."""
NOTHING = ("", "null", "[]", "{}")
"""Texts that say nothing: a service that sends one is asked again."""
NO_ANSWER = "the answer is empty"
ONCE_FINAL = (NO_ANSWER, "the service sent no candidate")
"""Reasons that earlier versions kept as final answers."""

Score = Annotated[float, Field(ge=1, le=5, strict=True, allow_inf_nan=False)]
WholeScore = Annotated[int, Field(ge=1, le=5, strict=True)]


class Pair(BaseModel):
    """One line of a pairs file. Nothing of it but the clips' pixels and the instruction ever reaches a judge."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(min_length=1)
    reference: str = Field(min_length=1)
    generated: str = Field(min_length=1)
    instruction: str = ""
    task: str = ""
    direction: str = ""
    method: str = ""

    @field_validator("*", mode="before")
    @classmethod
    def _number_as_text(cls, value: object) -> object:
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class Verdict(BaseModel):
    """What a judge answers: three scores from 1 to 5 and a sentence."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    semantic: Score
    temporal: Score
    geometric: Score
    comment: str = ""

    @property
    def overall(self) -> float:
        """The mean of the three."""
        return (self.semantic + self.temporal + self.geometric) / 3


class WholeVerdict(Verdict):
    """A verdict in whole numbers, as language models are asked for."""

    semantic: WholeScore  # type: ignore[assignment]
    temporal: WholeScore  # type: ignore[assignment]
    geometric: WholeScore  # type: ignore[assignment]


class Usage(BaseModel):
    """Tokens as the service counted them."""

    input: int = 0
    output: int = 0
    thinking: int = 0
    total: int = 0


class Frame(BaseModel):
    """One frame that was sent: which one of its clip, its time, and the picture's file name in ``frames/``."""

    index: int
    time_s: float | None
    picture: str


class Answer(BaseModel):
    """One question and what came of it: a line of ``answers.jsonl``. Scores are None unless the status is ``ok``."""

    key: str
    pair: str
    repeat: int
    order: Order
    status: Status
    semantic: float | None = None
    temporal: float | None = None
    geometric: float | None = None
    overall: float | None = None
    reason: str = ""  # why there is no score
    comment: str = ""
    raw: str = ""  # the answer as it came
    provider: str
    judge: str  # language_model, program or motion_statistics: what kind of judge this is
    model: str
    model_version: str = ""
    response_id: str = ""
    finish_reason: str = ""
    usage: Usage | None = None
    cost_usd: float | None = None
    cost_basis: Literal["", "billed", "assumed"] = ""  # assumed: no answer came, but the request may have been charged
    rubric_version: str
    rubric_hash: str
    reference_frames: list[Frame] = []
    generated_frames: list[Frame] = []
    tries: int = 0
    cached: bool = False
    asked_at: str = ""  # ISO 8601, UTC
    elapsed_s: float = 0.0

    @property
    def final(self) -> bool:
        """Whether it is not asked for again."""
        return self.status in FINAL and self.reason not in ONCE_FINAL


def read_verdict(text: str, kind: type[Verdict]) -> tuple[Verdict | None, str]:
    """Return the verdict, or None with the sentence that says why the text is none. Nothing is repaired or guessed."""
    stripped = text.strip()
    if not stripped:
        return None, NO_ANSWER
    if stripped.startswith("```"):
        return None, "the answer is wrapped in a code fence; bare JSON was asked for"
    try:
        return kind.model_validate_json(stripped), ""
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=True)[0]
        if first["type"] == "json_invalid":
            what = "breaks off or is malformed JSON" if stripped.startswith("{") else "is prose, not JSON"
            return None, f"the answer {what} ({len(stripped)} characters)"
        where = ".".join(map(str, first["loc"])) or "the answer"
        got = "" if first["type"] == "missing" else f", got {_value(stripped, first['loc'])}"
        return None, f"{where}: {first['msg'][:1].lower() + first['msg'][1:]}{got}"


def _value(text: str, where: tuple[int | str, ...]) -> str:
    """Return what stands at a place of a JSON text, as JSON; the validator's own record of it does not tell 9 from
    "9"."""
    value = json.loads(text)
    for step in where:
        value = value[step]
    return json.dumps(value)[:60]
