"""How long episodes take, judged fairly while some are still running."""

from __future__ import annotations

from collections.abc import Sequence


def expected_rest(ended: Sequence[float], running: Sequence[float], age: float = 0.0) -> float:
    """Return the expected further duration of an episode of this age, in the unit of the arguments.

    ``ended`` are durations, ``running`` the ages of those under way, which count as "at least so long" (Kaplan and
    Meier
    1958): the mean of those that ended would be the mean of the short ones. Past the longest known duration, half the
    mean is assumed. Raises ValueError when nothing has ended.
    """
    if not ended:
        raise ValueError("nothing has ended, so nothing is known about durations")
    steps = _survival(ended, running)
    ends = [time for time, _ in steps]
    if age >= ends[-1]:
        return sum(ended) / len(ended) / 2
    area, alive_now, before, alive = 0.0, 1.0, age, 1.0
    for time, after in steps:
        if time <= age:
            alive_now = alive = after
            continue
        area += alive * (time - before)
        before, alive = time, after
    tail = alive * sum(ended) / len(ended) / 2
    return (area + tail) / alive_now


def _survival(ended: Sequence[float], running: Sequence[float]) -> list[tuple[float, float]]:
    """Return (duration, share of episodes that take longer) at each duration at which one ended."""
    everything = sorted([(t, True) for t in ended] + [(t, False) for t in running], key=lambda x: (x[0], not x[1]))
    alive, steps = 1.0, []
    for i, (time, has_ended) in enumerate(everything):
        if has_ended:
            alive *= 1 - 1 / (len(everything) - i)
            steps.append((time, alive))
    return steps
