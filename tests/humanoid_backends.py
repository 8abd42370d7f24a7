"""Backends for the tests: the stand-in for Isaac Gym is put where its worker finds it, absent extras skip with the reason."""

from __future__ import annotations

import pytest

from envs.humanoid import physics
from envs.humanoid.physics import Physics
from envs.humanoid.robot import Robot


def make_backend(name: str, robot: Robot, count: int) -> Physics:
    """Return a backend that runs here, or skip the test."""
    if name != "mujoco":
        pytest.skip(f"{name} follows")
    return physics.make(name, robot, count)
