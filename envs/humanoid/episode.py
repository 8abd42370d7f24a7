"""One humanoid that tracks one motion: the environment in which controllers are scored,
``crossbody/HumanoidTracking-v1``.

It is the batched task with one robot, without resets of its own. At control step t the agent sees the robot at frame t
and the reference from t+1 on; after the step, the signals hold robot and reference at frame t+1: one frame for both.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any, cast

import gymnasium
import numpy as np
import torch

from crossbody.contracts import Chunk, ChunkResult, Contract
from crossbody.errors import CrossbodyError, UnknownName
from envs.humanoid import conditions, observations, physics, rewards, robot, rotations, terminations
from envs.humanoid.dance import dance
from envs.humanoid.motions import library
from envs.humanoid.physics import ANGULAR, POSITION, QUAT
from envs.humanoid.task import Options, Task
from envs.instruction import Instruction
from tasks import tracking
from tasks.motion.motion import Motion

UNLIMITED = 1e3
"""Actions here are what agents command, not what a policy explores."""

STRANGER = "stranger"
"""The motion that an external policy brings along; the word is hashed."""


@cache
def contract(robot_name: str) -> Contract:
    """Return what the environment of a robot offers; the widths of the terms are those that the task gives."""
    body = robot.load(robot_name)
    simulator = physics.make("mujoco", body, 1)
    task = Task(simulator, [library.make("stand", 0, robot_name)], Options(auto_reset=False))
    terms = {name: int(value.shape[1]) for name, value in task.start([0]).items() if name in observations.CRITIC}
    task.close()
    return tracking.contract(len(body.joint_names), terms)


class Tracking(gymnasium.Env):
    """``motion``: ``<kind>``, ``<kind>.<condition>`` (see ``conditions.toml``) or ``stranger``. ``rules``:
    a table of ``rules.toml``."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": tracking.CONTROL_HZ}

    def __init__(
        self,
        motion: str = "walk",
        robot_name: str = robot.DEFAULT,
        rules: str = "h2o",
        backend: str = "mujoco",
        render_mode: str | None = "rgb_array",
    ):
        torch.set_num_threads(1)
        self.render_mode, self._motion = render_mode, motion
        kind, _, rest = motion.partition(".")
        self._kind, self._condition = (
            (kind, conditions.parse(f"{conditions.ANY}.{rest}" if rest else conditions.ANY)[1])
            if kind == STRANGER
            else conditions.parse(motion)
        )
        if rules not in _rules():
            raise UnknownName("set of rules", rules, _rules())
        self._rules, self._backend = rules, backend
        self._robot = robot.load(robot_name)
        threads = {"threads": 1} if backend == "mujoco" else {}
        self._physics = physics.make(backend, self._robot, 1, **threads)
        self._task: Task | None = None
        self._seen: dict[str, torch.Tensor] = {}
        self._caption, self._lost, self._picture = "", False, None
        self._default = self._robot.default_angles.astype(np.float32)
        self._scale = self._robot.action_scale.astype(np.float32)
        self._next = self._default
        self._contract = contract(robot_name)
        self._observe = {c.name for c in self._contract.observation}
        self.observation_space = gymnasium.spaces.Dict(
            {c.name: _space(c.shape, c.dtype) for c in self._contract.observation}
        )
        self.action_space = gymnasium.spaces.Dict({c.name: _space(c.shape, c.dtype) for c in self._contract.action})

    def contract(self) -> Contract:
        return self._contract

    def fingerprint(self) -> dict[str, Any]:
        from importlib.metadata import version

        return {
            "env": "crossbody/HumanoidTracking-v1",
            "robot": f"{self._robot.name}, {self._robot.gains} gains",
            "physics": f"{self._backend}, mujoco {version('mujoco')}",
            "motions": f"procedural-{library.VERSION}",
            "rules": {key: _rules()[self._rules][key] for key in ("ends", "fails")},
        }

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[dict, dict]:
        """Begin at the reference's first frame. The scene says which motion it is and what is changed about it."""
        super().reset(seed=seed)
        options = options or {}
        number = int(self.np_random.integers(2**31)) if seed is None else seed
        self._observe = set(options.get("observe", self.observation_space))
        scene = options.get("scene") or {"seed": number, **self._draw(number)}
        motion = self._reference(scene)
        limits = _rules()[self._rules]["ends"]
        chosen = Options(action_limit=UNLIMITED, limits=limits, weights=_unpaid(), auto_reset=False)
        self._task = Task(self._physics, [motion], chosen, self._condition.variation)
        self._seen = self._task.start([0], seed=int(scene["seed"]))
        self._caption = motion.texts[0] if motion.texts and scene.get("caption", True) else ""
        self._lost, self._next = False, self._ahead()
        return self._observation(), {"instruction": self._caption, "scene": scene, "success": False}

    def step(self, action: dict[str, np.ndarray]) -> tuple[dict, float, bool, bool, dict]:
        task = self._running()
        # The task's own unit of action, from the next reference angles as they were shown.
        action_units = (np.asarray(action["action.joints"], np.float32) - self._next) / self._scale
        self._seen, reward, terminated, truncated, _ = task.step(torch.from_numpy(action_units)[None])
        self._next = self._ahead()
        beyond = terminations.broken(cast(rewards.Tracking, task.now), _rules()[self._rules]["fails"])
        self._lost |= bool(terminated) or any(bool(b) for b in beyond.values())
        success = bool(truncated) and not self._lost
        return self._observation(), float(reward), bool(terminated), bool(truncated), {"success": success}

    def step_chunk(self, chunk: Chunk, on_step: Any = None) -> ChunkResult:
        bits: list[bool] = []
        signals: list[dict[str, np.ndarray]] = []
        observation, over = {}, False
        for target in chunk["action.joints"]:
            observation, _, terminated, truncated, info = self.step({"action.joints": target})
            bits.append(info["success"])
            signals.append(self._signals())
            over = terminated or truncated
            if (on_step is not None and on_step(len(bits) - 1, bits[-1])) or over:
                break
        return ChunkResult(observation, bits, {n: np.stack([s[n] for s in signals]) for n in signals[0]}, over)

    def render(self) -> np.ndarray:
        """Return the robot beside the reference's key points, from a camera that goes along."""
        from envs.humanoid.picture import Picture

        task = self._running()
        self._picture = self._picture or Picture(self._robot)
        root, joints = self._physics.root_state[0], self._physics.dof_state[0, :, 0]
        return self._picture.draw(root[:7].numpy(), joints.numpy(), task.reference_keypoints[0].numpy())

    def close(self) -> None:
        if self._picture is not None:
            self._picture.close()
        self._physics.close()

    def _draw(self, seed: int) -> dict[str, Any]:
        if self._kind == STRANGER:
            return {"motion": STRANGER}
        return conditions.draw(self._kind, self._condition, seed)

    def _reference(self, scene: dict[str, Any]) -> Motion:
        if scene["motion"] == STRANGER:
            return dance()
        return conditions.reference(scene, self._robot.name)

    def _ahead(self) -> np.ndarray:
        """Return the next reference angles (D,) rad, with the noise that the condition puts on them."""
        return self._seen["goal_joints"][0, : len(self._default)].numpy() + self._default

    def _observation(self) -> dict[str, Any]:
        found: dict[str, Any] = {f"tracking.{name}": value[0].numpy().copy() for name, value in self._seen.items()}
        task, dof = self._running(), self._physics.dof_state[0].numpy()
        root = self._physics.root_state
        torso = self._physics.body_state[
            0, list(self._physics.body_names).index(self._physics.robot.carrier("torso")), QUAT
        ]
        found |= {
            "state.joints": dof[:, 0].copy(),
            "state.joint_velocity": dof[:, 1].copy(),
            tracking.GYRO.name: rotations.unrotate(root[:, QUAT], root[:, ANGULAR])[0].numpy(),
            tracking.TORSO.name: torso.numpy().copy(),
            "reference.joints": self._next.copy(),
            tracking.FRAME.name: task.frame.numpy().astype(np.float32),
            tracking.LANGUAGE.name: self._caption,
        }
        return {name: value for name, value in found.items() if name in self._observe}

    def _signals(self) -> dict[str, np.ndarray]:
        task = self._running()
        now = cast(rewards.Tracking, task.now)
        last = float(task.references.lengths[0]) - 1
        return {
            "state.joints": now.dof[0, :, 0].numpy().copy(),
            "reference.joints": now.true_dof[0, :, 0].numpy().copy(),
            "body.keypoints": now.keypoints[0].numpy().copy(),
            "reference.keypoints": now.true_keypoints[0].numpy().copy(),
            "body.root": np.concatenate([now.root[0, POSITION].numpy(), now.root[0, QUAT].numpy()]),
            "body.fallen": task.fallen[0].numpy().astype(np.uint8),
            "reference.progress": np.array(float(task.frame[0]) / last, np.float32),
        }

    def _running(self) -> Task:
        if self._task is None:
            raise CrossbodyError("the humanoid was asked for something before reset()")
        return self._task


@cache
def _rules() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "rules.toml").read_text())


@cache
def _unpaid() -> dict[str, rewards.Weight]:
    """Nobody learns here: one term, for the reward that Gymnasium's step returns."""
    return {"keypoints": rewards.weights()["keypoints"]}


def _space(shape: tuple[int, ...], dtype: str) -> gymnasium.Space:
    if dtype == "str":
        return Instruction(300, charset="".join(map(chr, range(32, 127))))
    return gymnasium.spaces.Box(-np.inf, np.inf, shape, np.dtype(dtype).type)
