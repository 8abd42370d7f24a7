"""The budget: a request is only sent when even its dearest outcome fits."""

from __future__ import annotations

import threading


class Ledger:
    """Counts what was spent and what is under way, in USD. Without a limit everything fits."""

    def __init__(self, limit: float | None, spent: float = 0.0):
        self.limit, self.spent = limit, spent
        self._reserved = 0.0
        self._lock = threading.Lock()

    def reserve(self, usd: float) -> bool:
        """Set an amount aside and return True, or return False when it does not fit."""
        with self._lock:
            fits = self.limit is None or self.spent + self._reserved + usd <= self.limit + 1e-12
            self._reserved += usd if fits else 0.0
            return fits

    def settle(self, reserved: float, spent: float) -> None:
        """Replace an amount set aside by what it came to."""
        with self._lock:
            self._reserved -= reserved
            self.spent += spent
