"""A small set of drawn clips whose right order is known, so that a judge can be judged.

A two-jointed arm with a hand moves a block over a table. Every action gives four pairs with the same reference: the
truth (the same motion drawn again with other noise and light), the truth played backwards, the truth mirrored left to
right, and another action. A judge is of use when it scores them in this order.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from crossbody.runs import write_atomic
from crossbody.seeds import generator

METHODS = ("truth", "time_reversed", "mirrored", "other_clip")
FRAMES, HEIGHT, WIDTH = 32, 96, 128
SHOULDER = np.array([64.0, 92.0])
Moves = tuple[tuple[float, float, float, float], ...]  # (dx, dy, start, end): px, and the share of the clip's time


@dataclass(frozen=True)
class Action:
    """One action: what is said of it, where the hand starts, how it moves, and the block's colour and place."""

    instruction: str
    start: tuple[float, float]
    moves: Moves
    block: tuple[int, int, int]
    carries: bool = False
    swing: tuple[float, float, float] = (0.0, 0.0, 0.0)  # sideways px, upright px, turns in the second half


# Each keeps to one side of the picture, so that mirroring moves it; none is its own reversal.
ACTIONS = {
    "reach": Action("reach for the block", (20, 72), ((4, -34, 0, 0.3), (34, 16, 0.3, 0.6)), (60, 110, 190)),
    "reach_then_retract": Action(
        "touch the block and draw back", (104, 40), ((-22, 30, 0, 0.35), (26, -8, 0.6, 0.95)), (200, 60, 60)
    ),
    "lift": Action("lift the block straight up", (24, 70), ((-2, -46, 0.3, 0.75),), (70, 160, 80), carries=True),
    "push": Action("push the block to the right", (70, 60), ((38, -5, 0.35, 1.0),), (220, 200, 70), carries=True),
    "place": Action(
        "carry the block over and set it down",
        (112, 66),
        ((0, -36, 0, 0.3), (-34, -6, 0.3, 0.6), (-4, 32, 0.6, 0.85)),
        (150, 80, 170),
        carries=True,
    ),
    "stir": Action("move in and stir", (34, 30), ((-8, 26, 0, 0.4),), (60, 180, 190), swing=(11, 7, 2.0)),
    "wave": Action("raise the hand and wave", (98, 70), ((10, -44, 0, 0.45),), (120, 120, 40), swing=(11, 0, 2.5)),
}


def write(folder: Path, seed: int = 0) -> Path:
    """Write clips as .npy files and ``pairs.jsonl``; return the latter. The same seed writes the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for action, about in ACTIONS.items():
        for method, (reference, generated) in clips(action, seed).items():
            names = f"{action}-reference.npy", f"{action}-{method}.npy"
            for name, clip in zip(names, (reference, generated), strict=True):
                buffer = io.BytesIO()
                np.save(buffer, clip)
                write_atomic(folder / name, buffer.getvalue())
            fields = {"reference": names[0], "generated": names[1], "instruction": about.instruction}
            lines.append(json.dumps({"id": f"{action}-{method}", **fields, "task": action, "method": method}))
    write_atomic(folder / "pairs.jsonl", ("\n".join(lines) + "\n").encode())
    return folder / "pairs.jsonl"


def clips(action: str, seed: int = 0) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return method -> (reference, generated) of an action, each uint8 (FRAMES, HEIGHT, WIDTH, 3)."""
    names = list(ACTIONS)
    other = names[(names.index(action) + 1 + seed % (len(names) - 1)) % len(names)]
    reference, again = draw(action, seed, "reference"), draw(action, seed, "again")
    return {
        "truth": (reference, again),
        "time_reversed": (reference, np.ascontiguousarray(again[::-1])),
        "mirrored": (reference, np.ascontiguousarray(again[:, :, ::-1])),
        "other_clip": (reference, draw(other, seed, "another")),
    }


def draw(action: str, seed: int, take: str) -> np.ndarray:
    """Return a clip of an action, uint8 (FRAMES, HEIGHT, WIDTH, 3); ``take`` changes noise and light,
    never the motion."""
    about, scene, rng = ACTIONS[action], generator(seed, f"scene/{action}"), generator(seed, f"{action}/{take}")
    hands = hand_path(about, scene.uniform(-4, 4, 2), scene.uniform(0.9, 1.1))
    blocks = hands + (0, 7) if about.carries else np.repeat(hands[:1] + (34, -14), FRAMES, 0)
    table, light = _table(scene), rng.uniform(0.92, 1.08)
    frames = [
        _frame(table, hand, block, about.block) * light + rng.normal(0, 2.5, table.shape)
        for hand, block in zip(hands, blocks, strict=True)
    ]
    return np.clip(np.stack(frames), 0, 255).astype(np.uint8)


def hand_path(action: Action, offset: np.ndarray, size: float) -> np.ndarray:
    """Return the hand's position in px (FRAMES, 2), its start shifted and its moves scaled."""
    s = np.linspace(0, 1, FRAMES)
    path = np.array(action.start) + offset + np.zeros((FRAMES, 2))
    for dx, dy, start, end in action.moves:
        path += size * np.outer(_eased(s, start, end), (dx, dy))
    sideways, upright, turns = action.swing
    angle = 2 * np.pi * turns * np.clip((s - 0.45) / 0.55, 0, 1) ** 1.3
    return path + size * np.stack([sideways * np.sin(angle), upright * (np.cos(angle) - 1)], -1)


def _eased(s: np.ndarray, start: float, end: float) -> np.ndarray:
    """Return progress from 0 to 1 between two times, with minimum jerk."""
    t = np.clip((s - start) / (end - start), 0, 1)
    return t**3 * (10 - 15 * t + 6 * t**2)


def _table(rng: np.random.Generator) -> np.ndarray:
    coarse = rng.uniform(-25, 25, (HEIGHT // 8, WIDTH // 8, 3))
    return np.array([150.0, 135.0, 115.0]) + np.kron(coarse, np.ones((8, 8, 1)))


def _frame(table: np.ndarray, hand: np.ndarray, block: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(float)
    picture = table.copy()
    elbow = (SHOULDER + hand) / 2 + np.array([-10.0, -4.0])
    _paint(picture, _box(x, y, block, 6), colour)
    _paint(picture, np.minimum(_bar(x, y, SHOULDER, elbow), _bar(x, y, elbow, hand)) - 4, (70, 70, 80))
    _paint(picture, np.hypot(x - hand[0], y - hand[1]) - 6, (215, 120, 80))
    return picture


def _paint(picture: np.ndarray, distance: np.ndarray, colour: tuple[int, int, int]) -> None:
    """Blend a shape in, given its signed distance in px, with an edge one pixel wide."""
    alpha = np.clip(0.5 - distance, 0, 1)[..., None]
    picture *= 1 - alpha
    picture += alpha * np.array(colour, dtype=float)


def _box(x: np.ndarray, y: np.ndarray, centre: np.ndarray, half: float) -> np.ndarray:
    return np.maximum(abs(x - centre[0]), abs(y - centre[1])) - half


def _bar(x: np.ndarray, y: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    along = b - a
    t = np.clip(((x - a[0]) * along[0] + (y - a[1]) * along[1]) / max(float(along @ along), 1e-9), 0, 1)
    return np.hypot(x - a[0] - t * along[0], y - a[1] - t * along[1])
