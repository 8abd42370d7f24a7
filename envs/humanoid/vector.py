"""The batched tracking task as a ``gymnasium.vector.VectorEnv``, for loops and libraries that know Gymnasium."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium.spaces import Box
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from torch import Tensor

from envs.humanoid import physics, robot
from envs.humanoid.motions import library
from envs.humanoid.randomisation import Variation
from envs.humanoid.reference import FPS
from envs.humanoid.task import Options, Task
from tasks.motion.motion import Motion

UNLIMITED = np.inf


class TrackingVectorEnv(VectorEnv):
    """N robots that track ``motions``: clips of the procedural set by name (``walk/0003``), or motions with joint
    angles.

    Observations are the task's named terms. A finished environment begins anew in the same step; the observation before
    that is in
    ``infos["final_obs"]``, whose rows count where ``infos["_final_obs"]`` is true.
    """

    metadata = {"render_modes": [], "render_fps": FPS, "autoreset_mode": AutoresetMode.SAME_STEP}

    def __init__(
        self,
        num_envs: int = 1,
        motions: Sequence[str | Motion] = ("stand/0000",),
        robot_name: str = robot.DEFAULT,
        backend: str = "mujoco",
        options: Options | None = None,
        variation: Variation | None = None,
    ):
        body = robot.load(robot_name)
        clips = [library.load(motion, robot_name) if isinstance(motion, str) else motion for motion in motions]
        self.task = Task(physics.make(backend, body, num_envs), clips, options, variation)
        self.num_envs, self.closed = num_envs, False
        limit = self.task.options.action_limit
        self.single_action_space = Box(-limit, limit, (len(body.joint_names),), np.float32)
        # The widths of the terms are those of an observation; this one is thrown away.
        shapes = {name: (int(value.shape[1]),) for name, value in self.task.reset(0).items()}
        self.single_observation_space = gymnasium.spaces.Dict(
            {name: Box(-UNLIMITED, UNLIMITED, shape, np.float32) for name, shape in shapes.items()}
        )
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.observation_space = batch_space(self.single_observation_space, num_envs)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Begin an episode everywhere; without a seed the generator of the last one goes on."""
        super().reset(seed=seed)
        drawn = int(self.np_random.integers(2**31)) if seed is None else seed
        return _arrays(self.task.reset(drawn)), {}

    def step(
        self, actions: np.ndarray
    ) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Advance one control step of 20 ms; ``infos`` has the tracking error and the reasons of what ended."""
        given = torch.as_tensor(np.asarray(actions, np.float32), device=self.task.device)
        observation, reward, terminated, truncated, info = self.task.step(given)
        infos: dict[str, Any] = {"error": _array(info["error"]), "clip": _array(info["clip"])}
        infos |= {f"reason_{name}": _array(value) for name, value in info["reasons"].items()}
        if "final" in info:
            infos |= {"final_obs": _arrays(info["final"]), "_final_obs": _array(terminated | truncated)}
        return _arrays(observation), _array(reward).astype(np.float64), _array(terminated), _array(truncated), infos

    def close_extras(self, **kwargs: Any) -> None:
        self.task.close()


def _arrays(observation: dict[str, Tensor]) -> dict[str, np.ndarray]:
    return {name: _array(value) for name, value in observation.items()}


def _array(values: Tensor) -> np.ndarray:
    return values.cpu().numpy()
