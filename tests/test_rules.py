"""Every limit that ruff holds is shown to fail on a planted fault; a line that the formatter skips says why."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILES = [f for f in ROOT.rglob("*.py") if not any(part.startswith(".") for part in f.relative_to(ROOT).parts)]
SKIP = re.compile(r"#\s*fmt:\s*(?:skip|off)(?P<reason>.*)$", re.MULTILINE)
FAULTS = {
    "E501": f"x = '{'a' * 115}'\n",
    "E711": "x = 1\nprint(x == None)\n",
    "F401": "import os\n",
    "B006": "def f(x=[]):\n    return x\n",
    "UP006": "from typing import List\n\nx: List[int] = []\n",
    "I001": "import sys\nimport os\n\nprint(os, sys)\n",
    "PLR0913": "def f(a, b, c, d, e, f, g):\n    return a, b, c, d, e, f, g\n",
    "PLR0915": "def f(x):\n" + "    x += 1\n" * 46 + "    return x\n",
    "NPY002": "import numpy as np\n\nnp.random.seed(0)\n",
}


def broken(source: str) -> set[str]:
    """Return the codes of the rules that a source file breaks, under the project's configuration."""
    command = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--output-format",
        "json",
        "--stdin-filename",
        "agents/fault.py",
        "-",
    ]
    done = subprocess.run(command, input=source, cwd=ROOT, capture_output=True, text=True)
    return {found["code"] for found in json.loads(done.stdout)}


def unreasoned(source: str) -> list[str]:
    """Return the lines that the formatter skips without a reason beside it."""
    return [m[0] for m in SKIP.finditer(source) if len(m["reason"].strip(" #")) < 8]


@pytest.mark.parametrize("rule", FAULTS)
def test_a_planted_fault_is_found(rule):
    assert rule in broken(FAULTS[rule])


def test_a_line_of_120_characters_and_six_parameters_are_allowed():
    assert not broken(f"x = '{'a' * 114}'\n")
    assert not broken("def f(a, b, c, d, e, f):\n    return a, b, c, d, e, f\n")


def test_every_line_that_the_formatter_skips_has_a_reason():
    found = {
        str(f.relative_to(ROOT)): lines
        for f in FILES
        if f.name != "test_rules.py" and (lines := unreasoned(f.read_text()))
    }
    assert not found


def test_a_skip_without_a_reason_would_be_found():
    assert unreasoned("x = 1  # fmt: skip\n") and not unreasoned("x = 1  # fmt: skip # a matrix, row by row\n")
