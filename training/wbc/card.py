"""The model card of a whole-body controller."""

from __future__ import annotations

from pathlib import Path

from agents.nets.checkpoint import Checkpoint
from crossbody.runs import write_atomic
from envs.humanoid import robot as robots

RESULTS = "## Results\n"


def write_card(folder: Path, size: str, checkpoint: Checkpoint) -> None:
    """Write README.md; a section of results that is already there, put in after an evaluation, stays."""
    file = folder / "README.md"
    kept = file.read_text().partition(RESULTS)[2] if file.exists() else "\nNot evaluated yet.\n"
    write_atomic(file, (_text(size, checkpoint) + RESULTS + kept).encode())


def _text(size: str, checkpoint: Checkpoint) -> str:
    made, config = checkpoint.training, checkpoint.config
    given = " ".join(_flag(k, v) for k, v in made["options"].items() if k != "out")
    last = "\n".join(f"| {k} | {v} |" for k, v in made["last"].items())
    return (
        f"# humanoid_tracker, {size}\n\n"
        f"A whole-body controller: it makes the {config['robot']} configuration of the {robots.load(config['robot']).title} follow a reference motion in physics.\n"
        "Trained here from nothing by PPO on procedural motions. Licence: Apache-2.0. For research in simulation; nothing here is fit to\n"
        "move a real robot.\n\n"
        f"```\nuv run train wbc {given}\n```\n\n"
        f"{made['samples'] / 1e6:.1f} million samples ({made['iterations']} iterations, {made['environments']} robots) in "
        f"{made['minutes']:.0f} minutes, on {made['motions']} motions; torch {made['torch']}.\n\n"
        f"| while exploring, at the end of training | |\n|---|---|\n{last}\n\n![curves](curves.png)\n\n"
    )


def _flag(name: str, value: object) -> str:
    flag = "--" + name.replace("_", "-")
    if value is True:
        return flag
    return f"{flag} {' '.join(value) if isinstance(value, list) else value}"
