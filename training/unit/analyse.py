"""The ``analyse`` command: a tokenizer's codes, alignment and noise; policies' errors,
and their success over the data."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from crossbody.errors import CrossbodyError
from crossbody.main import guarded
from crossbody.runs import write_atomic


@dataclass(frozen=True)
class Analysis:
    """What every analysis has."""

    seed: int = 0
    """Of the samples and of the intervals."""

    out: Path = Path("runs/analyse")
    """Where the numbers (JSON) and the figure (PNG) go."""


@dataclass(frozen=True)
class Codebook(Analysis):
    """Which codes are used, by each body and branch, and how often branches agree."""

    data: tuple[Path, ...] = ()
    """Folders of demonstrations; samples come from the episodes that were held out."""

    tokenizer: Path = Path("runs/train/tokenizer_full-tiny")
    """The tokenizer's folder."""

    samples: int = 1000
    """Chunks of each body."""


@dataclass(frozen=True)
class Alignment(Codebook):
    """How far raw actions and every branch's embeddings of two bodies mix: neighbours, a linear probe, MMD,
    task retrieval, t-SNE."""

    neighbours: int = 10
    """Nearest neighbours that are looked at."""


@dataclass(frozen=True)
class Denoising(Codebook):
    """What encoding and decoding does to noisy actions, against FAST and an action-only tokenizer,
    from sigma 0 to 0.5."""

    action_tokenizer: Path | None = None
    """The folder of a tokenizer of variant `action`, to compare with."""

    embodiment: str = "human_egodex"
    """Whose actions are disturbed; the paper's figure is on human ones."""


@dataclass(frozen=True)
class Imitation(Analysis):
    """How far policies' chunks are from the demonstrated ones that none was trained on, and from the first policy's,
    in pairs."""

    data: tuple[Path, ...] = ()
    """Folders of demonstrations: those that the policies were trained on, of which each kept every twentieth episode
    out, or fresh ones. Episodes that any of the policies was trained on are left out, whatever its share; object
    localizer, base policy, tokenizer and warm start are taken to have seen no others."""

    policies: tuple[Path, ...] = ()
    """Folders of `train gr00t|vla_unit`; the first is what the others are compared with."""

    samples: int = 2000
    """Chunks, at most."""

    embodiment: str = "gr1"
    """Whose demonstrations."""


@dataclass(frozen=True)
class Efficiency(Analysis):
    """Success over the number of robot demonstrations that a policy was trained on,
    one line per agent and mix of bodies."""

    runs: tuple[Path, ...] = ()
    """Run folders of one suite and protocol."""


KINDS: dict[str, tuple[type[Analysis], str]] = {
    "codebook": (Codebook, "tokenizer_analyses"),
    "alignment": (Alignment, "tokenizer_analyses"),
    "denoising": (Denoising, "tokenizer_analyses"),
    "imitation": (Imitation, "policy_analyses"),
    "efficiency": (Efficiency, "policy_analyses"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run an analysis and return the exit code."""
    kinds = tuple(Annotated[kind, tyro.conf.subcommand(name)] for name, (kind, _) in KINDS.items())
    from typing import Union

    chosen = tyro.cli(Union[kinds], args=argv, prog="crossbody analyse")  # pyright: ignore # noqa: UP007 - built at run time
    return guarded(lambda: _run(chosen))


def _run(options: Analysis) -> int:
    import torch

    from training.show import table

    name, module = next((n, module) for n, (kind, module) in KINDS.items() if kind is type(options))
    if not getattr(options, "data", True):
        raise CrossbodyError("analyse what? Give --data DIR [DIR …], one for each body.")
    torch.set_num_threads(1)  # beside a training, two threads that wait for each other take twenty times as long
    rows, figure = getattr(importlib.import_module(f"training.unit.{module}"), name)(options)
    write_atomic(options.out / f"{name}.json", (json.dumps(rows, indent=1) + "\n").encode())
    figure.savefig(options.out / f"{name}.png", dpi=140)
    shown = [_shown(row) for row in rows]
    print(table(name, list(shown[0]), [list(row.values()) for row in shown]))
    print(f"wrote {options.out / name}.json and .png")
    return 0


def _shown(row: dict[str, Any]) -> dict[str, str]:
    """Return a row as text, with the ends of an interval beside the value that they belong to."""
    shown: dict[str, str] = {}
    value = ""
    for name, item in row.items():
        text = "–" if item is None else f"{item:.3g}" if isinstance(item, float) else str(item)
        if name.endswith("low"):
            shown[value] += f" [{text}"
        elif name.endswith("high"):
            shown[value] += f", {text}]"
        else:
            value, shown[name] = name, text
    return shown


if __name__ == "__main__":
    sys.exit(main())
