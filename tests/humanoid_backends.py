"""Backends for the tests: the stand-in for Isaac Gym is put where its worker finds it,
absent extras skip with the reason."""

from __future__ import annotations

import functools
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from envs.humanoid import physics
from envs.humanoid.physics import Physics
from envs.humanoid.robot import Robot

STANDIN = Path(__file__).parent / "standin"


def make_backend(name: str, robot: Robot, count: int) -> Physics:
    """Return a backend that runs here, or skip the test."""
    if name == "isaacgym":
        with standin_on_path():
            return physics.make(name, robot, count, simulates_on="cpu", python=worker_python())
    if name == "mjx" and not importlib.util.find_spec("mujoco.mjx"):
        pytest.skip("mujoco-mjx and jax are absent: `uv sync --extra mjx`")
    return physics.make(name, robot, count)


@functools.cache
def worker_python() -> str:
    """Return the user's Python 3.8 with numpy, torch and mujoco where there is one, else this interpreter."""
    old = os.environ.get("CROSSBODY_ISAACGYM_PYTHON")
    if old and not subprocess.run([old, "-c", "import numpy, torch, mujoco"], capture_output=True).returncode:
        return old
    return sys.executable


class standin_on_path:
    """A context in which new processes find the stand-in as ``isaacgym``."""

    def __enter__(self) -> None:
        self._before = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = str(STANDIN)

    def __exit__(self, *error) -> None:
        del os.environ["PYTHONPATH"]
        if self._before is not None:
            os.environ["PYTHONPATH"] = self._before
