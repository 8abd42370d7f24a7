"""What stands between an agent and the robot in an episode: other physics, delay, pushes, and noise on what is seen."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from envs.humanoid.observations import NOISE
from envs.humanoid.physics import Physics, Properties
from envs.humanoid.randomisation import Variation

PHYSICAL = ("friction", "payload_kg", "motor_strength")
PUSH_EVERY_STEPS = (100, 200)
PLACE_NOISE_M_PER_RAD = 0.5


class Disturbances:
    """One draw of a Variation for each environment, renewed when its episode begins.

    All draws come from one generator, but for the noise of every step on a GPU, which is drawn there.
    """

    def __init__(self, physics: Physics, variation: Variation, generator: torch.Generator):
        self._physics, self._variation, self._generator = physics, variation, generator
        count, device = physics.num_envs, physics.device
        self._noise = generator if device == "cpu" else torch.Generator(device)
        self.values = {axis: torch.zeros(count, device=device) for axis in vars(variation)}
        longest = math.ceil(variation.delay_steps[1])
        self._queue = torch.zeros(count, longest + 1, len(physics.dof_names), device=device)  # newest first
        self._until_push = torch.zeros(count, dtype=torch.long, device=device)
        self._given = torch.zeros(count, dtype=torch.bool)  # which environments have had their properties
        self._pushes = variation.push_speed[1] > 0
        self._noisy = variation.observation_noise[1] > 0
        self._blurred = variation.reference_noise_rad[1] > 0

    def seed(self, seed: int) -> None:
        """Let everything random follow from a seed."""
        self._generator.manual_seed(seed)
        self._noise.manual_seed(seed)

    def begin(self, ids: Tensor, angles: Tensor) -> None:
        """Draw anew for episodes that begin at joint angles (n, D)."""
        drawn = self._variation.draw(len(ids), self._generator)
        given = bool(self._given[ids.cpu()].all())
        for axis, values in drawn.items():
            if not (given and axis in self._physics.fixed):
                self.values[axis][ids] = values.to(self.values[axis].device)
        self._give_properties(ids, given)
        self._queue[ids] = angles[:, None]
        first = torch.randint(*PUSH_EVERY_STEPS, (len(ids),), generator=self._generator)
        self._until_push[ids] = first.to(self._until_push.device)

    def delayed(self, targets: Tensor) -> Tensor:
        """Return the targets (N, D) that reach the motors when these are sent."""
        if self._queue.shape[1] == 1:
            return targets
        self._queue = torch.cat((targets[:, None], self._queue[:, :-1]), 1)
        steps = self.values["delay_steps"].round().long()
        return self._queue[torch.arange(len(targets), device=targets.device), steps]

    def push(self) -> None:
        """Push the robots whose time has come."""
        if not self._pushes:
            return
        self._until_push -= 1
        ids = torch.nonzero(self._until_push <= 0).flatten()
        if not len(ids):
            return
        angle = 2 * torch.pi * torch.rand(len(ids), generator=self._generator).to(self._physics.device)
        way = torch.stack((torch.cos(angle), torch.sin(angle), torch.zeros_like(angle)), -1)
        self._physics.push(ids, self.values["push_speed"][ids, None] * way)
        again = torch.randint(*PUSH_EVERY_STEPS, (len(ids),), generator=self._generator)
        self._until_push[ids] = again.to(self._until_push.device)

    def blurred(self, ids: Tensor, root: Tensor, dof: Tensor) -> tuple[Tensor, Tensor]:
        """Return goals (n, K, 13) and (n, K, D, 2) as the agent sees them."""
        if not self._blurred:
            return root, dof
        level = self.values["reference_noise_rad"][ids, None, None]
        root, dof = root.clone(), dof.clone()
        root[..., :3] += PLACE_NOISE_M_PER_RAD * level * self._normal(root[..., :3])
        dof[..., 0] += level * self._normal(dof[..., 0])
        return root, dof

    def noisy(self, ids: Tensor, observation: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return what the sensors report of an observation."""
        if not self._noisy:
            return observation
        level = self.values["observation_noise"][ids, None]
        noise = {name: level * std * self._normal(observation[name]) for name, std in NOISE.items()}
        return {name: value + noise[name] if name in noise else value for name, value in observation.items()}

    def _normal(self, like: Tensor) -> Tensor:
        return torch.randn(like.shape, generator=self._noise, device=self._noise.device)

    def _give_properties(self, ids: Tensor, given: bool) -> None:
        ranges = (getattr(self._variation, axis) for axis in PHYSICAL)
        if given and all(low == high for low, high in ranges):
            return
        self._given[ids.cpu()] = True
        self._physics.set_properties(ids, Properties(*(self.values[axis][ids] for axis in PHYSICAL)))
