"""Figures of the papers' tables as inline SVG: a small panel per column, or lines over an axis.

Colours are the page's CSS variables; text stays text. Nothing is loaded.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from reports.papers.grid import Grid, System
from reports.papers.numbers import OURS, PERCENT, Number

WIDTH, LABELS, RIGHT = 340, 154, 14
ROW, TOP, BOTTOM = 19, 6, 22
LINES_HEIGHT = 220
LABEL_LENGTH, BOLD_LENGTH = 24, 21
"""Letters of a name that have room; ours are bold, and wider."""
HUES = 3
"""Printed lines have this many colours of the page; further ones start anew, dashed. Ours has its own."""

RANGES = {PERCENT: (0.0, 100.0), "1–5": (1.0, 5.0), "fraction": (0.0, 1.0)}
"""Units whose axis is the same in every panel."""


@dataclass(frozen=True)
class Panel:
    """A titled figure."""

    title: str
    svg: str


@dataclass(frozen=True)
class Axis:
    """Data to pixels."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        low, high, v = (math.log10(x) if self.log else x for x in (self.low, self.high, value))
        return self.start + (self.end - self.start) * (v - low) / (high - low)

    @property
    def ticks(self) -> list[float]:
        """Two to six round numbers."""
        if self.log:
            decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            found = [m * 10.0**d for d in decades for m in (1, 2, 5)]
        else:
            step = _step(self.high - self.low)
            found = [k * step for k in range(math.ceil(self.low / step), math.floor(self.high / step) + 1)]
        return [t for t in found if self.low <= t <= self.high]


def panels(grid: Grid) -> list[Panel]:
    """Return the figures of a table."""
    table = grid.table
    if table.figure == "lines":
        return [Panel(f"{table.y} over {table.x[0].lower()}{table.x[1:]}", _lines(grid))]
    if table.by_task:
        titles = {q.key: q.title for q in table.quantities}
        return [
            Panel(s.name, _dots([(titles[k], n) for k, n in s.numbers.items()], n_unit(s.numbers.values())))
            for s in grid.systems
        ]
    return [Panel(q.title, _column(grid, q.key, q.unit)) for q in table.quantities if q.unit != "yes/no"]


def n_unit(numbers: Iterable[Number]) -> str:
    """Return the unit that the numbers share."""
    return next(iter({n.unit for n in numbers}))


def _column(grid: Grid, key: str, unit: str) -> str:
    return _dots([(s.name, s.numbers[key]) for s in grid.systems if key in s.numbers], unit)


def _dots(rows: Sequence[tuple[str, Number]], unit: str) -> str:
    """Return one row per number: a dot, its interval, and for ours a band over the height."""
    shown = [(label, n) for label, n in rows if not math.isnan(n.value)]
    axis = Axis(*_range([n for _, n in shown], unit), LABELS, WIDTH - RIGHT)
    height = TOP + ROW * len(shown) + BOTTOM
    parts = [_vertical(axis, t, TOP, height - BOTTOM) for t in axis.ticks]
    for i, (label, n) in enumerate(shown):
        y, kind = TOP + ROW * (i + 0.5), "ours" if n.origin == OURS else "theirs"
        parts.append(
            f'<text class="{kind}" x="{LABELS - 8}" y="{y + 4:.1f}" '
            f'text-anchor="end">{_label(label, LABEL_LENGTH if kind == "theirs" else BOLD_LENGTH)}</text>'
        )
        if not math.isnan(n.low):
            left, right = (min(max(axis(v), axis.start), axis.end) for v in (n.low, n.high))
            parts.append(f'<line class="{kind}" x1="{left:.1f}" x2="{right:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>')
        hover = f"{escape(label)}: {escape(n.text)} {escape(n.unit)}"
        parts.append(
            f'<circle class="{kind}" cx="{axis(n.value):.1f}" cy="{y:.1f}" r="3.6"><title>{hover}</title></circle>'
        )
    return _svg(height, parts)


def _lines(grid: Grid) -> str:
    """Return a line per system over the axis of its columns."""
    series = [(s, points) for s in grid.systems if (points := _points(grid, s))]
    xs, ys = ([p[i] for _, points in series for p in points] for i in (0, 1))
    relative, unit = grid.table.relative, grid.table.quantities[0].unit
    far = min(xs) > 0 and max(xs) / min(xs) >= 10
    across = Axis(min(xs), max(xs), 34, WIDTH - 110, far)
    up = Axis(*((min(ys), max(ys) * 1.1) if relative else _range([], unit)), LINES_HEIGHT - BOTTOM, TOP, relative)
    parts = [_vertical(across, x, TOP, LINES_HEIGHT - BOTTOM) for x in sorted(set(xs)) if _clear(across, x, xs)]
    for t in up.ticks:
        y = up(t)
        parts.append(f'<line class="grid" x1="{across.start}" x2="{across.end}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="tick" x="{across.start - 5}" y="{y + 3:.1f}" text-anchor="end">{t:g}</text>')
    ends = _apart([up(points[-1][1]) for _, points in series])
    for k, ((system, points), end) in enumerate(zip(series, ends, strict=True)):
        hue = "ours" if system.origin == OURS else f"hue{k % HUES}" + (" dashed" if k >= HUES else "")
        path = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in points)
        parts.append(f'<polyline class="{hue}" points="{path}"/>')
        parts += [f'<circle class="{hue}" cx="{across(x):.1f}" cy="{up(y):.1f}" r="3"/>' for x, y in points]
        parts.append(f'<text class="{hue}" x="{across.end + 8}" y="{end + 4:.1f}">{_label(system.name, 17)}</text>')
    return _svg(LINES_HEIGHT, parts)


def _points(grid: Grid, system: System) -> list[tuple[float, float]]:
    found = [
        (float(q.x), system.numbers[q.key].value)
        for q in grid.table.quantities
        if q.x is not None and q.key in system.numbers and not math.isnan(system.numbers[q.key].value)
    ]
    if grid.table.relative and found:
        return [(x, y / found[0][1]) for x, y in found]
    return found


def _range(numbers: Sequence[Number], unit: str) -> tuple[float, float]:
    if unit in RANGES:
        return RANGES[unit]
    ends = [v for n in numbers for v in (n.value, n.low, n.high) if not math.isnan(v)]
    low, high = min(ends), max(ends)
    room = 0.06 * (high - low) or abs(high) * 0.1 or 1.0
    return low - room, high + room


def _step(span: float) -> float:
    power = 10.0 ** math.floor(math.log10(span / 3))
    return next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= span / 4)


def _clear(axis: Axis, x: float, xs: Sequence[float]) -> bool:
    """Return whether a tick has room beside the one before it."""
    before = [v for v in xs if v < x]
    return not before or axis(x) - axis(max(before)) > 24


def _apart(heights: Sequence[float], room: float = 14) -> list[float]:
    """Return the heights moved so far apart that labels do not meet; their order is kept."""
    order = sorted(range(len(heights)), key=lambda i: heights[i])
    found, last = list(heights), -math.inf
    for i in order:
        found[i] = last = max(heights[i], last + room)
    return found


def _vertical(axis: Axis, value: float, top: float, bottom: float) -> str:
    x = axis(value)
    line = f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}"/>'
    return line + f'<text class="tick" x="{x:.1f}" y="{bottom + 14}" text-anchor="middle">{value:g}</text>'


def _label(text: str, length: int = LABEL_LENGTH) -> str:
    """Return a name that fits; of a longer one, its beginning and end."""
    tail = (length - 1) // 2
    return escape(text if len(text) <= length else f"{text[: length - 1 - tail]}…{text[-tail:]}")


def _svg(height: float, parts: Sequence[str]) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height:g}" role="img">{"".join(parts)}</svg>'
