"""A page on which every motion moves: stick figures of the fifteen key points, drawn by the browser,
nothing fetched."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from envs.humanoid.motions import library
from tasks.motion.keypoints import KEYPOINTS
from tasks.motion.motion import Motion

SHOWN_FPS = 25


def write(clips: Mapping[str, Motion], title: str, summary: str, out: Path) -> Path:
    """Write clips by name as one self-contained HTML file, grouped by the part of the name before the slash;
    returns ``out``."""
    import jinja2

    cards = [_card(index, name, motion) for index, (name, motion) in enumerate(clips.items())]
    groups: dict[str, list[dict[str, Any]]] = {}
    for card in cards:
        groups.setdefault(card["name"].rpartition("/")[0] or "motions", []).append(card)
    template = jinja2.Template(Path(__file__).with_name("gallery.html").read_text(encoding="utf8"), autoescape=True)
    page = template.render(
        title=title,
        summary=summary,
        groups=[{"kind": kind.replace("_", " "), "clips": found} for kind, found in groups.items()],
        data=json.dumps([_frames(motion) for motion in clips.values()], separators=(",", ":")),
        bones=json.dumps([[point.parent, index] for index, point in enumerate(KEYPOINTS) if point.parent >= 0]),
        sides=json.dumps([point.name[0] if point.name.startswith(("left", "right")) else "" for point in KEYPOINTS]),
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(page, encoding="utf8")
    return out


def _card(index: int, name: str, motion: Motion) -> dict[str, Any]:
    kind, _, seed = name.rpartition("/")
    split = library.split_of(kind, int(seed)).replace("_", " ") if kind in library.KINDS and seed.isdigit() else ""
    seconds = f"{(len(motion.keypoints) - 1) / motion.fps:.1f}"
    return {"index": index, "name": name, "seconds": seconds, "split": split, "texts": motion.texts}


def _frames(motion: Motion) -> dict[str, Any]:
    """Whole centimetres, from the lowest point up, at no more than SHOWN_FPS."""
    every = max(1, round(motion.fps / SHOWN_FPS))
    points = motion.keypoints[::every] - [0, 0, min(motion.keypoints[..., 2].min() - 0.03, 0.0)]
    return {"fps": motion.fps / every, "frames": np.rint(100 * points).astype(int).reshape(len(points), -1).tolist()}
