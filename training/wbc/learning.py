"""The loop: collect, learn, remember what is hard; at every snapshot all robots start anew,
so that a resume is exact."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from agents.humanoid_tracker.network import SMALL, Actor, Critic, initialise
from crossbody.errors import CrossbodyError
from training.show import Curves, progress
from training.wbc.collecting import Tally, collect
from training.wbc.difficulty import Difficulty
from training.wbc.ppo import Rollout, Settings, update
from training.wbc.snapshot import State
from training.wbc.world import Sight, World

LAST_SHARE = 0.1
"""Of the learning rate, at the end of a linear decay."""


@dataclass(frozen=True)
class Schedule:
    """How long a run takes and what it notes."""

    folder: Path
    iterations: int
    steps: int  # of every robot in each iteration
    step_s: float
    seed: int
    save_every: int
    log_every: int


@dataclass(frozen=True)
class Shape:
    """The networks' hidden layers, and how random the policy begins."""

    actor: tuple[int, ...]
    critic: tuple[int, ...]
    first_std: float


class Learner:
    """Trains a policy in a world. ``saved`` is called after every snapshot with the actor and what the curves show."""

    def __init__(self, world: World, shape: Shape, settings: Settings, schedule: Schedule):
        self.world, self.settings, self.schedule = world, settings, schedule
        generator = torch.Generator().manual_seed(schedule.seed)
        widths = world.widths
        self.actor = Actor(widths.actor, widths.actions, shape.actor, shape.first_std)
        self.critic = Critic(widths.critic, shape.critic)
        initialise(self.actor, SMALL, generator)
        initialise(self.critic, 1.0, generator)
        if world.device != "cpu":  # noise and orders are drawn where they are used
            generator = torch.Generator(world.device).manual_seed(schedule.seed)
        nets = nn.ModuleDict({"actor": self.actor, "critic": self.critic}).to(world.device)
        optimizer = torch.optim.Adam(nets.parameters(), settings.learning_rate, eps=1e-5)
        self.state = State(nets, optimizer, generator, Difficulty(len(world.clips), schedule.step_s))
        self.state.resume(schedule.folder)

    def run(self, saved: Callable[[dict[str, float]], None] = lambda shown: None) -> dict[str, float]:
        """Train to the last iteration and return what was noted last."""
        s, state = self.schedule, self.state
        first = state.iteration
        curves = Curves(s.folder, first)
        if first == s.iterations:  # killed between the last snapshot and what follows it
            saved(curves.last())
            return curves.last()
        sight = self._begin()
        tally, since = Tally.empty(len(self.world.clips)), time.monotonic()
        for _ in progress(range(first, s.iterations), s.iterations, "training", first):
            rollout, sight, counted = self._collect(sight)
            learnt = self._learn(rollout)
            state.difficulty.learn(counted)
            tally.merge(counted)
            state.iteration += 1
            if self._every(s.log_every):
                state.seconds, since = state.seconds + time.monotonic() - since, time.monotonic()
                curves.add(state.iteration, self._facts(learnt, tally))
                tally = Tally.empty(len(self.world.clips))
            if self._every(s.save_every):
                state.save(s.folder)
                curves.draw()
                saved(curves.last())
                sight = self._begin()
        return curves.last()

    def _every(self, iterations: int) -> bool:
        return self.state.iteration % iterations == 0 or self.state.iteration == self.schedule.iterations

    def _begin(self) -> Sight:
        """Start all robots anew: what follows depends on the snapshot, the seed and the iteration's number only."""
        self.world.prefer(self.state.difficulty.weights())
        sight = self.world.reset(_seed(self.schedule.seed, self.state.iteration))
        if float(self.actor.normaliser.count) == 0:
            # Before the first lesson: a round of practice shows the normalisers what there is to see.
            rollout, sight, _ = self._collect(sight)
            self._look(rollout)
        return sight

    def _collect(self, sight: Sight) -> tuple[Rollout, Sight, Tally]:
        nets, s = (self.actor, self.critic), self.schedule
        return collect(self.world, sight, nets, s.steps, self.state.generator)

    def _learn(self, rollout: Rollout) -> dict[str, float]:
        for group in self.state.optimizer.param_groups:
            group["lr"] = self._rate()
        learnt = update(self.actor, self.critic, self.state.optimizer, rollout, (self.settings, self.state.generator))
        if not all(bool(p.isfinite().all()) for p in self.state.nets.parameters()):
            raise CrossbodyError(
                f"the weights are not finite at iteration {self.state.iteration}; lower --learning-rate."
            )
        self._look(rollout)  # after the lesson, which needs the eyes that the actions were taken with
        return learnt

    def _look(self, rollout: Rollout) -> None:
        self.actor.normaliser.update(rollout.actor.flatten(0, 1))
        self.critic.normaliser.update(rollout.critic.flatten(0, 1))

    def _rate(self) -> float:
        first = self.settings.learning_rate
        if self.settings.decay == "fixed":
            return first
        return first * (1 - (1 - LAST_SHARE) * self.state.iteration / self.schedule.iterations)

    def _facts(self, learnt: dict[str, float], tally: Tally) -> dict[str, float]:
        samples = self.state.iteration * self.schedule.steps * self.world.count
        facts = {"samples": float(samples), "minutes": self.state.seconds / 60}
        return facts | tally.curves(self.world.clips, self.schedule.step_s) | learnt | {"learning_rate": self._rate()}


def greedy(actor: Actor, observation: Tensor) -> Tensor:
    """Return the actions (n, actions) without exploration."""
    with torch.no_grad():
        return actor(observation)


def _seed(seed: int, iteration: int) -> int:
    digest = hashlib.sha256(f"{seed}/{iteration}".encode()).digest()
    return int.from_bytes(digest[:4], "little")
