"""Axes hold what they show, whatever its unit, and labels are whole."""

import re

import pytest

from reports import figures


def record(value, unit, low=float("nan"), high=float("nan"), system="ours"):
    return {"system": system, "origin": "run", "value": value, "low": low, "high": high, "unit": unit}


def ticks(svg: str) -> list[float]:
    axis = svg[svg.index("matplotlib.axis_1") : svg.index("matplotlib.axis_2")]
    return [float(t.replace("\u2212", "-")) for t in re.findall(r">([-\u2212\d.]+)</text>", axis)]


@pytest.mark.parametrize(
    ("value", "low", "high", "unit", "most"),
    [(178.0, 160.0, 196.0, "mm", 200), (0.088, 0.08, 0.1, "rad", 0.12), (30.5, 29, 33, "dB", 40)],
)
def test_an_axis_holds_the_value_and_its_interval_in_their_own_unit(value, low, high, unit, most):
    shown = ticks(figures.intervals([record(value, unit, low, high)]))
    assert shown[0] == 0 and 0.6 * high <= max(shown) <= most
    figure, axes = figures._canvas(1)
    figures._scale(axes, [record(value, unit, low, high)])
    assert axes.get_xlim()[0] <= low and axes.get_xlim()[1] >= high


def test_percents_stay_on_0_to_100():
    assert ticks(figures.intervals([record(0.5, "%", 0.4, 0.6)])) == [0, 25, 50, 75, 100]


def test_values_below_zero_are_on_the_axis():
    figure, axes = figures._canvas(1)
    figures._scale(axes, [record(-3.0, "dB", -4.0, -2.0)])
    assert axes.get_xlim()[0] < -4 and axes.get_xlim()[1] >= 0


def test_a_long_label_is_broken_and_not_cut_at_the_left():
    name = "Humanoid-VLA, generated motions, tracked by humanoid_tracker of the second stage"
    svg = figures.intervals([record(0.5, "%", system=name), record(0.2, "%", system="short")])
    assert "Humanoid-VLA, generated" in svg and "short" in svg
    assert all(len(line) <= figures.LABEL for line in figures._wrapped(name).split("\n"))
