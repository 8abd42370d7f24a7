"""Cards of the motion models: what each is, what made it, and what was measured, and nothing that was not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crossbody.runs import write_atomic
from training.loop import Done
from training.motion_language.tokens import Loss
from training.recipe import command

WHAT = {
    "motion_tokens": (
        "Motion tokens",
        "Five independent tokenizers of motion, one for torso, each leg and each arm: fifteen key points at 20 "
        "frames a second become five codes\n"
        "a step, and back. Editing the codes of one part leaves the other parts' numbers as they are, to the bit.",
    ),
    "whole_body_tokens": ("Whole-body tokens", "One codebook for all fifteen key points, as T2M-GPT has it."),
    "humanoid_vla": (
        "Humanoid-VLA, the language model",
        "A Llama over words and the codes of five body parts, trained from nothing on 59 sub-tasks "
        "(`agents/humanoid_vla/templates.toml`):\n"
        "31 of them are printed in the paper, the other 28 are this project's. First motions of low quality, "
        "then clean ones.",
    ),
    "mdm": (
        "MDM, a baseline",
        "Diffusion of whole motions from a sentence (Tevet et al. 2023), small. Lengths are estimated from the "
        "sentence, or given.",
    ),
    "t2m_gpt": (
        "T2M-GPT, a baseline",
        "Codes of the whole body from a sentence (Zhang et al. 2023), small, with its tokenizer. It ends by itself.",
    ),
}
BOUNDS = (
    "All motions are made by rules on one robot (Unitree G1) and their captions come from templates: twelve "
    "kinds, at the robot's size.\n"
    "Nothing here is about people's motions, HumanML3D or free text. Licence: Apache-2.0.\n"
)
MEASURED = "measured.md"
"""What `crossbody language measure --card` writes beside the weights; a new card keeps it."""


def write_card(done: Done, facts: Mapping[str, Any], results: str = "", name: str = "") -> None:
    """Write the card of a training."""
    title, what = WHAT[name or done.run.name]
    last = ", ".join(f"{k} {v:g}" for k, v in done.record["last"].items() if not k.startswith("learning"))
    minutes = done.record["seconds"] / 60
    text = (
        f"# {title}, tiny\n\n{what}\n\n```\n{command(done.run)}\n```\n\n"
        f"{_told(facts)}; {done.record['steps']:,} updates of {done.run.options.batch} in {minutes:.1f} "
        f"minutes; torch {done.record['torch']}.\n"
        f"At the end: {last}.\n\n{results}{_measured(done.run.folder)}{BOUNDS}\n![curves](curves.png)\n"
    )
    write_atomic(done.run.folder / "README.md", text.encode())


def write_tokens_card(done: Done, facts: Mapping[str, Any], loss: Loss) -> None:
    """Write the card of tokenizers, with what their codes lose."""
    name = "whole_body_tokens" if done.run.options.whole else "motion_tokens"
    write_card(done, facts, tokens_table(loss), name)


def tokens_table(loss: Loss) -> str:
    """Return what codes lose of held-out motions, in Markdown."""
    used = " | ".join(
        f"{p.replace('_', ' ')} {share:.0%} ({perplexity:.0f})" for p, (share, perplexity) in loss.used.items()
    )
    kinds = ", ".join(f"{k.replace('_', ' ')} {whole:.0f} / {root:.1f}" for k, (whole, root) in loss.kinds.items())
    return (
        f"Codes of {loss.clips} held-out motions, against the motions: **{loss.global_mm:.1f} mm** in the "
        f"world, **{loss.root_mm:.1f} mm** from the pelvis "
        f"(worst motion {loss.worst_root_mm:.0f}); limbs change by {loss.bones_mm:.1f} mm, the pelvis ends "
        f"{loss.drift_mm:.0f} mm off.\n"
        f"By kind, world / pelvis, mm: {kinds}.\nCodes that occur (perplexity): {used}.\n\n"
    )


def _told(facts: Mapping[str, Any]) -> str:
    if "low" in facts:
        low, high = facts["low"], facts["high"]
        return (
            f"Low quality: {low['clips']:,} motions, {low['frames']:,} frames, {low['hours']:.2f} h; clean: "
            f"{high['clips']:,} motions, "
            f"{high['frames']:,} frames, {high['hours']:.2f} h (digest `{facts['fingerprint']}`)"
        )
    train, test = facts["clips"]
    return (
        f"{train:,} motions, {facts['minutes']:,.0f} minutes (digest `{facts['fingerprint']}`), {test} of other "
        "seeds held out"
    )


def _measured(folder: Path) -> str:
    file = folder / MEASURED
    return file.read_text() + "\n" if file.exists() else ""


def record_of(folder: Path) -> dict[str, Any]:
    """Return what a checkpoint says made it."""
    return json.loads((folder / "config.json").read_text())["training"]
