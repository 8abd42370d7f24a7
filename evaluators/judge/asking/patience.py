"""How long a question is pursued. Imports nothing heavy: ``--help`` reads it."""

from __future__ import annotations

from dataclasses import dataclass

from crossbody.errors import CrossbodyError


@dataclass(frozen=True)
class Patience:
    """How long a question is pursued."""

    timeout_s: float = 180.0
    """Seconds that one request may take."""
    tries: int = 5
    """Requests per question, the first included."""
    first_wait_s: float = 2.0
    """Seconds before the second try; doubled for each further one. A longer wait that the server asks for is kept."""
    longest_wait_s: float = 120.0
    """A server that asks for a longer wait than this is not waited for; the question stays open for the next run."""
    give_up_after: int = 5
    """Failed questions in a row after which the run stops, because the endpoint is gone."""

    def check(self) -> Patience:
        """Return itself; a value that makes no sense raises CrossbodyError."""
        for name, least in (("timeout_s", 1e-3), ("tries", 1), ("first_wait_s", 0), ("longest_wait_s", 0)):
            if getattr(self, name) < least:
                raise CrossbodyError(f"--patience.{name} is {getattr(self, name)}; it must be at least {least}")
        if self.give_up_after < 1:
            raise CrossbodyError(f"--patience.give-up-after is {self.give_up_after}; it must be at least 1")
        return self
