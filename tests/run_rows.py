"""A run for the tests of reproducibility: ``python -m tests.run_rows STEPS evaluate's options``;
prints what each row holds."""

from __future__ import annotations

import dataclasses
import io
import json
import sys

from crossbody import arithmetic


def main(steps: int, options: list[str]) -> None:
    """Play a run of short episodes with pinned arithmetic (unless it is switched off), and print its rows as JSON."""
    arithmetic.pin()
    from rich.console import Console

    from evaluators.commands.evaluate import parse
    from evaluators.loop.session import start

    plan, out = parse(options)
    plan = dataclasses.replace(plan, protocol=dataclasses.replace(plan.protocol, max_steps=steps))
    folder = start(plan, out, Console(file=io.StringIO()))
    rows = {row.episode: (row.scene_hash, row.trace_hash, row.success) for row in folder.final_rows().values()}
    print(json.dumps({"pinned": arithmetic.pinned(folder.manifest().host), "rows": rows}))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
