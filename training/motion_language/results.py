"""What the ``language`` command found, as Markdown: rows of sets, conditions, and what is read off motions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

NAMES = {
    "real": "real, the motions themselves",
    "right_kind": "another real motion of the right kind",
    "other": "other real motions",
    "still": "standing still",
    "jitter": "real with 10 mm of jitter",
    "codes": "codes only, five parts, 8 frames",
    "whole_codes": "codes only, whole body, 4 frames",
    "humanoid_vla": "**Humanoid-VLA**, its own length",
    "humanoid_vla_given": "Humanoid-VLA, the real length",
    "mdm": "MDM, its own length",
    "mdm_given": "MDM, the real length",
    "t2m_gpt": "T2M-GPT, its own length",
    "t2m_gpt_given": "T2M-GPT, cut or held to the real length",
    "low_only": "low quality only",
    "high_only": "clean only",
    "low_high": "low, then clean",
}
COLUMNS = {
    "fid": "FID",
    "fid_halves": "FID, halves",
    "diversity": "diversity",
    "r_precision_top1": "R@1",
    "r_precision_top3": "R@3",
    "mm_dist": "MM-Dist",
    "foot_skate_mm_s": "skate mm/s",
    "jerk_m_s3": "jerk m/s³",
}


def text(found: Mapping[str, Any]) -> str:
    """Return all that was measured."""
    parts = [rows(found["rows"])]
    if "conditions" in found:
        parts += [conditions(found["conditions"]), reading(found["reading"], found["said"])]
    return "\n\n".join(parts) + "\n"


def rows(table: Sequence[Mapping[str, Any]]) -> str:
    """Return a table of systems, with 95 % intervals where something was drawn."""
    head = ["system", "n", *COLUMNS.values(), "seconds off", "CPU s"]
    lines = [f"| {' | '.join(head)} |", "|---|" + "--:|" * (len(head) - 1)]
    for row in table:
        cells = [_cell(row["metrics"], name) for name in COLUMNS]
        told = [
            NAMES.get(row["row"], row["row"]),
            str(row["n"]),
            *cells,
            f"{row['length_error_s']:.2f}",
            f"{row['cpu_s']:.0f}",
        ]
        lines.append(f"| {' | '.join(told)} |")
    return "\n".join(lines)


def conditions(found: Sequence[Mapping[str, Any]]) -> str:
    """Return a table of how far conditions are obeyed."""
    lines = ["| condition | measure | value | without it | n | |", "|---|---|--:|---|--:|---|"]
    for o in found:
        value = f"{o['value']:.2f} ± {o['half_width']:.2f}"
        floor = f"{o['floor']:.2f} ± {o['floor_half_width']:.2f} ({o['floor_is']})"
        lines.append(
            f"| {o['condition']} | {o['measure']} | {value} | {floor} | {o['n']} | {'forced' if o['forced'] else ''} |"
        )
    return "\n".join(lines)


def reading(found: Sequence[Mapping[str, Any]], said: Mapping[str, Any]) -> str:
    """Return a table of what is read off motions, and of captions."""
    lines = ["| motion → | measure | value | n |", "|---|---|--:|--:|"]
    lines += [
        f"| {r['family']} | {r['measure']} | {r['value']:.2f} ± {r['half_width']:.2f} | {r['n']} |" for r in found
    ]
    for who in ("model", "true"):
        if who in said:
            name = "caption" if who == "model" else "the true captions"
            lines.append(
                f"| {name} | R@1, R@3 against the motion | {said[who]['top1']:.2f}, {said[who]['top3']:.2f} | |"
            )
    return "\n".join(lines)


def _cell(metrics: Mapping[str, Sequence[float]], name: str) -> str:
    value = metrics.get(f"{name}_matcher") or metrics.get(name)
    if value is None:
        return "–"
    middle, low, high = value
    if low is None or high is None or high == low:
        return f"{middle:.2f}"
    return f"{middle:.2f} [{low:.2f}, {high:.2f}]"
