"""Judge a recorded run under another success rule, from its stored success bits: no simulator is needed."""

from __future__ import annotations

import dataclasses
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from crossbody.contracts import SUCCESS_RULES, EpisodeRow, RunProtocol
from crossbody.errors import RunFolderError, UnknownName
from crossbody.main import guarded
from crossbody.rows import line_of
from crossbody.runs import DamagedTrace, RunFolder, judge, write_atomic
from crossbody.texts import say
from evaluators.commands.evaluate import carry_out

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Arguments:
    """Judge a recorded run under another success rule. The answer is a run folder of its own."""

    run: Annotated[Path, tyro.conf.Positional]
    """The run's folder."""
    rule: str
    """any_step: solved at any control step. chunk_end: at the end of an action chunk. final: at the last step."""
    out: Path | None = None
    """Folder of the rescored run; by default <run>-<rule>."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0, 1 when an episode is left out,
    or 2 when the stored bits cannot tell."""
    argv = sys.argv[1:] if argv is None else list(argv)
    given = tyro.cli(Arguments, args=argv, prog="crossbody rescore", description=Arguments.__doc__)
    return guarded(lambda: _command(given, tuple(argv)))


def rescore(folder: RunFolder, rule: str, out: Path, command: tuple[str, ...] = ()) -> RunFolder:
    """Return a new run folder with the outcomes under ``rule``; traces, scenes and videos are shared with the old one.

    An episode whose trace does not bear its row out is missing there. Raises RunFolderError when early stop cut
    episodes in a way that leaves the answer open; nothing is written then.
    """
    manifest = folder.manifest()
    protocol = dataclasses.replace(manifest.protocol, success_rule=rule)
    last = folder.final_rows()
    outcomes, lost = _outcomes(folder, manifest.protocol, last)
    _refuse_unknowable(folder, manifest.protocol, rule, outcomes)
    files = [(kind, file) for kind in ("traces", "scenes", "video") for file in folder.files(kind)]
    new = RunFolder.create(
        out,
        dataclasses.replace(
            manifest, protocol=protocol, protocol_hash=protocol.hash(manifest.environment), command=command
        ),
    )
    for kind, file in files:
        _link(file, out / kind / file.name)
    rows = [row for row in folder.attempts() if row != last[row.episode] or row.episode not in lost]
    judged = [_judged(row, outcomes[row.episode], protocol) if row.status == "ok" else row for row in rows]
    write_atomic(new.path / "episodes.jsonl", b"".join(map(line_of, judged)))
    return new


def knowable(bits: np.ndarray, protocol: RunProtocol, rule: str) -> bool:
    """Return whether the success bits (steps,) of an episode run under ``protocol`` settle the outcome under ``rule``.

    Only an episode that early stop cut at a success leaves something open: what the bits after it would have been.
    """
    cut = protocol.early_stop and len(bits) < protocol.max_steps and judge(bits, protocol.success_rule, protocol.chunk)
    if not cut or rule == "any_step":
        return True
    return rule == "chunk_end" and bool(bits[protocol.chunk - 1 :: protocol.chunk].any())


def _command(given: Arguments, argv: tuple[str, ...]) -> int:
    if given.rule not in SUCCESS_RULES:
        raise UnknownName("success rule", given.rule, SUCCESS_RULES)
    folder = RunFolder(given.run)
    out = given.out.expanduser() if given.out else folder.path.with_name(f"{folder.path.resolve().name}-{given.rule}")

    lost: list[str] = []

    def work(console: Any) -> None:
        new = rescore(folder, given.rule, out, ("crossbody", "rescore", *argv))
        before, after = folder.final_rows(), new.final_rows()
        changed = [e for e in after if after[e].success != before[e].success]
        for episode, reason in _outcomes(folder, folder.manifest().protocol, before)[1].items():
            lost.append(episode)
            say(console, f"{episode} is missing: {reason}, so it cannot be judged again.", style="red")
        say(
            console,
            f"{sum(bool(r.success) for r in after.values())} of {len(after)} episodes succeed under {given.rule}, "
            f"{sum(bool(r.success) for r in before.values())} under {folder.manifest().protocol.success_rule}; "
            f"{len(changed)} changed{': ' + ', '.join(changed[:5]) if changed else ''}",
        )

    return max(carry_out(work, out), 1 if lost else 0)


def _outcomes(
    folder: RunFolder, protocol: RunProtocol, last: Mapping[str, EpisodeRow]
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Return the success bits (steps,) of every episode with an outcome, and why those of some cannot be had."""
    bits, lost = {}, {}
    for row in last.values():
        if row.status == "ok":
            try:
                bits[row.episode] = folder.trace(row, protocol)[0]
            except DamagedTrace as error:
                lost[row.episode] = str(error)
    return bits, lost


def _judged(row: EpisodeRow, bits: np.ndarray, protocol: RunProtocol) -> EpisodeRow:
    return dataclasses.replace(row, success=judge(bits, protocol.success_rule, protocol.chunk))


def _refuse_unknowable(folder: RunFolder, protocol: RunProtocol, rule: str, outcomes: dict[str, np.ndarray]) -> None:
    open_ones = {e: len(bits) for e, bits in outcomes.items() if not knowable(bits, protocol, rule)}
    if open_ones:
        episode, steps = next(iter(open_ones.items()))
        raise RunFolderError(
            f"{folder.path} cannot be rescored under {rule}: {len(open_ones)} of {len(outcomes)} episodes were "
            "ended at their "
            f"success under {protocol.success_rule} (such as {episode} at step {steps} of "
            f"{protocol.max_steps}), and what would "
            f"have followed is unknown. Run again with a protocol that does not stop early, such as --protocol unit."
        )


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copy2(source, target)


if __name__ == "__main__":
    sys.exit(main())
