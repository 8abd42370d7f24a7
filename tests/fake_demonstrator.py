"""A collecting worker without a simulator: episodes of a few made-up frames, some of which fail, hang or kill the
worker.

``python -m tests.fake_demonstrator ARGUMENTS`` is ``crossbody collect ARGUMENTS`` with such workers.
"""

from __future__ import annotations

import os
import sys
import time

from envs.worker import Link
from tests.demonstrations import CAMERA, demonstration
from training import collect
from training.data.demonstration import Demonstration
from training.gr1 import demonstrator, perception
from training.gr1 import frames as gr1

STEP_S = 0.01  # so that a kill can come anywhere
DEADLY = 2
"""The attempt that ends its worker, in every task."""


class FakeEnv:
    def reset(self, seed, options):
        return {}, {"instruction": "pick the number", "scene": {"qpos": [0.0]}}

    def close(self):
        pass


class FakeEpisode:
    """Attempt 1 of every task fails, attempt DEADLY takes the worker with it."""

    steps = 4

    def __init__(self, env, spec, noise_rad, picture_every):
        self._spec = spec
        self.report = {"attempts": 1}

    def run(self, observation, on_step):
        for step in range(self.steps):
            time.sleep(STEP_S)
            on_step(step)
        if self._spec.index == DEADLY:
            os._exit(9)
        return "dropped" if self._spec.index == 1 else ""

    def demonstration(self, instruction, notes):
        made = demonstration(notes["seed"] % 1000, self.steps)
        return Demonstration(made.values, made.pictures, instruction, notes)

    def states(self):
        return {}


class FakeShuffler:
    def __init__(self, env, start, postures, random):
        self._random = random

    def record(self, count, instruction):
        made = demonstration(int(self._random.integers(1000)), count, gr1.layout(demonstration=False))
        return Demonstration(made.values, {CAMERA: made.pictures[CAMERA]}, instruction)


def serve(link: Link) -> None:
    demonstrator.make = lambda task: FakeEnv()
    demonstrator.Episode = FakeEpisode  # type: ignore[assignment]
    perception.Shuffler = FakeShuffler  # type: ignore[assignment]
    demonstrator.serve(link)


if __name__ == "__main__":
    collect.WORKER = "tests.fake_demonstrator:serve"
    sys.exit(collect.main(sys.argv[1:]))
