"""How long a server asks to wait."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

SECONDS = re.compile(r"(\d+(?:\.\d+)?)s")


def hint_of(headers: Mapping[str, str], details: Any) -> float:
    """Return the seconds that a server asks to wait, from its Retry-After header or Google's RetryInfo;
    0 without either."""
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
