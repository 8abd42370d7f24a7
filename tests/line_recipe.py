"""a line through points: the smallest recipe there can be"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save
from torch import nn

from agents.nets.result import Result
from crossbody.runs import write_atomic
from training.card import write_card
from training.loop import Batch, Done, Supervised, Supply
from training.recipe import Options, Recipe, filled


@dataclass(frozen=True)
class LineOptions(Options):
    """Fit a line: `train line`."""

    points: Path | None = None
    """A JSON file of pairs; y = 3 x + 1 when none is given."""

    steps: int | None = None
    """Updates; 40 when none is given."""

    learning_rate: float = 0.1
    """At its highest, after the warm-up."""


def resolve(options: LineOptions) -> LineOptions:
    return filled(options, steps=4 if options.dry_run else 40)


def build(options: LineOptions) -> Supervised:
    pairs = json.loads(options.points.read_text()) if options.points else [[x, 3 * x + 1] for x in range(4)]
    points = Points(torch.tensor(pairs, dtype=torch.float32))
    return Supervised(Line, points, options.steps or 0, options.learning_rate, {"count": len(pairs)}, finish)


def finish(done: Done) -> None:
    folder = done.run.folder
    write_atomic(folder / "model.safetensors", save(done.model.state_dict()))
    write_card(done.run, "A line", "y = a x + b.", f"{done.record['steps']} updates.", done.record["last"])


def plan(options: LineOptions) -> str:
    return "line: 2 parameters"


def example(folder: Path, seed: int) -> LineOptions:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "points.json").write_text(json.dumps([[x, x + seed] for x in range(4)]))
    return LineOptions(points=folder / "points.json", steps=4, save_every=2, log_every=1)


class Points(Supply):
    """One point of each, every time."""

    def __init__(self, pairs: torch.Tensor):
        self.x, self.y = pairs[:, :1], pairs[:, 1:]

    def __call__(self, step: int, process: int = 0, held_out: bool = False) -> Batch:
        return {"x": self.x, "y": self.y}


class Line(nn.Module):
    """a x + b, with the squared error."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Linear(1, 1)

    def forward(self, batch: Batch) -> Result:
        loss = (self.net(batch["x"]) - batch["y"]).square().mean()
        return Result(loss, {"loss": loss})


RECIPE = Recipe(LineOptions, build, plan, example, resolve)
