"""Trying again: how often, how long to wait, and what the server asked for."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from evaluators.judge.asking.patience import Patience
from evaluators.judge.questions.question import Failed, Reply

SECONDS = re.compile(r"(\d+(?:\.\d+)?)s")


def persist(ask: Callable[[], Reply], patience: Patience, wait: Callable[[float], bool]) -> tuple[Reply, int]:
    """Return the reply and the number of tries. ``wait(s)`` returns True when the run was stopped meanwhile.

    Raises the last Failed, whose ``tries`` says how many there were.
    """
    for number in range(1, patience.tries + 1):
        try:
            return ask(), number
        except Failed as failure:
            failure.tries = number
            pause = max(failure.hint_s, patience.first_wait_s * 2 ** (number - 1))
            if failure.hint_s > patience.longest_wait_s:
                failure.reason += f"; the server asks to wait {failure.hint_s:g} s, more than --patience.longest-wait-s"
                raise
            if not failure.again or number == patience.tries or wait(min(pause, patience.longest_wait_s)):
                raise
    raise AssertionError("unreachable: tries >= 1")


def hint_of(headers: Mapping[str, str], details: Any) -> float:
    """Return the seconds that a server asks to wait, from its Retry-After header or Google's RetryInfo; 0 without either."""
    return max(_header(headers.get("retry-after", "")), _retry_info(details))


def _header(value: str) -> float:
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return 0.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    return max(0.0, (moment - datetime.datetime.now(datetime.UTC)).total_seconds())


def _retry_info(details: Any) -> float:
    body = details.get("error", details) if isinstance(details, Mapping) else {}
    entries = body.get("details", []) if isinstance(body, Mapping) else []
    delays = [e.get("retryDelay", "") for e in entries if isinstance(e, Mapping)] if isinstance(entries, list) else []
    return max((float(m[1]) for d in delays if (m := SECONDS.fullmatch(str(d)))), default=0.0)
