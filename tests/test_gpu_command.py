"""The GPU checks run at toy size, and never report a CPU's figure as a GPU's."""

import json
import subprocess
import sys

import pytest
import torch

from benchmarks import gpu
from crossbody.catalog import ROOT


@pytest.mark.slow
@pytest.mark.parametrize("check", gpu.CHECKS)
def test_every_check_runs_at_toy_size_or_says_what_it_lacks(check):
    rows = list(gpu.run("cpu", [check], 300))
    assert rows and all(row.state in ("ok", "skipped", "missed") for row in rows), rows
    if check not in ("physics", "drawing"):  # these need MJX and EGL
        assert all(row.state != "skipped" for row in rows), rows


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_without_a_gpu_it_refuses_to_report():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu"], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 1 and "sees no GPU here, so there is nothing to report" in done.stderr and not done.stdout


def test_a_check_that_breaks_is_a_row(monkeypatch):
    monkeypatch.setitem(gpu.CHECKS, "networks", lambda device: 1 / 0)
    (row,) = gpu.run("cpu", ["networks"], 300)
    assert row.state == "failed" and row.note == "ZeroDivisionError: division by zero"


def test_a_toy_run_says_so_in_its_header():
    assert json.loads(json.dumps(gpu.machine("cpu")))["device"] == "CPU at toy size: no GPU figure"
