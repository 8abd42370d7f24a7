"""What a run shows while it goes on."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from crossbody.contracts import EpisodeRow
from evaluators.loop.durations import expected_rest
from evaluators.loop.progress import Progress, Tally


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def row(episode: str, success: bool | None = True, elapsed_s: float = 10.0, **changes) -> EpisodeRow:
    status = "error" if success is None else "ok"
    plain = dict(task="A", split="", family="", index=0, seed=0, attempt=1, steps=1, instruction="", scene_hash="")
    rest = dict(first_success_step=None, trace_hash="", error="it broke", worker=0)
    return EpisodeRow(
        **{**plain, **rest, "episode": episode, "status": status, "success": success, "elapsed_s": elapsed_s, **changes}
    )


def test_the_line_has_done_rate_with_interval_speed_time_left_and_what_went_wrong():
    clock = Clock()
    tally = Tally(total=10, workers=2, clock=clock)
    for name in "ab":
        tally.start(name)
    clock.now = 10.0
    tally.record(row("a"), final=True)
    tally.record(row("b", None), final=False)
    assert tally.summary() == ("1/10 episodes · success 100.0% [20.7%, 100.0%] · 12.0/min · 45 s left · 1 retried")
    tally.start("b")
    clock.now = 20.0
    tally.record(row("b", None, attempt=2), final=True)
    assert tally.summary().startswith("2/10 episodes · success 50.0% [9.5%, 90.5%] · 9.0/min · 40 s left · 1 without")


def test_the_time_left_counts_down_while_episodes_run_and_is_not_that_of_the_short_ones():
    clock = Clock()
    tally = Tally(total=4, workers=2, clock=clock)
    assert tally.seconds_left() is None
    for name in "abcd"[:2]:
        tally.start(name)
    clock.now = 10.0
    tally.record(row("a"), final=True)
    tally.start("c")
    clock.now = 14.0
    # b has run for 14 s, longer than a: half the mean more is assumed. c is 4 s old, d still waits.
    fresh = expected_rest([10.0], [14.0, 4.0])
    assert fresh > 10.0
    assert tally.seconds_left() == pytest.approx((fresh + 5.0 + expected_rest([10.0], [14.0, 4.0], 4.0)) / 2)


def test_a_resumed_run_knows_its_durations_but_not_yet_its_speed():
    clock = Clock()
    tally = Tally(total=3, workers=1, clock=clock)
    tally.record(row("a"), final=True)
    clock.now = 1.0
    assert tally.summary() == "1/3 episodes · success 100.0% [20.7%, 100.0%] · 0.0/min · 20 s left"


def test_off_a_terminal_there_is_a_plain_line_now_and_then_and_failures_at_once(monkeypatch):
    out, clock = io.StringIO(), Clock()
    monkeypatch.setattr("evaluators.loop.progress.time.monotonic", clock)
    with Progress(Tally(2, 1, clock), Console(file=out, width=40)) as progress:
        progress.started("A/0000")
        for clock.now in (1.0, 9.0, 11.0, 12.0, 22.0):
            progress.tick()
        progress.recorded(row("A/0000", None, error="the worker was killed"), final=False)
    assert out.getvalue().splitlines() == [
        "0/2 episodes · time left unknown before the first ends",
        "0/2 episodes · time left unknown before the first ends",
        "A/0000 attempt 1 error: the worker was killed (again)",
        "0/2 episodes · 20 s left · 1 retried",
    ]


def test_on_a_terminal_there_is_a_live_bar():
    out = io.StringIO()
    console = Console(file=out, width=120, force_terminal=True)
    with Progress(Tally(2, 1), console) as progress:
        progress.started("a")
        progress.recorded(row("a"), final=True)
        progress._shown = 0.0
        progress.tick()
    assert "━" in out.getvalue()
    assert "1/2 episodes · success 100.0%" in out.getvalue()


def test_expected_durations_by_hand():
    assert expected_rest([10.0, 10.0], [3.0, 5.0]) == pytest.approx(10.0)
    assert expected_rest([10.0, 10.0], [3.0, 5.0], age=3.0) == pytest.approx(7.0)
    # one of two ended at 10, the other is past it: 10 for sure, then half of them half the mean more
    assert expected_rest([10.0], [15.0]) == pytest.approx(10.0 + 0.5 * 5.0)
    assert expected_rest([10.0], [15.0], age=15.0) == pytest.approx(5.0)


@given(st.lists(st.floats(0.1, 100), min_size=1, max_size=30))
def test_when_nothing_runs_the_expectation_is_the_mean(ended):
    assert expected_rest(ended, []) == pytest.approx(sum(ended) / len(ended))


def test_nothing_is_known_before_something_has_ended():
    with pytest.raises(ValueError, match="nothing has ended"):
        expected_rest([], [1.0])
