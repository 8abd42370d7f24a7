"""Motion tracking, batched: N robots follow reference motions at 50 control steps a second.

An episode starts in its reference's state at some frame f. The agent sees the robot and the reference's next frames,
f+1 first; after the step the robot is compared with frame f+1. The episode ends with the motion (truncated) or when the
robot is lost (terminated)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from crossbody.errors import CrossbodyError, InvalidAction
from envs.humanoid import observations, rewards, rotations, terminations
from envs.humanoid.disturbances import Disturbances
from envs.humanoid.observations import Moment
from envs.humanoid.physics import ANGULAR, LINEAR, POSITION, QUAT, Physics
from envs.humanoid.randomisation import Variation
from envs.humanoid.reference import FPS, References
from envs.humanoid.rewards import Tracking, Weight
from tasks.motion.keypoints import ANKLES
from tasks.motion.motion import Motion

FASTEST_M_S = 100.0


class TaskError(CrossbodyError):
    """A tracking task that was asked for what it cannot do."""


@dataclass(frozen=True)
class Options:
    """How the task is set."""

    # actions are added to the next reference frame's angles, so that 0 is open-loop playback; else to the default pose
    residual: bool = True
    future: tuple[int, ...] = (1, 3, 8)  # goals: frames ahead; the first must be 1
    action_limit: float = 6.0  # actions are cut here: no target is further than the motor can use
    limits: Mapping[str, float] = field(default_factory=lambda: dict(terminations.LIMITS))  # rules that end an episode
    weights: Mapping[str, Weight] = field(default_factory=rewards.weights)
    start_noise: float = 0.0  # standard deviation of the first joint angles around the reference's, rad
    longest_steps: int = 0  # truncate episodes here; 0: only the motion's end does
    auto_reset: bool = True  # a finished environment begins a new episode in the same step


class Task:
    """N environments on one physics. All tensors are on the physics' device; ``reset`` or ``start`` comes first."""

    def __init__(
        self,
        physics: Physics,
        motions: Sequence[Motion],
        options: Options | None = None,
        variation: Variation | None = None,
    ):
        self.physics, self.robot, self.options = physics, physics.robot, options or Options()
        self.variation = variation or Variation.nominal()
        self.num_envs, self.device = physics.num_envs, physics.device
        self._substeps = _substeps(physics.dt)
        if self.options.future[:1] != (1,):
            raise TaskError(f"Options.future is {self.options.future}; the first goal must be 1 frame ahead")
        self.references = References.of(motions, self.robot, playback=self.variation.playback[0]).to(self.device)
        self._generator = torch.Generator()
        self._disturbances = Disturbances(physics, self.variation, self._generator)
        self._make_constants()
        self.clip, self.frame, self.steps = (
            torch.zeros(self.num_envs, dtype=torch.long, device=self.device) for _ in range(3)
        )
        joints = len(self.robot.joint_names)
        self._action = torch.zeros(self.num_envs, joints, device=self.device)
        self._base = torch.zeros(self.num_envs, joints, device=self.device)
        self._started = False
        self.now: Tracking | None = None
        self.weigh_clips(self.references.lengths.float() - 1)

    @property
    def action_names(self) -> tuple[str, ...]:
        """Return the joints that actions move, in order."""
        return self.robot.joint_names

    @property
    def weights(self) -> Tensor:
        """How likely an episode starts at each reference frame: (F,), not normalised.
        A clip's last frame starts none."""
        return self._weights

    @weights.setter
    def weights(self, weights: Tensor) -> None:
        frames = len(self.references.root)
        if tuple(weights.shape) != (frames,) or not bool((weights >= 0).all()):
            raise TaskError(f"start weights are {tuple(weights.shape)}; expected ({frames},), none of them negative")
        weights = weights.to("cpu", torch.float64).clone()
        weights[(self.references.starts + self.references.lengths - 1).cpu()] = 0
        if not float(weights.sum()) > 0:
            raise TaskError("start weights are 0 at every frame that can start an episode")
        self._weights, self._cumulative = weights, weights.cumsum(0)

    def weigh_clips(self, weights: Tensor) -> None:
        """Set how likely each clip is, (C,); the frames of a clip are equally likely."""
        lengths = self.references.lengths
        self.weights = torch.repeat_interleave(weights.to(lengths.device) / (lengths - 1), lengths)

    @property
    def keypoints(self) -> Tensor:
        """Return the key points after the last step, before any new episode: (N, 15, 3)."""
        return self._tracking_now().keypoints

    @property
    def reference_keypoints(self) -> Tensor:
        """Return the reference's key points of the same frame: (N, 15, 3)."""
        return self._tracking_now().true_keypoints

    @property
    def tracking_error(self) -> Tensor:
        """Return the mean distance between the two: (N,) m."""
        return terminations.distance(self._tracking_now())

    @property
    def fallen(self) -> Tensor:
        """Return which robots had fallen after the last step: (N,)."""
        return terminations.fallen(self._tracking_now()) | self.diverged

    def reset(self, seed: int) -> dict[str, Tensor]:
        """Begin an episode in every environment and return the observation; everything random follows from the seed."""
        self._disturbances.seed(seed)
        ids = torch.arange(self.num_envs, device=self.device)
        return self._begin_all(ids, *self._draw_starts(self.num_envs))

    def start(self, clips: Sequence[int] | Tensor, frame: int = 0, seed: int = 0) -> dict[str, Tensor]:
        """Begin environment i in clip ``clips[i]`` at a frame and return the observation."""
        chosen = torch.as_tensor(clips, dtype=torch.long, device=self.device)
        count = len(self.references.names)
        if tuple(chosen.shape) != (self.num_envs,) or not bool(((chosen >= 0) & (chosen < count)).all()):
            raise TaskError(f"start takes a clip between 0 and {count - 1} for each of {self.num_envs} environments")
        shortest = int(self.references.lengths[chosen].min())
        if not 0 <= frame < shortest - 1:
            raise TaskError(f"start at frame {frame}; the shortest clip has the frames 0 to {shortest - 1}")
        self._disturbances.seed(seed)
        ids = torch.arange(self.num_envs, device=self.device)
        return self._begin_all(ids, chosen, torch.full_like(chosen, frame))

    def step(self, actions: Tensor) -> tuple[dict[str, Tensor], Tensor, Tensor, Tensor, dict[str, Any]]:
        """Advance one control step and return observation, reward (N,), terminated (N,), truncated (N,) and info.

        ``actions`` are (N, D), times ``robot.action_scale`` radians. The info has ``terms`` (the weighted reward
        terms),
        ``reasons`` (rule -> (N,)), ``error`` (N,) m and ``clip`` (N,), all of the episodes that were stepped; and when
        episodes ended and began anew ``final``, the observation before that.
        """
        self._check(actions)
        actions = actions.clamp(-self.options.action_limit, self.options.action_limit)
        targets = self._disturbances.delayed(self._base + self._scale * actions)
        self._disturbances.push()
        self.physics.set_targets(targets)
        self.physics.step(self._substeps)
        self.steps += 1
        self.frame = torch.minimum(self.frame + 1, self.references.lengths[self.clip] - 1)
        self.now = self._compare(actions, targets)
        reasons = {**terminations.broken(self.now, self.options.limits), "diverged": self.diverged}
        self.now.failed = terminated = torch.stack(tuple(reasons.values())).any(0)
        reward, terms = rewards.total(self.now, self.options.weights, 1 / FPS)
        reasons["ended"] = truncated = self._out_of_time() & ~terminated
        self._action = actions
        observation = self._observe(self._everyone)
        info: dict[str, Any] = {
            "terms": terms,
            "reasons": reasons,
            "error": self.tracking_error,
            "clip": self.clip.clone(),
        }
        ids = torch.nonzero(terminated | truncated).flatten()
        if self.options.auto_reset and len(ids):
            info["final"] = observation
            observation = self._renew(ids, observation)
        return observation, reward, terminated, truncated, info

    def close(self) -> None:
        """Close the physics."""
        self.physics.close()

    def _make_constants(self) -> None:
        def tensor(values):
            return torch.as_tensor(values, dtype=torch.float32, device=self.device)

        robot, names = self.robot, list(self.physics.body_names)
        self._everyone = torch.arange(self.num_envs, device=self.device)
        self._default, self._scale = tensor(robot.default_angles), tensor(robot.action_scale)
        self._limits, self._effort = tensor(robot.limits), tensor(robot.effort)
        self._stiffness, self._damping = tensor(robot.stiffness), tensor(robot.damping)
        self._point_bodies = torch.tensor([names.index(body) for body, _ in robot.keypoints], device=self.device)
        self._point_offsets = tensor([offset for _, offset in robot.keypoints])
        self._feet = self._point_bodies[list(ANKLES)]
        self._future = torch.tensor(self.options.future, device=self.device)
        self.diverged = torch.zeros(self.num_envs, dtype=torch.bool, device=self.device)

    def _begin_all(self, ids: Tensor, clips: Tensor, frames: Tensor) -> dict[str, Tensor]:
        self._begin(ids, clips, frames)
        self._started = True
        self.now = self._compare(self._action, self.physics.dof_state[..., 0])
        return self._observe(ids)

    def _begin(self, ids: Tensor, clips: Tensor, frames: Tensor) -> None:
        self.clip[ids], self.frame[ids], self.steps[ids] = clips, frames, 0
        rows = self.references.starts[clips] + frames
        dof = self.references.dof[rows]
        if self.options.start_noise:
            noise = torch.randn(dof.shape[:2], generator=self._generator).to(self.device)
            dof = dof.clone()
            dof[..., 0] += self.options.start_noise * noise
        self._disturbances.begin(ids, dof[..., 0])
        self.physics.reset_idx(ids, self.references.root[rows], dof)
        self._action[ids] = 0

    def _renew(self, ids: Tensor, before: dict[str, Tensor]) -> dict[str, Tensor]:
        self._action = self._action.clone()
        self._begin(ids, *self._draw_starts(len(ids)))
        observation = {name: value.clone() for name, value in before.items()}
        for name, value in self._observe(ids).items():
            observation[name][ids] = value
        return observation

    def _draw_starts(self, count: int) -> tuple[Tensor, Tensor]:
        drawn = torch.rand(count, generator=self._generator, dtype=torch.float64) * self._cumulative[-1]
        rows = torch.searchsorted(self._cumulative, drawn, right=True).to(self.device)
        clips = torch.searchsorted(self.references.starts, rows, right=True) - 1
        return clips, rows - self.references.starts[clips]

    def _out_of_time(self) -> Tensor:
        ended = self.frame >= self.references.lengths[self.clip] - 1
        return ended | (self.steps >= self.options.longest_steps) if self.options.longest_steps else ended

    def _state(self, ids: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Return root, joints, bodies, forces and who is sound; for those who diverged the reference stands in."""
        physics = self.physics
        root, dof = physics.root_state[ids], physics.dof_state[ids]
        bodies, forces = physics.body_state[ids], physics.contact_forces[ids]
        sound = torch.isfinite(root).all(-1) & torch.isfinite(dof).flatten(1).all(-1)
        sound &= torch.linalg.vector_norm(torch.nan_to_num(root[:, LINEAR]), dim=-1) < FASTEST_M_S
        if not bool(sound.all()):
            rows = self.references.starts[self.clip[ids]] + self.frame[ids]
            root = torch.where(sound[:, None], root, self.references.root[rows])
            dof = torch.where(sound[:, None, None], dof, self.references.dof[rows])
            bodies = torch.where(sound[:, None, None], bodies, root[:, None])
            forces = torch.where(sound[:, None, None], forces, torch.zeros_like(forces))
        return root, dof, bodies, forces, sound

    def _points(self, bodies: Tensor) -> tuple[Tensor, Tensor]:
        carriers = bodies.index_select(1, self._point_bodies)
        arm = rotations.rotate(carriers[..., QUAT], self._point_offsets)
        velocity = carriers[..., LINEAR] + torch.linalg.cross(carriers[..., ANGULAR], arm)
        return carriers[..., POSITION] + arm, velocity

    def _compare(self, actions: Tensor, targets: Tensor) -> Tracking:
        root, dof, bodies, forces, sound = self._state(self._everyone)
        self.diverged = ~sound
        points, velocity = self._points(bodies)
        rows = self.references.starts[self.clip] + self.frame
        feet = bodies.index_select(1, self._feet)
        torque = self._stiffness * (targets - dof[..., 0]) - self._damping * dof[..., 1]
        return Tracking(
            root=root,
            dof=dof,
            keypoints=points,
            keypoint_velocity=velocity,
            feet_velocity=feet[..., LINEAR],
            feet_forces=forces.index_select(1, self._feet),
            true_root=self.references.root[rows],
            true_dof=self.references.dof[rows],
            true_keypoints=self.references.keypoints[rows],
            true_keypoint_velocity=self.references.keypoint_velocity[rows],
            action=actions,
            previous_action=self._action,
            torque=(torque / self._effort).clamp(-1, 1),
            limits=self._limits,
            failed=self.diverged,
        )

    def _observe(self, ids: Tensor) -> dict[str, Tensor]:
        root, dof, bodies, forces, _ = self._state(ids)
        points, velocity = self._points(bodies)
        ahead = self.frame[ids, None] + self._future
        rows = self.references.starts[self.clip[ids], None] + torch.minimum(
            ahead, self.references.lengths[self.clip[ids], None] - 1
        )
        goal_root, goal_dof = self._disturbances.blurred(ids, self.references.root[rows], self.references.dof[rows])
        self._base[ids] = goal_dof[:, 0, :, 0] if self.options.residual else self._default
        moment = Moment(
            root=root,
            dof=dof,
            keypoints=points,
            keypoint_velocity=velocity,
            feet_forces=forces.index_select(1, self._feet),
            default=self._default,
            action=self._action[ids],
            goal_root=goal_root,
            goal_dof=goal_dof,
            goal_keypoints=self.references.keypoints[rows],
        )
        observation = {name: term(moment) for name, term in observations.TERMS.items()}
        return self._disturbances.noisy(ids, observation)

    def _check(self, actions: Tensor) -> None:
        if not self._started:
            raise TaskError("step before reset: call reset(seed) or start(clips) first")
        expected = (self.num_envs, len(self.robot.joint_names))
        if tuple(actions.shape) != expected:
            raise InvalidAction(f"actions are {tuple(actions.shape)}; expected {expected}: environments, joints")
        if not bool(torch.isfinite(actions).all()):
            env, joint = torch.nonzero(~torch.isfinite(actions))[0].tolist()
            value = float(actions[env, joint])
            raise InvalidAction(f"environment {env}, {self.robot.joint_names[joint]}: the action is {value}")

    def _tracking_now(self) -> Tracking:
        if self.now is None:
            raise TaskError("nothing was tracked yet: call reset(seed) or start(clips) first")
        return self.now


def _substeps(dt: float) -> int:
    substeps = round(1 / FPS / dt)
    if substeps < 1 or abs(substeps * dt * FPS - 1) > 1e-6:
        raise TaskError(f"the physics' step is {dt} s; expected one that divides a control step of {1 / FPS} s")
    return substeps
