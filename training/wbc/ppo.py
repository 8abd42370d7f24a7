"""Proximal policy optimisation (Schulman et al. 2017): advantages, the clipped objective, and one update.

Own code, and short: rsl-rl, the field's usual library, keeps checkpoints as pickles and does not resume to the last
bit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from agents.humanoid_tracker.network import Actor, Critic

LOG_2PI = 1.8378770664093453


@dataclass(frozen=True)
class Settings:
    """Numbers of the algorithm, from a size's file."""

    discount: float
    trace: float  # lambda of generalised advantage estimation
    clip: float  # how far a probability ratio may go before its gradient is cut
    epochs: int
    minibatches: int
    learning_rate: float
    decay: str  # 'fixed', or 'linear' down to a tenth
    kl_limit: float  # an update ends early where the policy has moved further than this, in nats
    entropy: float  # weight of the bonus for staying random
    value_weight: float
    max_norm: float


@dataclass
class Rollout:
    """What T steps of N environments gave; rewards are scaled by the length of a step."""

    actor: Tensor  # (T, N, width)
    critic: Tensor  # (T, N, width)
    actions: Tensor  # (T, N, actions)
    log_prob: Tensor  # (T, N) of the actions, under the policy that took them
    rewards: Tensor  # (T, N)
    values: Tensor  # (T, N) of the state before each step
    next_values: Tensor  # (T, N) of the state after it, before any reset
    terminated: Tensor  # (T, N) bool: nothing is worth anything afterwards
    ended: Tensor  # (T, N) bool: terminated, or cut off by the clock


def advantages(rollout: Rollout, discount: float, trace: float) -> Tensor:
    """Return generalised advantages (T, N) (Schulman et al. 2016).

    A terminated episode is worth 0 afterwards, one that the clock cut off what the critic says of its last state.
    """
    alive, goes_on = (~rollout.terminated).float(), (~rollout.ended).float()
    surprise = rollout.rewards + discount * alive * rollout.next_values - rollout.values
    found = torch.zeros_like(surprise)
    running = torch.zeros_like(surprise[0])
    for t in reversed(range(len(surprise))):
        running = surprise[t] + discount * trace * goes_on[t] * running
        found[t] = running
    return found


def log_probability(actions: Tensor, mean: Tensor, log_std: Tensor) -> Tensor:
    """Return the log density (n,) of actions (n, actions) under independent Gaussians."""
    return (-0.5 * (((actions - mean) / log_std.exp()) ** 2 + LOG_2PI) - log_std).sum(-1)


def clipped_loss(ratio: Tensor, advantage: Tensor, clip: float) -> Tensor:
    """Return the clipped surrogate, as a loss: a ratio beyond 1 ± clip gains nothing more."""
    return -torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage).mean()


def kl(log_ratio: Tensor) -> Tensor:
    """Return an estimate of the divergence from the old policy to the new one, never negative (k3 of Schulman 2020)."""
    return (log_ratio.exp() - 1 - log_ratio).mean()


def update(
    actor: Actor,
    critic: Critic,
    optimizer: torch.optim.Optimizer,
    rollout: Rollout,
    rules: tuple[Settings, torch.Generator],
) -> dict[str, float]:
    """Improve actor and critic on a rollout and return what is worth a curve.

    Where the policy has moved further than ``kl_limit`` it stays, and the critic goes on learning.
    """
    settings, generator = rules
    flat = _flat(rollout, advantages(rollout, settings.discount, settings.trace))
    parameters = [*actor.parameters(), *critic.parameters()]
    sums: dict[str, list[float]] = defaultdict(list)
    lessons, moving = 0, True
    for rows in _minibatches(len(flat["actions"]), settings, generator):
        part = {name: value[rows] for name, value in flat.items()}
        value_loss = (critic(part["critic"]) - part["returns"]).square().mean()
        loss = settings.value_weight * value_loss
        sums["value_loss"].append(float(value_loss.detach()))
        if moving:
            log_ratio = log_probability(part["actions"], actor(part["actor"]), actor.log_std) - part["log_prob"]
            sums["kl"].append(float(kl(log_ratio.detach())))
            moving = sums["kl"][-1] <= settings.kl_limit
        if moving:
            surrogate = clipped_loss(log_ratio.exp(), part["advantage"], settings.clip)
            entropy = (actor.log_std + 0.5 * (1 + LOG_2PI)).sum()
            loss = loss + surrogate - settings.entropy * entropy
            sums["surrogate"].append(float(surrogate.detach()))
            lessons += 1
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, settings.max_norm)
        optimizer.step()
    shown = {name: sum(values) / len(values) for name, values in sums.items()}
    share = lessons / (settings.epochs * settings.minibatches)
    return shown | {"lessons_share": share, "std": float(actor.log_std.detach().exp().mean())}


def _flat(rollout: Rollout, found: Tensor) -> dict[str, Tensor]:
    """Return the rollout's steps in one row, advantages standardised over all of them."""
    flat = {
        f.name: getattr(rollout, f.name).flatten(0, 1)
        for f in fields(rollout)
        if f.name in ("actor", "critic", "actions", "log_prob")
    }
    advantage = found.flatten()
    flat["returns"] = advantage + rollout.values.flatten()
    flat["advantage"] = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
    return flat


def _minibatches(rows: int, settings: Settings, generator: torch.Generator) -> Iterator[Tensor]:
    for _ in range(settings.epochs):
        yield from torch.randperm(rows, generator=generator, device=generator.device).chunk(settings.minibatches)
