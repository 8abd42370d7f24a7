"""Collecting: T steps of all robots under the present policy, and what happened to whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from agents.humanoid_tracker.network import Actor, Critic
from training.wbc.ppo import Rollout, log_probability
from training.wbc.world import Moved, Sight, World

MM = 1000.0


@dataclass
class Tally:
    """Sums over steps, for each motion: how long it was followed, how closely, and how often it was lost."""

    steps: Tensor  # (clips,)
    error: Tensor  # (clips,) m, summed over steps
    reward: Tensor  # (clips,)
    ended: Tensor  # (clips,)
    failed: Tensor  # (clips,)

    @staticmethod
    def empty(clips: int, device: str = "cpu") -> Tally:
        return Tally(*(torch.zeros(clips, dtype=torch.float64, device=device) for _ in range(5)))

    def cpu(self) -> Tally:
        """Return the sums in the main memory."""
        return Tally(*(total.cpu() for total in vars(self).values()))

    def add(self, moved: Moved) -> None:
        """Count a step of all robots."""
        every = torch.ones_like(moved.reward)
        for total, value in (
            (self.steps, every),
            (self.error, moved.error),
            (self.reward, moved.reward),
            (self.ended, moved.ended),
            (self.failed, moved.terminated),
        ):
            total.index_add_(0, moved.clip, value.double())

    def merge(self, other: Tally) -> None:
        for name, total in vars(self).items():
            total += getattr(other, name)

    def curves(self, names: Sequence[str], step_s: float) -> dict[str, float]:
        """Return means over all steps, and for each kind of motion: error in mm, failures per second."""
        shown = {"reward_per_s": _ratio(self.reward, self.steps * step_s)}
        shown |= {"error_mm": MM * _ratio(self.error, self.steps)}
        shown |= {"episode_s": _ratio(self.steps * step_s, self.ended), "lost_share": _ratio(self.failed, self.ended)}
        kinds = [name.partition("/")[0] for name in names]
        for kind in dict.fromkeys(kinds):
            mine = torch.tensor([k == kind for k in kinds])
            shown[f"error_mm_{kind}"] = MM * _ratio(self.error[mine], self.steps[mine])
            shown[f"lost_per_s_{kind}"] = _ratio(self.failed[mine], self.steps[mine] * step_s)
        return shown


@torch.no_grad()
def collect(
    world: World, sight: Sight, nets: tuple[Actor, Critic], steps: int, generator: torch.Generator
) -> tuple[Rollout, Sight, Tally]:
    """Return ``steps`` steps, what is seen after them, and their tally. The generator is on the world's device."""
    actor, critic = nets
    tally = Tally.empty(len(world.clips), world.device)
    kept: list[tuple[Tensor, ...]] = []
    value = critic(sight.critic)
    for _ in range(steps):
        mean = actor(sight.actor)
        noise = torch.randn(mean.shape, generator=generator, device=generator.device)
        actions = mean + actor.log_std.exp() * noise
        moved = world.step(actions)
        tally.add(moved)
        after = critic(moved.sight.critic)
        following = torch.where(moved.ended, critic(moved.last), after) if bool(moved.ended.any()) else after
        log_prob = log_probability(actions, mean, actor.log_std)
        kept.append(
            (
                sight.actor,
                sight.critic,
                actions,
                log_prob,
                moved.reward,
                value,
                following,
                moved.terminated,
                moved.ended,
            )
        )
        sight, value = moved.sight, after
    return Rollout(*(torch.stack(column) for column in zip(*kept, strict=True))), sight, tally.cpu()


def _ratio(above: Tensor, below: Tensor) -> float:
    total = float(below.sum())
    return float(above.sum()) / total if total else float("nan")
