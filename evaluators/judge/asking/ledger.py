"""The budget: a request is only sent when even its dearest outcome fits."""

from __future__ import annotations

import threading


class Ledger:
    """Counts what was spent and what is under way, in USD. Without a limit everything fits."""

    def __init__(self, limit: float | None, spent: float = 0.0):
        self.limit, self.spent = limit, spent
        self._reserved = 0.0
        self._changed = threading.Condition()

    def reserve(self, usd: float) -> bool:
        """Set an amount aside and return True, or return False when it does not fit.

        Where it would fit if requests under way come out cheaper than they may, it waits for them.
        """
        with self._changed:
            while self.limit is not None and self.spent + self._reserved + usd > self.limit + 1e-12:
                if not self._reserved:
                    return False
                self._changed.wait()
            self._reserved += usd
            return True

    def settle(self, reserved: float, spent: float) -> None:
        """Replace an amount set aside by what it came to."""
        with self._changed:
            self._reserved = 0.0 if abs(self._reserved - reserved) < 1e-12 else self._reserved - reserved
            self.spent += spent
            self._changed.notify_all()
