"""Keys stay out of everything that is written."""

from __future__ import annotations

import re
from collections.abc import Mapping

NAMES = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL", re.IGNORECASE)
SHORTEST = 8  # a shorter value is hardly a key, and would take ordinary words out of the text
BEARER = re.compile(r"(?i)\b(bearer|x-goog-api-key|key)(\s*[:=]\s*|\s+)([\w.~+/-]{16,}=*)")


class Redactor:
    """Replaces the values of environment variables that look like keys, and anything written like one."""

    def __init__(self, environment: Mapping[str, str]):
        found = {v.strip() for k, v in environment.items() if NAMES.search(k)}
        self._secrets = sorted((v for v in found if len(v) >= SHORTEST), key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """Return the text without keys."""
        for secret in self._secrets:
            text = text.replace(secret, "[key]")
        return BEARER.sub(r"\1\2[key]", text)
