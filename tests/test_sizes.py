"""Ceilings on files and functions, so that the median stays small."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILES = [f for f in ROOT.rglob("*.py") if not any(part.startswith(".") for part in f.relative_to(ROOT).parts)]
MAX_FILE, MAX_FUNCTION = 400, 60


def long_functions(source: str) -> list[str]:
    """Return the names of functions with more than MAX_FUNCTION lines."""
    nodes = (n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
    return [n.name for n in nodes if (n.end_lineno or n.lineno) - n.lineno + 1 > MAX_FUNCTION]


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(ROOT)))
def test_files_and_functions_stay_small(file):
    source = file.read_text()
    assert source.count("\n") <= MAX_FILE
    assert not long_functions(source)


def test_a_long_function_would_be_found():
    assert long_functions("def f():\n" + "    x = 1\n" * MAX_FUNCTION) == ["f"]
    assert not long_functions("def f():\n" + "    x = 1\n" * (MAX_FUNCTION - 1))
