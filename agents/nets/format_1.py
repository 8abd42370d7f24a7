"""Checkpoints of format 1, as version 0.1.0 wrote them: their words and the ones that stand for them in format 2."""

from __future__ import annotations

from typing import Any

KINDS = {"looks": "object_localizer", "guess": "base_policy"}
CONFIG = {"bodies": "embodiments", "looks": "localizer_points", "guess": "base_width"}
LOCALIZER = (("told.", "word_score."), ("asked.", "modulation."))
BASE = (("told.", "text."), ("spread", "residual_scale"))
WEIGHTS = {
    "tokenizer": (),
    "object_localizer": LOCALIZER,
    "base_policy": BASE,
    "policy": (
        *((f"context.looks.{old}", f"context.localizer.{new}") for old, new in LOCALIZER),
        *((f"guess.{old}", f"base.{new}") for old, new in BASE),
        ("context.looks.", "context.localizer."),
        ("guess.", "base."),
        ("told.", "code_projection."),
    ),
}
"""Kind -> old and new beginnings of weights' names; the first that fits holds.
Other kinds have kept all their words."""


def head_of_format_2(head: dict[str, Any]) -> dict[str, Any]:
    """Return a checkpoint's head of format 1 in the words of format 2; ``training`` stays as it was written."""
    kind = KINDS.get(head["kind"], head["kind"])
    head = {CONFIG["bodies"] if key == "bodies" else key: value for key, value in head.items()} | {"kind": kind}
    if kind in WEIGHTS and isinstance(head.get("config"), dict):
        head["config"] = {CONFIG.get(key, key): value for key, value in head["config"].items()}
    return head


def weight_of_format_2(kind: str, name: str) -> str:
    """Return the name of a weight, given the kind in the words of format 2."""
    for old, new in WEIGHTS.get(kind, ()):
        if name.startswith(old):
            return new + name.removeprefix(old)
    return name
