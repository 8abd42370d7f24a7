"""The humanoid as a world to learn in: the tracking task with motions of the training split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from crossbody.errors import UnknownName
from envs.humanoid import observations, physics, rewards, robot
from envs.humanoid.motions import library
from envs.humanoid.randomisation import Variation
from envs.humanoid.reference import FPS
from envs.humanoid.task import Options, Task
from training.wbc.world import Moved, Sight, Widths


class Humanoids:
    """N robots of one configuration. See ``training.wbc.world``."""

    step_s = 1 / FPS

    def __init__(self, size: Mapping[str, Any], clips: Sequence[str], backend: str, **physics_options: Any):
        self.clips, self.count = tuple(clips), size["environments"]
        self.body = robot.load(size["robot"], size["gains"])
        variation = Variation.training() if size["randomised"] else Variation.nominal()
        simulator = physics.make(backend, self.body, self.count, **physics_options)
        self.device = simulator.device
        self.task = Task(
            simulator,
            [library.load(name, size["robot"]) for name in clips],
            Options(**size["options"]),
            variation,
        )
        seen = self.task.reset(0)
        self.terms = {name: seen[name].shape[1] for name in observations.ACTOR}
        critic = sum(seen[name].shape[1] for name in observations.CRITIC)
        self.widths = Widths(sum(self.terms.values()), critic, len(self.body.joint_names))

    def reset(self, seed: int) -> Sight:
        return _sight(self.task.reset(seed))

    def prefer(self, weights: Tensor) -> None:
        self.task.weigh_clips(weights)

    def step(self, actions: Tensor) -> Moved:
        clip = self.task.clip.clone()
        seen, reward, terminated, truncated, info = self.task.step(actions)
        sight = _sight(seen)
        last = _joined(info["final"], observations.CRITIC) if "final" in info else sight.critic
        return Moved(sight, last, reward, terminated, terminated | truncated, clip, self.task.tracking_error)

    def close(self) -> None:
        self.task.close()


def training_clips(kinds: Sequence[str], per_kind: int) -> list[str]:
    """Return the names of the training motions, of some kinds or of all that are not held out."""
    known = [k for k in library.KINDS if k not in library.HELD_OUT_KINDS]
    for kind in kinds:
        if kind not in known:
            raise UnknownName("kind of motion to train on", kind, known)
    names = library.names("train", per_kind)
    return [name for name in names if not kinds or name.partition("/")[0] in kinds]


def reward_weights() -> dict[str, list[float | None]]:
    """Return term -> weight and sigma, for the checkpoint's record."""
    return {name: [w.weight, w.sigma] for name, w in rewards.weights().items()}


def _sight(seen: Mapping[str, Tensor]) -> Sight:
    return Sight(_joined(seen, observations.ACTOR), _joined(seen, observations.CRITIC))


def _joined(seen: Mapping[str, Tensor], names: Sequence[str]) -> Tensor:
    return torch.cat([seen[name] for name in names], -1)
