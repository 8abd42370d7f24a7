"""Text that others wrote (errors, names, instructions), made fit for a terminal, a file and a spreadsheet."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

ERROR_CHARS = 2000
"""The longest error text that a row, a page or a line on the terminal holds."""

_UNFIT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters but tab and newline (they move a terminal's cursor),
and those that reverse the direction of writing."""


def printable(text: str) -> str:
    """Return the text with lone surrogates and control characters written as escapes; newlines and tabs stay.

    >>> printable("a\\x1b[2J" + chr(0xd800))
    'a\\\\x1b[2J\\\\ud800'
    """
    whole = text.encode("utf-8", "backslashreplace").decode()
    return _UNFIT.sub(lambda found: found[0].encode("unicode_escape").decode(), whole)


def one_line(text: str, limit: int = ERROR_CHARS) -> str:
    """Return the text in one printable line of about ``limit`` characters; what is cut off is counted."""
    line = printable(" ".join(text[: 4 * limit].split()))
    if len(line) <= limit and len(text) <= 4 * limit:
        return line
    return f"{line[:limit]} … ({len(text):,} characters in all)"


def csv_safe(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula: a quote stands before ``= + - @`` and before tabs.

    >>> csv_safe("=HYPERLINK(1)"), csv_safe("an agent")
    ("'=HYPERLINK(1)", 'an agent')
    """
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def say(console: Console, text: str, style: str = "", wrap: bool = False) -> None:
    """Print a text as it is: brackets and colons in it are no markup. ``wrap`` breaks it between words."""
    from rich.text import Text

    console.print(Text(printable(text), style=style), soft_wrap=not wrap)
