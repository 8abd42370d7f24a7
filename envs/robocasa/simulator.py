"""One RoboCasa GR1 task in robosuite: built once, reset from a seed alone, stepped without Python in between."""

from __future__ import annotations

import contextlib
import copy
import importlib
import io
import random
from collections.abc import Callable, Iterator
from typing import Any

import mujoco
import numpy as np

from crossbody.errors import UnknownName
from envs.robocasa.state import State
from envs.robocasa.stepping import Stepper

ROBOT = "GR1ArmsAndWaistFourierHands"
PARTS = {
    "left_arm": "left",
    "right_arm": "right",
    "left_hand": "left_gripper",
    "right_hand": "right_gripper",
    "waist": "torso",
}
"""Our name of a body part -> robosuite's."""

HAND_JOINTS = (10, 8, 6, 4, 1, 0)
"""Which of a hand's eleven joints its six state values are, in GR00T's order (pinky … thumb yaw)."""


class Simulator:
    """A task of the package with its model and data.

    ``task`` is robosuite's environment object, ``model`` and ``data`` are MuJoCo's; all three are renewed by ``reset``.
    """

    def __init__(self, task: str, process_xml: Callable[[str], str] | None = None):
        """``task`` is a class name of the package, ``process_xml`` edits a scene's XML before it is compiled (render
        preset)."""
        self.task: Any = _make(task)
        if process_xml is not None:
            self.task.set_xml_processor(process_xml)
        self.stepper: Stepper | None = None
        self.model: mujoco.MjModel = None  # type: ignore[assignment]  # there is none before the first reset
        self.data: mujoco.MjData = None  # type: ignore[assignment]
        self._distractors = copy.deepcopy(self.task.distractor_config)

    def reset(self, seed: int, state: State | None = None) -> None:
        """Draw and build a scene. It depends on the task and the seed only, not on what this process did before.

        With a ``state`` the objects are not left to settle: the new scene is put into that state, exactly.

        The package draws most of a scene from ``task.rng``, some of the robot's pose from the global generators, and it
        edits its own distractor configuration while it does so: all three are set anew.
        """
        self.task.rng = np.random.default_rng(seed)
        np.random.seed(seed)  # noqa: NPY002  the package and robosuite draw from it
        random.seed(seed)
        self.task.distractor_config = copy.deepcopy(self._distractors)
        with contextlib.redirect_stdout(io.StringIO()), _settling(self.task, state), _as_if_rendering(self.task, state):
            self.task.reset()
        self.model, self.data = self.task.sim.model._model, self.task.sim.data._data
        self.model.opt.disableflags |= (
            mujoco.mjtDisableBit.mjDSBL_SENSOR
        )  # read by nobody, and they cost an inverse pass
        if state is not None:
            state.write(self.data)  # evaluating the model has moved the solver's starting point
        self.stepper = Stepper(self.task)
        self._qpos_of = _joint_addresses(self.task)
        self._order = {ours: self.stepper.split[theirs] for ours, theirs in PARTS.items()}

    def step(self, targets: dict[str, np.ndarray]) -> bool:
        """Advance one control step (50 ms) under absolute joint targets per part; return the package's success."""
        assert self.stepper is not None
        action = np.zeros(29)
        for part, (start, end) in self._order.items():
            action[start:end] = targets[part]
        self.stepper.step(action)
        self.task.cur_time += self.task.control_timestep
        self.task.timestep += 1
        reward, _, _ = self.task._post_action(action)  # also moves on the fixtures' own state, which lags by a step
        return reward > 0

    def joint_positions(self) -> dict[str, np.ndarray]:
        """Return the measured joint positions per part, float32 (7,) (7,) (6,) (6,) (3,), radians."""
        return {part: self.data.qpos[address].astype(np.float32) for part, address in self._qpos_of.items()}

    def joint_addresses(self) -> dict[str, np.ndarray]:
        """Return where each part's joint positions stand in ``data.qpos``, in the order of ``joint_positions``."""
        return dict(self._qpos_of)

    def body_pose(self, name: str) -> np.ndarray:
        """Return position (m) and quaternion (w x y z) of an object of the scene, world frame, float32 (7,)."""
        body = self.task.obj_body_id[name]
        return np.r_[self.data.xpos[body], self.data.xquat[body]].astype(np.float32)

    @property
    def instruction(self) -> str:
        """The sentence that the policy is given, with the prefix of the robot that may use its waist."""
        return f"unlocked_waist: {self.task.get_ep_meta().get('lang', '')}"

    def close(self) -> None:
        """Free robosuite's environment."""
        self.task.close()


def task_names() -> list[str]:
    """Return the class names of all tasks of the package."""
    return sorted(importlib.import_module("robosuite.environments.base").REGISTERED_ENVS)


def _make(name: str) -> Any:
    robosuite = importlib.import_module("robosuite")
    environments = importlib.import_module("robosuite.environments.base").REGISTERED_ENVS
    if name not in environments:
        raise UnknownName("RoboCasa task", name, environments)
    controllers = importlib.import_module("robosuite.controllers").load_composite_controller_config(
        controller=None, robot=ROBOT
    )
    controllers |= {"type": "BASIC", "composite_controller_specific_configs": {}, "control_delta": False}
    with contextlib.redirect_stdout(io.StringIO()), _no_model_on_construction():
        return robosuite.make(
            env_name=name,
            robots=[ROBOT],
            controller_configs=controllers,
            has_renderer=False,
            has_offscreen_renderer=False,
            use_camera_obs=False,
            ignore_done=True,
            use_object_obs=True,
            translucent_robot=False,
        )


@contextlib.contextmanager
def _no_model_on_construction() -> Iterator[None]:
    """Let robosuite skip the scene that it builds on construction and that the first reset throws away."""
    base = importlib.import_module("robosuite.environments.base").MujocoEnv
    original = base.__init__

    def without_model(self, *args, **kwargs):
        original(self, *args, **kwargs | {"load_model_on_init": False})

    base.__init__ = without_model
    try:
        yield
    finally:
        base.__init__ = original


@contextlib.contextmanager
def _settling(task: Any, state: State | None) -> Iterator[None]:
    """Run the 250 substeps in which a new scene settles in the compiled loop; none when it gets a state instead.

    The package runs them one by one: ``step1``, ``_pre_action``, ``step2``. The first ``_pre_action`` here runs them
    all, and the others nothing.
    """
    left = 0

    def all_at_once(action, policy_step=False):
        nonlocal left
        if left == 0 and state is None:
            left = 10 * int(task.control_timestep / task.model_timestep)
            Stepper(task).settle(action, left)
        left -= 1

    sim_class = (
        type(task.sim) if task.sim is not None else importlib.import_module("robosuite.utils.binding_utils").MjSim
    )
    steps = sim_class.step1, sim_class.step2
    sim_class.step1 = sim_class.step2 = lambda self: None
    task._pre_action = all_at_once
    try:
        yield
    finally:
        sim_class.step1, sim_class.step2 = steps
        del task._pre_action


@contextlib.contextmanager
def _as_if_rendering(task: Any, state: State | None) -> Iterator[None]:
    """Evaluate a new model once more before it settles, as robosuite does when it makes its renderer.

    That moves the solver's starting point, and so the last bits of everything after it. A ``state`` is written
    afterwards: what the package then derives (fixtures' own state) comes from it.
    """
    original = task._reset_internal

    def with_forward() -> None:
        task.sim.forward()
        original()
        if state is not None:
            state.write(task.sim.data._data)
            for part in task.robots[0].composite_controller.part_controllers.values():
                part.new_update = True  # measure at the first step, as after settling

    task._reset_internal = with_forward
    try:
        yield
    finally:
        del task._reset_internal


def _joint_addresses(task: Any) -> dict[str, np.ndarray]:
    robot = task.robots[0]
    addresses = {}
    for ours, theirs in PARTS.items():
        joints = np.asarray(_joints_of(robot, theirs))
        qpos = task.sim.model.jnt_qposadr[joints]
        addresses[ours] = qpos[list(HAND_JOINTS)] if "hand" in ours else qpos
    return addresses


def _joints_of(robot: Any, part: str) -> list[int]:
    names = {robot.get_gripper_name(arm): arm for arm in robot.arms}
    return robot._ref_joints_indexes_dict[part if part in robot._ref_joints_indexes_dict else names[part]]
