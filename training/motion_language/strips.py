"""Motions as strips: nine moments of a stick figure from ahead and to the side, left and right limbs in two colours."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tasks.motion.keypoints import KEYPOINTS
from tasks.motion.parts import FPS

MOMENTS, APART_M, FROM_DEG = 9, 1.1, 35.0
COLOURS = {"left": "tab:orange", "right": "tab:blue"}


def write(motions: Sequence[np.ndarray], titles: Sequence[str], file: Path) -> None:
    """Draw motions (T, 15, 3), a row each, into a picture."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 1.5 * len(motions)), layout="constrained")
    for number, (points, title) in enumerate(zip(motions, titles, strict=True), 1):
        axes = figure.add_subplot(len(motions), 1, number)
        for place, frame in enumerate(np.linspace(0, len(points) - 1, MOMENTS).round().astype(int)):
            _figure(axes, points[frame], place * APART_M)
            axes.text(place * APART_M, -0.2, f"{frame / FPS:.1f} s", fontsize=6, ha="center")
        axes.set_title(title, fontsize=8, loc="left", pad=1)
        axes.set_aspect("equal")
        axes.set_ylim(-0.25, 1.45)
        axes.axis("off")
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=80)


def _figure(axes, points: np.ndarray, x: float) -> None:
    angle = np.deg2rad(FROM_DEG)
    local = points - [*points[0, :2], 0.0]
    across = x - local[:, 1] * np.cos(angle) - local[:, 0] * np.sin(angle)
    up = local[:, 2] + 0.12 * (local[:, 0] * np.cos(angle) - local[:, 1] * np.sin(angle))
    for number, point in enumerate(KEYPOINTS):
        if point.parent >= 0:
            colour = COLOURS.get(point.name.partition("_")[0], "black")
            axes.plot(across[[point.parent, number]], up[[point.parent, number]], color=colour, linewidth=1.6)
