"""The ``analyse`` command: what a tokenizer's codes are like, how far it aligns two bodies, and what it does to noise."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from crossbody.errors import CrossbodyError
from crossbody.main import guarded
from crossbody.runs import write_atomic


@dataclass(frozen=True)
class Codebook:
    """Which codes are used, by each body and branch, and how often branches agree."""

    data: tuple[Path, ...]
    """Folders of demonstrations; samples come from the episodes that were held out."""

    tokenizer: Path = Path("runs/train/tokenizer_full-tiny")
    """The tokenizer's folder."""

    samples: int = 1000
    """Chunks of each body."""

    seed: int = 0
    """Of the samples."""

    out: Path = Path("runs/analyse")
    """Where the numbers (JSON) and the figure (PNG) go."""


@dataclass(frozen=True)
class Alignment(Codebook):
    """How far raw actions and every branch's embeddings of two bodies mix: neighbours, a linear probe, MMD, task retrieval, t-SNE."""

    neighbours: int = 10
    """Nearest neighbours that are looked at."""


@dataclass(frozen=True)
class Denoising(Codebook):
    """What encoding and decoding does to noisy actions, against FAST and an action-only tokenizer, from sigma 0 to 0.5."""

    action_tokenizer: Path | None = None
    """The folder of a tokenizer of variant `action`, to compare with."""

    body: str = "human_egodex"
    """Whose actions are disturbed; the paper's figure is on human ones."""


KINDS: dict[str, type[Codebook]] = {"codebook": Codebook, "alignment": Alignment, "denoising": Denoising}


def main(argv: Sequence[str] | None = None) -> int:
    """Run an analysis and return the exit code."""
    kinds = tuple(Annotated[kind, tyro.conf.subcommand(name)] for name, kind in KINDS.items())
    from typing import Union

    chosen = tyro.cli(Union[kinds], args=argv, prog="crossbody analyse")  # pyright: ignore # noqa: UP007 - built at run time
    return guarded(lambda: _run(chosen))


def _run(options: Codebook) -> int:
    from training.show import table
    from training.unit import analyses

    name = next(n for n, kind in KINDS.items() if kind is type(options))
    if not options.data:
        raise CrossbodyError("analyse what? Give --data DIR [DIR …], one for each body.")
    work: Callable = {"codebook": analyses.codebook, "alignment": analyses.alignment, "denoising": analyses.denoising}[
        name
    ]
    rows, figure = work(options)
    write_atomic(options.out / f"{name}.json", (json.dumps(rows, indent=1) + "\n").encode())
    figure.savefig(options.out / f"{name}.png", dpi=140)
    head = list(rows[0])
    print(table(name, head, [[_shown(row[k]) for k in head] for row in rows]))
    print(f"wrote {options.out / name}.json and .png")
    return 0


def _shown(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(main())
