"""The ``tokens`` command: a motion's tokens shown, or some parts' replaced, disturbed and put in another order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from crossbody.errors import CrossbodyError, UnknownName
from tasks.motion.parts import FPS, PARTS

if TYPE_CHECKING:
    import numpy as np

    from agents.humanoid_vla.tokens import PartCodes


@dataclass(frozen=True)
class Show:
    """Print the codes of a motion, a line for each step."""

    motion: tyro.conf.Positional[Path]
    """A motion file, of any rate and size of body."""
    tokens: Path | None = None
    """Motion tokens; by default what ships."""


@dataclass(frozen=True)
class Edit(Show):
    """Write a motion whose named parts have other codes; the numbers of the other parts stay as they were,
    to the bit."""

    out: Path = Path("edited.npz")
    """The motion that is written."""
    parts: tuple[str, ...] = PARTS
    """Parts that are edited."""
    replace: Path | None = None
    """A motion whose codes the parts take; it is cut, or repeated, to the length."""
    order: tuple[int, ...] = ()
    """Rearrange: the parts' codes are cut into as many pieces, which are put in this order, such as 1 0."""
    perturb: float = 0.0
    """Share of the parts' codes that become others, drawn by the seed."""
    seed: int = 0
    """Of what is perturbed."""


def main(argv: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    given = tyro.cli(
        Annotated[Show, tyro.conf.subcommand("show")] | Annotated[Edit, tyro.conf.subcommand("edit")],
        args=list(argv),
        prog="crossbody tokens",
        description=__doc__,
    )
    return _edit(given) if isinstance(given, Edit) else _show(given)


def _show(given: Show) -> int:
    net, codes = _opened(given)
    print(f"{given.motion}: {len(codes)} steps of {net.sizes.frames_per_code / FPS:g} s")
    print("step  " + "  ".join(f"{part:>9}" for part in PARTS))
    for number, row in enumerate(codes):
        print(f"{number:>4}  " + "  ".join(f"{code:>9}" for code in row))
    return 0


def _edit(given: Edit) -> int:
    from tasks.motion.arrays import from_positions
    from tasks.motion.store import save

    _check(given)
    net, codes = _opened(given)
    other = None if given.replace is None else _codes(net, given.replace)
    edited = edit(codes, given, other, net.sizes.codes)
    save(from_positions(given.out.stem, net.points_of(edited), FPS), given.out)
    for number, part in enumerate(PARTS):
        changed = int((edited[:, number] != codes[:, number]).sum())
        print(f"{part:>9}: {changed} of {len(codes)} codes changed")
    print(given.out)
    return 0


def edit(codes: np.ndarray, given: Edit, other: np.ndarray | None, size: int) -> np.ndarray:
    """Return codes (L, 5) with the named parts replaced by another motion's, rearranged and perturbed,
    in this order."""
    import numpy as np

    from crossbody.seeds import generator

    out = codes.copy()
    for part in given.parts:
        column = PARTS.index(part)
        row = out[:, column].copy() if other is None else np.resize(other[:, column], len(codes))
        if given.order:
            pieces = np.array_split(row, len(given.order))
            row = np.concatenate([pieces[i] for i in given.order])
        rng = generator(given.seed, f"perturb/{part}")
        hit = rng.random(len(row)) < given.perturb
        row[hit] = (row[hit] + rng.integers(1, size, hit.sum())) % size
        out[:, column] = row
    return out


def _check(given: Edit) -> None:
    for part in given.parts:
        if part not in PARTS:
            raise UnknownName("body part", part, PARTS)
    if sorted(given.order) != list(range(len(given.order))):
        told = " ".join(map(str, given.order))
        raise CrossbodyError(f"--order is {told}; expected each of 0 to {len(given.order) - 1} once, such as 1 0 2")
    if not 0 <= given.perturb <= 1:
        raise CrossbodyError(f"--perturb is {given.perturb:g}; expected a share from 0 to 1")
    if given.replace is None and not given.order and not given.perturb:
        raise CrossbodyError("nothing is to be edited; say --replace FILE, --order 1 0 or --perturb 0.2")


def _opened(given: Show) -> tuple[PartCodes, np.ndarray]:
    from agents.humanoid_vla.tokens import SHIPPED, load_tokens

    net, _ = load_tokens(given.tokens or SHIPPED)
    return net, _codes(net, given.motion)


def _codes(net: PartCodes, file: Path) -> np.ndarray:
    from agents.humanoid_vla.speech import whole_steps
    from tasks.motion.rate import at_20_fps
    from tasks.motion.reading import read_one
    from tasks.motion.sizes import as_robot

    motion = read_one(file)
    points, _ = as_robot(str(file), at_20_fps(motion.keypoints, motion.fps))
    return net.codes_of(whole_steps(points, net.sizes.frames_per_code))
