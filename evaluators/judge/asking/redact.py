"""Keys stay out of everything that is written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence

NAMES = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL", re.IGNORECASE)
SHORTEST = 8  # a shorter value is hardly a key, and would take ordinary words out of the text
SHORTEST_TYPED = 4  # of what stands behind an option that is named like a key
BEARER = re.compile(r"(?i)\b(bearer|x-goog-api-key|key)(\s*[:=]\s*|\s+)([\w.~+/-]{16,}=*)")
KNOWN = re.compile(r"\b(?:sk-|AIza|ghp_|github_pat_|hf_|xox[abp]-|AKIA)[\w-]{12,}")
"""How keys of well-known services begin."""
USER = re.compile(r"([a-zA-Z][\w+.-]*://)[^\s/@\"']+@")
"""User and password in the address of a server or a proxy."""


class Redactor:
    """Replaces the values of environment variables that look like keys, what is typed like one,
    and anything written so."""

    def __init__(self, environment: Mapping[str, str], typed: Sequence[str] = ()):
        found = {v.strip() for k, v in environment.items() if NAMES.search(k)}
        kept = {v for v in found if len(v) >= SHORTEST} | set(typed_secrets(typed))
        kept |= {json.dumps(secret)[1:-1] for secret in kept}  # as a file of JSON writes them
        self._secrets = sorted(kept, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """Return the text without keys."""
        for secret in self._secrets:
            text = text.replace(secret, "[key]")
        return USER.sub(r"\1[key]@", KNOWN.sub("[key]", BEARER.sub(r"\1\2[key]", text)))


def typed_secrets(words: Sequence[str]) -> Iterator[str]:
    """Yield what stands behind options and variables that are named like keys,
    as in ``--api-key X`` and ``TOKEN=X``."""
    for word, following in zip(words, [*words[1:], ""], strict=False):
        name, equals, value = word.partition("=")
        if not NAMES.search(name):
            continue
        if equals:
            secret = value
        else:
            secret = following if name.startswith("-") and not following.startswith("-") else ""
        if len(secret) >= SHORTEST_TYPED:
            yield secret
