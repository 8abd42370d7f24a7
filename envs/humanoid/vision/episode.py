"""A humanoid that sees and acts through its whole-body controller: ``crossbody/HumanoidVision-v1``, the tasks of
Humanoid-VLA's Table 5.

An agent's action is one frame of key points per control step. It is retargeted to the robot and put at the end of the
reference that the controller follows, which executes it ``LEAD`` steps later. Rules of success look at what the robot
and the things around it did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import gymnasium
import numpy as np
import torch

from crossbody.contracts import Chunk, ChunkResult, Contract, digest
from crossbody.errors import CrossbodyError
from envs.humanoid import rewards, robot, terminations
from envs.humanoid.motions import library
from envs.humanoid.motions.plan import standing
from envs.humanoid.reference import FPS
from envs.humanoid.retarget import online
from envs.humanoid.task import Options, Task
from envs.humanoid.vision import command, rules, scenes
from envs.humanoid.vision.cameras import Cameras
from envs.humanoid.vision.controller import Controller
from envs.humanoid.vision.memory import Memory
from envs.humanoid.vision.skills import Skills
from envs.humanoid.vision.stage import Stage
from envs.humanoid.vision.world import World
from envs.instruction import Instruction
from tasks import humanoid_vision as channels
from tasks.motion.motion import Motion
from tasks.tracking import LANGUAGE

RULES_VERSION = 1
COMMANDS = f"15 key points, retargeted on line, version {online.VERSION}"
UNLIMITED = 1e3
FALLS = {name: terminations.LIMITS[name] for name in terminations.FALLS}


class Vision(gymnasium.Env):
    """``task``: a table of ``scenes.toml``. ``controller``: an agent that tracks references,
    such as humanoid_tracker or open_loop."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": FPS}

    def __init__(
        self,
        task: str = "turn_to_object",
        controller: str = "humanoid_tracker",
        robot_name: str = robot.DEFAULT,
        render_mode: str | None = "rgb_array",
    ):
        torch.set_num_threads(1)
        self.render_mode, self._name, self._chosen = render_mode, task, scenes.task(task)
        self._robot = robot.load(robot_name)
        self._controller = Controller(controller, robot_name)
        self.skills = Skills(self._robot)
        """Motions with an aim, for agents that are attached to the environment."""
        self._contract = channels.contract(len(self._robot.joint_names))
        self._retargeter = online.Online(self._robot)
        self._observe = {c.name for c in self._contract.observation}
        self._cameras: Cameras | None = None
        self._task: Task | None = None
        self.observation_space = _space(self._contract.observation)
        self.action_space = _space(self._contract.action)

    def contract(self) -> Contract:
        return self._contract

    def fingerprint(self) -> dict[str, Any]:
        from importlib.metadata import version

        return {
            "env": "crossbody/HumanoidVision-v1",
            "robot": f"{self._robot.name}, {self._robot.gains} gains",
            "physics": f"mujoco {version('mujoco')}",
            "motions": f"procedural-{library.VERSION}",
            "tasks": digest({name: _plain(task) for name, task in scenes.tasks().items()}),
            "rules": RULES_VERSION,
            "commands": COMMANDS,
            "controller": self._controller.card,
        }

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[dict, dict]:
        """Build the scene around the standing robot."""
        super().reset(seed=seed)
        options = options or {}
        number = int(self.np_random.integers(2**31)) if seed is None else seed
        self._observe = set(options.get("observe", self.observation_space))
        scene = options.get("scene") or scenes.draw(self._name, number)
        self._close_eyes()
        self._world = World(self._robot, scenes.build(scene, self._robot))
        self._stage = Stage(scene, self._world, self.skills)
        first = self.skills.posed(standing(0.1))
        self._pose = (first.root[0], first.joints[0])
        self._retargeter.reset(*self._pose)
        self._last = self._retargeter.keypoints()
        self._person: np.ndarray | None = None
        self._steps, self._longest = 0, round(self._chosen.seconds * FPS)
        still = Options(action_limit=UNLIMITED, limits=FALLS, weights=_unpaid(), auto_reset=False)
        self._task = Task(self._world, [self._standing()], still)
        self._stage.move(0)
        self._seen = self._task.start([0])
        self._memory = Memory(self._world)
        self._cameras = Cameras(self._world)
        self._instruction = scenes.instruction(scene)
        return self._observation(), {"instruction": self._instruction, "scene": scene, "success": False}

    def step(self, action: Mapping[str, np.ndarray]) -> tuple[dict, float, bool, bool, dict]:
        success, fallen, over = self._advance(action)
        return self._observation(), float(success), fallen, over, {"success": success}

    def step_chunk(self, chunk: Chunk, on_step: Any = None) -> ChunkResult:
        """Follow a chunk of reference frames; the picture is taken at its end."""
        bits: list[bool] = []
        signals: list[dict[str, np.ndarray]] = []
        over = False
        for k in range(len(next(iter(chunk.values())))):
            success, fallen, late = self._advance({name: values[k] for name, values in chunk.items()})
            bits.append(success)
            signals.append(self._signals())
            over = fallen or late
            if (on_step is not None and on_step(k, success)) or over:
                break
        stacked = {name: np.stack([s[name] for s in signals]) for name in signals[0]}
        return ChunkResult(self._observation(), bits, stacked, over)

    def render(self) -> np.ndarray:
        """Return the scene from the side, the head camera's picture in a corner."""
        self._running()
        assert self._cameras is not None
        return self._cameras.beside()

    def close(self) -> None:
        self._close_eyes()
        self._controller.close()

    def _advance(self, action: Mapping[str, np.ndarray]) -> tuple[bool, bool, bool]:
        """Take one command and one control step; return success, whether the robot fell, and whether time is over."""
        task = self._running()
        self._take(action)
        self._stage.move(self._steps + 1)
        targets = self._controller.targets(self._seen, self._ahead())
        units = (targets - self._ahead()) / self._robot.action_scale.astype(np.float32)
        self._seen, _, terminated, _, _ = task.step(torch.from_numpy(units)[None])
        self._steps += 1
        now = cast(rewards.Tracking, task.now)
        self._memory.add(now.keypoints[0].numpy(), self._stage.partner, self._stage.phase)
        fallen = bool(terminated)
        success = not fallen and rules.RULES[self._chosen.rule](self._memory.history(), self._chosen.limits)
        return success, fallen, self._steps >= self._longest

    def _take(self, action: Mapping[str, np.ndarray]) -> None:
        """Check a command and write its pose to the reference's end:
        the furthest frame that the controller sees after this step."""
        points = np.asarray(action[channels.COMMAND.name], np.float64)
        if self._person is None:  # of any size, so that only its pose says whether it begins where the robot stands
            command.check(points, points, points, self._steps)
            pose = self._retargeter.follow(points)
            command.check_start(pose[0], self._pose[0], self._steps)
            self._person = points
        else:
            command.check(points, self._last, self._person, self._steps)
            pose = self._retargeter.follow(points)
        self._pose, self._last = pose, points
        row = self._steps + channels.LEAD + 1
        self._running().references.write(row, *self._pose, self._retargeter.keypoints())

    def _standing(self) -> Motion:
        """Return the reference before anything was commanded, as long as an episode can be."""
        root, joints = self._pose
        frames = self._longest + channels.LEAD + 3
        return Motion(
            "commanded",
            np.repeat(self._last[None], frames, 0),
            np.tile(root[:3], (frames, 1)),
            np.tile(root[3:], (frames, 1)),
            float(FPS),
            joint_angles=np.tile(joints, (frames, 1)),
            joint_names=self._robot.joint_names,
        )

    def _ahead(self) -> np.ndarray:
        """Return the reference's joint angles one control step ahead, (D,) rad."""
        return self._running().references.dof[self._steps + 1, :, 0].numpy()

    def _observation(self) -> dict[str, Any]:
        assert self._cameras is not None
        due = channels.PICTURE.name in self._observe
        dof = self._world.dof_state[0, :, 0]
        found: dict[str, Any] = {
            channels.CAMERA.name: self._cameras.camera(),
            channels.ROOT.name: self._world.root_state[0, :7].numpy().copy(),
            "state.joints": dof.numpy().copy(),
            channels.PLACE.name: self._pose[0].astype(np.float32),
            channels.COMMANDED.name: self._last.astype(np.float32),
            LANGUAGE.name: self._instruction,
        }
        if due:
            found[channels.PICTURE.name] = self._cameras.ahead(self._steps)
        return {name: value for name, value in found.items() if name in self._observe}

    def _signals(self) -> dict[str, np.ndarray]:
        task = self._running()
        now = cast(rewards.Tracking, task.now)
        return {
            "state.joints": now.dof[0, :, 0].numpy().copy(),
            "reference.joints": now.true_dof[0, :, 0].numpy().copy(),
            "body.keypoints": now.keypoints[0].numpy().copy(),
            "reference.keypoints": now.true_keypoints[0].numpy().copy(),
            "body.root": now.root[0, :7].numpy().copy(),
            "body.fallen": task.fallen[0].numpy().astype(np.uint8),
            "scene.object": self._memory.last_object(),
            "scene.touched": self._world.touched.astype(np.uint8),
        }

    def _running(self) -> Task:
        if self._task is None:
            raise CrossbodyError("the humanoid was asked for something before reset()")
        return self._task

    def _close_eyes(self) -> None:
        if self._cameras is not None:
            self._cameras.close()
        self._cameras = None


def _plain(task: scenes.VisionTask) -> dict[str, Any]:
    return {
        "rule": task.rule,
        "scene": task.scene,
        "seconds": task.seconds,
        "ranges": dict(task.ranges),
        "limits": dict(task.limits),
    }


def _unpaid() -> dict[str, rewards.Weight]:
    """Nobody learns here: one term, since a task has one."""
    return {"keypoints": rewards.weights()["keypoints"]}


def _space(wanted: tuple[Any, ...]) -> gymnasium.spaces.Dict:
    def one(channel: Any) -> gymnasium.Space:
        if channel.dtype == "str":
            return Instruction(300, charset="".join(map(chr, range(32, 127))))
        if channel.dtype == "uint8":
            return gymnasium.spaces.Box(0, 255, channel.shape, np.uint8)
        return gymnasium.spaces.Box(-np.inf, np.inf, channel.shape, np.float32)

    return gymnasium.spaces.Dict({c.name: one(c) for c in wanted})
