"""Texts that motions are made from: cleaned alike for training and for whoever types one."""

from __future__ import annotations

import unicodedata

from crossbody.errors import CrossbodyError

LONGEST_TEXT = 300
"""Characters of a text; the longest caption that was trained on has about a third of it."""


def cleaned(text: str) -> str:
    """Return a text as it is learned: composed, lower case, single spaces, without angle brackets,
    so that none spells a mark."""
    plain = unicodedata.normalize("NFKC", text).lower()
    return " ".join(plain.replace("<", " ").replace(">", " ").split())


def checked(text: str) -> str:
    """Return the cleaned text; CrossbodyError when nothing is left or it is too long."""
    plain = cleaned(text)
    if not plain:
        raise CrossbodyError(
            "the text is empty; say what the motion shows, such as --text 'a person waves with the left hand'."
        )
    if len(plain) > LONGEST_TEXT:
        raise CrossbodyError(
            f"the text has {len(plain):,} characters; at most {LONGEST_TEXT} are read. Say one motion in one sentence."
        )
    return plain.rstrip(".!?, ") or plain
