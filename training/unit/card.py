"""The model card of a checkpoint: what it is, what made it, and what has been measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agents.nets.checkpoint import Checkpoint
from crossbody.runs import write_atomic

WHAT = {
    "tokenizer": "UniT's tokenizer: pictures, actions and both together in one codebook of residual codes.",
    "looks": "Where the instruction's object and container are in a picture: what both policies begin with.",
    "guess": "What a demonstrator does next, from the joints, where things are and the instruction, without pictures.",
    "vla_unit": "VLA-UniT: a policy for GR1 that also predicts the tokenizer's codes, with a flow-matching action head.",
    "gr00t": "VLA-UniT's matched baseline: the same policy without codes, after GR00T.",
}
RESULTS = "## Results\n"


def write_card(folder: Path, name: str, checkpoint: Checkpoint) -> None:
    """Write README.md; a section of results that is already there, put in after an evaluation, stays."""
    file = folder / "README.md"
    kept = file.read_text().partition(RESULTS)[2] if file.exists() else "\nNot evaluated yet.\n"
    write_atomic(file, (_text(folder, name, checkpoint.training) + RESULTS + kept).encode())


def _text(folder: Path, name: str, made: dict[str, Any]) -> str:
    given = " ".join(_flag(k, v) for k, v in made["options"].items() if k != "out")
    data = "\n".join(
        f"| {d['embodiment']} | {'demonstrations' if d['actions'] else 'frames without actions'} | {d['episodes']} | "
        f"{d['samples']} | `{d['fingerprint']}` |"
        for d in made["data"]
    )
    waited = f", {made['waited']:.1%} of them waiting for data" if "waited" in made else ""
    last = "\n".join(f"| {k} | {v} |" for k, v in made["last"].items())
    return (
        f"# {name}, {made['options']['size']}\n\n{WHAT[name]}\n\n"
        "Weights trained here from nothing; the visual features (EfficientNet-Lite0, Apache-2.0) and words (MiniLM, Apache-2.0)\n"
        "at `tiny`, or Qwen2.5-VL and DINOv2 at `base`, are public weights that stay as they are or begin the training.\n"
        "Licence: Apache-2.0. For research in simulation; nothing here is fit to move a real robot.\n\n"
        f"```\nuv run train {name} {given}\n```\n\n"
        f"{made['steps']} updates of {made['batch']} samples in {made['seconds'] / 60:.0f} minutes{waited}, after "
        f"{made['feature_seconds'] / 60:.0f} minutes for features; torch {made['torch']}.\n\n"
        f"| body | data | episodes | samples | digest |\n|---|---|---|---|---|\n{data}\n\n"
        f"| at the end of training | |\n|---|---|\n{last}\n\n![curves](curves.png)\n\n"
    )


def _flag(name: str, value: Any) -> str:
    flag = "--" + name.replace("_", "-")
    if isinstance(value, bool):
        return flag if value else flag.replace("--", "--no-", 1)
    return f"{flag} {' '.join(value) if isinstance(value, list) else value}"
