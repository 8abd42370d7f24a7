"""Small pairs of clips and a way to judge them, for the tests of the judge."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np

from crossbody.main import main

KEY = "AIzaSyTest-0123456789abcdefghij"
FAST = ("--patience.first-wait-s", "0.01", "--patience.timeout-s", "5")


def write_pairs(folder: Path, count: int = 2, **fields: str) -> Path:
    """Write ``count`` pairs of tiny clips, 6 frames of 24 x 16, and their pairs file."""
    folder.mkdir(parents=True, exist_ok=True)
    rng, lines = np.random.default_rng(0), []
    for i in range(count):
        names = f"secret-reference-{i}.npy", f"secret-generated-{i}.npy"
        for name in names:
            np.save(folder / name, rng.integers(0, 255, (6, 16, 24, 3), dtype=np.uint8))
        lines.append(json.dumps({"id": f"pair-{i}", "reference": names[0], "generated": names[1], **fields}))
    (folder / "pairs.jsonl").write_text("\n".join(lines) + "\n")
    return folder / "pairs.jsonl"


class Judging:
    """Runs ``crossbody judge`` on pairs, in a folder with a cache of its own."""

    def __init__(self, folder: Path, capsys):
        self.folder, self.out, self._capsys = folder, folder / "out", capsys
        self.pairs = write_pairs(folder / "pairs")
        self.printed = ""

    def __call__(self, *options: str, provider: str = "gemini", pairs: Path | str | None = None) -> int:
        base = ["--pairs", str(pairs or self.pairs), "--provider", provider, "--out", str(self.out)]
        code = main(["judge", *base, "--cache", str(self.folder / "cache"), "--frames", "4", *FAST, *options])
        self.printed = "".join(self._capsys.readouterr())
        return code

    def answers(self) -> list[dict]:
        return [json.loads(line) for line in (self.out / "answers.jsonl").read_text().splitlines()]

    def scores(self) -> list[dict[str, str]]:
        with (self.out / "scores.csv").open() as file:
            return list(csv.DictReader(file))

    def summary(self) -> dict:
        return json.loads((self.out / "summary.json").read_text())

    def report(self) -> str:
        return (self.out / "report.md").read_text()
