"""Fixtures that start a simulator, and the GL it draws with, chosen before MuJoCo is imported."""

from __future__ import annotations

import contextlib
import os

import pytest

from crossbody import gl
from crossbody.errors import MissingExtra

os.environ.setdefault("OMP_NUM_THREADS", "1")
with contextlib.suppress(MissingExtra):  # then only the tests that draw fail, each with MuJoCo's own words
    gl.prepare()


@pytest.fixture(scope="session")
def pack():
    """The generated asset pack, made on first use."""
    from envs.robocasa.assets.pack import generated

    return generated()


@pytest.fixture
def one_thread():
    """torch with one thread, which is faster for small networks and leaves the cores to others."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def make_env(pack):
    """A function that makes a RoboCasa environment and closes it after the test."""
    from envs.robocasa.env import RoboCasaGR1

    made = []

    def make(task: str = "PosttrainPnPNovelFromPlateToBowlSplitA", **options):
        made.append(RoboCasaGR1(task, **options))
        return made[-1]

    yield make
    for env in made:
        env.close()


@pytest.fixture
def make_task():
    """A function that makes a tracking task on MuJoCo and closes it after the test."""
    from envs.humanoid import physics
    from envs.humanoid.robot import load
    from envs.humanoid.task import Options, Task
    from tests.humanoids import swaying

    made = []

    def make(count: int = 2, motions=None, variation=None, **options):
        world = physics.make("mujoco", load(), count, threads=1)
        made.append(Task(world, motions or [swaying()], Options(**options), variation))
        return made[-1]

    yield make
    for task in made:
        task.close()
