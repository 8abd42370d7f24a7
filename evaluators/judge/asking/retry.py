"""Trying again: how often, and how long to wait."""

from __future__ import annotations

from collections.abc import Callable

from evaluators.judge.asking.patience import Patience
from evaluators.judge.questions.question import Failed, Reply


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
