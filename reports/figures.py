"""Figures as inline SVG. Colours are CSS variables, so that a page's light and dark themes hold for them too."""

from __future__ import annotations

import io
import math
import re
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

THEME = {"#010101": "--ink", "#020202": "--faint", "#030303": "--grid", "#040404": "--ours", "#050505": "--theirs"}
"""Colour drawn -> variable of the page. No other colour is drawn."""

INK, FAINT, GRID, OURS, THEIRS = THEME
WIDTH = 4.6  # inches; at 72 dots each a phone shows the figure unscaled
ROW, ROW_WITH_MARKS = 0.26, 0.36
MARKS = "osD^vPX*"
ROOM = 0.06  # of the axis, beyond the largest value
LABEL = 30  # characters of a label's line


def intervals(records: Sequence[dict[str, Any]]) -> str:
    """Return a plot of one column: a system per row with its interval, ours above and marked by a band."""
    shown = [r for r in records if not math.isnan(r["value"])]
    names = [_wrapped(r["system"]) for r in shown]
    figure, axes = _canvas(len(shown), ROW_WITH_MARKS if any("\n" in name for name in names) else ROW)
    _scale(axes, shown)
    for y, r in enumerate(shown):
        own = r["origin"] == "run"
        colour = OURS if own else THEIRS
        value, low, high = (_shown(r, key) for key in ("value", "low", "high"))
        if own and not math.isnan(low):
            axes.axvspan(low, high, color=OURS, alpha=0.12, linewidth=0)
        axes.plot([low, high], [y, y], color=colour, linewidth=2, solid_capstyle="round")
        axes.plot(value, y, marker="o", markersize=5.5, color=colour)
    _rows(axes, names, bold=[r["origin"] == "run" for r in shown])
    return _svg(figure)


def task_bars(records: Sequence[dict[str, Any]], labels: Sequence[str]) -> str:
    """Return bars of one group's tasks with our intervals; published systems that print tasks are marks on each row.

    ``records`` holds every system's number for every task of the group, ``labels`` the tasks' names in their order.
    """
    names = list(dict.fromkeys(r["column"] for r in records))
    systems = list(dict.fromkeys((r["origin"], r["system"]) for r in records))
    own = [s for s in systems if s[0] == "run"]
    others = [s for s in systems if s[0] == "published"][: len(MARKS)]
    entries = len(others) + (len(own) if len(own) > 1 else 0)
    figure, axes = _canvas(len(names), ROW_WITH_MARKS if others else ROW, legend=math.ceil(entries / 2))
    for k, system in enumerate(own):
        height = (0.44 if others else 0.72) / len(own)
        for r in _of(records, system):
            y = names.index(r["column"]) - (0.4 if others else 0.36) + height * (k + 0.5)
            first = r["column"] == names[0] and len(own) > 1
            axes.barh(y, _percent(r), height, color=OURS, alpha=0.42 / (k + 1), label=system[1] if first else None)
            axes.plot([100 * r["low"], 100 * r["high"]], [y, y], color=OURS, linewidth=1.6)
    for system, mark in zip(others, MARKS, strict=False):
        found = _of(records, system)
        axes.plot(
            [_percent(r) for r in found],
            [names.index(r["column"]) + 0.24 for r in found],
            marker=mark,
            linestyle="",
            markersize=4.4,
            markerfacecolor="none",
            markeredgewidth=0.8,
            color=INK,
            label=system[1],
        )
    _rows(axes, list(labels), bold=[False] * len(names))
    if axes.get_legend_handles_labels()[1]:
        figure.legend(loc="lower center", ncols=2, frameon=False, fontsize=8, labelcolor=INK)
    return _svg(figure)


def _of(records: Sequence[dict[str, Any]], system: tuple[str, str]) -> list[dict[str, Any]]:
    return [r for r in records if (r["origin"], r["system"]) == system]


def _shown(record: dict[str, Any], key: str) -> float:
    return (100 if record["unit"] == "%" else 1) * record[key]


def _percent(record: dict[str, Any]) -> float:
    return 0.0 if math.isnan(record["value"]) else 100 * record["value"]


def _canvas(rows: int, row: float = ROW, legend: int = 0) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    height = row * rows + 0.35 + 0.2 * legend
    figure = Figure(figsize=(WIDTH, height))
    axes = figure.add_axes((0.41, (0.3 + 0.2 * legend) / height, 0.55, row * rows / height))
    axes.set_xlim(0, 100)
    axes.set_ylim(rows - 0.5, -0.5)
    axes.set_xticks([0, 25, 50, 75, 100])
    axes.tick_params(length=0, labelsize=8, labelcolor=FAINT)
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_facecolor("none")
    for spine in axes.spines.values():
        spine.set_visible(False)
    return figure, axes


def _scale(axes: Axes, records: Sequence[dict[str, Any]]) -> None:
    """Make the axis hold every value and interval: percents on 0 to 100,
    everything else from 0 to what the data need."""
    if all(r["unit"] == "%" and 0 <= r["value"] <= 1 for r in records):
        return
    from matplotlib.ticker import MaxNLocator

    ends = [v for r in records for v in (_shown(r, k) for k in ("value", "low", "high")) if math.isfinite(v)]
    low, high = min([0.0, *ends]), max([0.0, *ends])
    room = ROOM * (high - low or 1.0)
    axes.set_xlim(low - (room if low < 0 else 0), high + room)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=4))


def _wrapped(name: str) -> str:
    """Return a label in at most two lines that fit beside the axis."""
    lines = textwrap.wrap(name, LABEL) or [name]
    return "\n".join([lines[0], textwrap.shorten(" ".join(lines[1:]), LABEL, placeholder="…")] if lines[1:] else lines)


def _rows(axes: Axes, labels: Sequence[str], bold: Sequence[bool]) -> None:
    axes.set_yticks(range(len(labels)), labels, fontsize=8.5)
    for text, heavy in zip(axes.get_yticklabels(), bold, strict=True):
        text.set(color=OURS if heavy else INK, fontweight="bold" if heavy else "normal")


def _svg(figure: Figure) -> str:
    import matplotlib

    buffer = io.StringIO()
    # Text stays text (searchable, in the page's font); the fixed salt and no date keep the page the same to the byte.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "crossbody"}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    for colour, variable in THEME.items():
        text = text.replace(colour, f"var({variable})")
    return _own_ids(text)


def _own_ids(svg: str) -> str:
    """Make the ids of a figure its own: several figures stand in one page, and matplotlib names parts alike in each."""
    import hashlib

    prefix = "f" + hashlib.sha256(svg.encode()).hexdigest()[:8]
    svg = re.sub(r'\bid="', f'id="{prefix}-', svg)
    return re.sub(r"(url\(#|href=\"#)", rf"\g<1>{prefix}-", svg)
