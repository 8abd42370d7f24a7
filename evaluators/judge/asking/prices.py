"""What a request costs: a price table as data, an estimate before and a bill after."""

from __future__ import annotations

import datetime
import math
import tomllib
from dataclasses import dataclass
from pathlib import Path

from crossbody.errors import CrossbodyError
from evaluators.judge.questions.schema import Usage

STANDARD = Path(__file__).with_name("prices.toml")
LETTERS_PER_TOKEN = 3  # English is nearer 4: an estimate for a budget must not be too low
TYPICAL_OUTPUT = 1500  # tokens of thinking and answer; only the estimate uses it, never the budget
MILLION = 1_000_000


@dataclass(frozen=True)
class Price:
    """USD per million tokens of a model, and how many tokens a small frame costs at most."""

    input: float
    output: float
    image_tokens: int
    date: str  # when the table was read
    until: str = ""  # last day on which it holds, '' when it has no end

    def bill(self, usage: Usage) -> float:
        """Return the USD of a request from the tokens that the service counted."""
        return (usage.input * self.input + (usage.output + usage.thinking) * self.output) / MILLION

    def estimate(self, letters: int, images: int, output_tokens: int) -> float:
        """Return the USD of a request with this much text and this many frames."""
        return (self.input_tokens(letters, images) * self.input + output_tokens * self.output) / MILLION

    def input_tokens(self, letters: int, images: int) -> int:
        """Return an upper estimate of the tokens of a request."""
        return math.ceil(letters / LETTERS_PER_TOKEN) + images * self.image_tokens


def price_of(model: str, file: Path = STANDARD) -> Price | None:
    """Return the price of a model, or None when the table does not have it or its price has run out."""
    try:
        table = tomllib.loads(file.read_text())
        entry = table["models"].get(model)
        price = Price(**entry, date=table["date"]) if entry else None
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise CrossbodyError(
            f"the price table {file} cannot be read: {error}. Start from a copy of {STANDARD}."
        ) from error
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return None if price and price.until and today > price.until else price
