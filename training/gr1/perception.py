"""Pictures of a scene with everything moved: what teaches a network to see where things are, whatever the robot does.

A demonstration shows few scenes many times, with the hand where the object is. Here arms, waist, hands and objects go
to random places between two pictures, at about 40 ms each, and no physics runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mujoco
import numpy as np

from envs.robocasa.rendering import CROP, EGO_SIZE
from tasks import gr1
from training.data.demonstration import Demonstration
from training.gr1.frames import TARGETS, Reader

SPREAD_RAD = {"left_arm": 0.5, "right_arm": 0.5, "waist": 0.1}
SHIFT_M = 0.15
REACH_M = ((0.15, 0.80), (-0.55, 0.55))  # ahead and to the left of the base, as far as things are moved
TOGETHER_M = 0.12  # what lies so near to the object (the plate under it) moves with it
GAP_M = 0.01
TOUCH_M = 0.01
TRIES = 12


class Shuffler:
    """Rearranges the scene of an environment, which cannot go on with its episode afterwards."""

    def __init__(self, env: Any, start: np.ndarray, postures: Mapping[str, np.ndarray], random: np.random.Generator):
        """``start``: the scene's qpos after its reset. ``postures``: ``state.<part>`` (frames, width) of the episode,
        to start from."""
        self._env, self._start, self._postures, self._random = env, start, postures, random
        self._model, self._data, self._task = env.simulator.model, env.simulator.data, env.simulator.task
        self._reader = Reader(env.simulator)
        self._free = {n: a for n in self._task.objects if (a := self._free_joint(n)) is not None}
        base = self._model.body("robot0_base").id
        self._base, self._turn = self._data.xpos[base].copy(), self._data.xmat[base].reshape(3, 3).copy()
        self._robot = np.array(
            [self._model.body_rootid[b] == self._model.body_rootid[base] for b in self._model.geom_bodyid]
        )

    def record(self, count: int, instruction: str) -> Demonstration:
        """Return ``count`` frames as an episode whose frames have nothing to do with each other."""
        values: dict[str, list[np.ndarray]] = {}
        pictures = []
        for _ in range(count):
            self._rearrange()
            pictures.append(self._env.picture())
            seen = {f"state.{p}": q for p, q in self._env.simulator.joint_positions().items()}
            seen |= {f"state.{name}": value for name, value in self._reader.end_effectors().items()}
            seen |= {f"privileged.{name}": value for name, value in self._reader.targets().items()}
            for name, value in seen.items():
                values.setdefault(name, []).append(value)
        return Demonstration({n: np.stack(v) for n, v in values.items()}, {gr1.EGO.name: pictures}, instruction)

    def _rearrange(self) -> None:
        for _ in range(TRIES):
            self._data.qpos[:] = self._start
            self._move_things()
            self._pose_robot()
            mujoco.mj_fwdPosition(self._model, self._data)
            if not self._collides() and self._in_view():
                return

    def _pose_robot(self) -> None:
        frame = self._random.integers(len(self._postures["state.waist"]))
        for part, address in self._env.simulator.joint_addresses().items():
            if part in SPREAD_RAD:
                middle = self._postures[f"state.{part}"][frame]
                self._data.qpos[address] = middle + self._random.normal(scale=SPREAD_RAD[part], size=len(address))
        for side in ("left", "right"):
            self._curl(side, self._random.uniform())
        self._clip_joints()

    def _curl(self, side: str, amount: float) -> None:
        for joint in range(self._model.njnt):
            if self._model.joint(joint).name.startswith(f"gripper0_{side}_"):
                low, high = self._model.jnt_range[joint]
                self._data.qpos[self._model.jnt_qposadr[joint]] = low + amount * (high - low)

    def _clip_joints(self) -> None:
        limited = np.flatnonzero(self._model.jnt_limited)
        at = self._model.jnt_qposadr[limited]
        low, high = self._model.jnt_range[limited].T
        self._data.qpos[at] = np.clip(self._data.qpos[at], low, high)

    def _move_things(self) -> None:
        groups = self._groups()
        for group in groups:
            for _ in range(TRIES):
                shift, turn = self._random.uniform(-SHIFT_M, SHIFT_M, 2), self._random.uniform(-np.pi, np.pi)
                moved = {n: self._moved(self._start, group[0], n, shift, turn) for n in group}
                if all(self._fits(n, pose[:2], group) for n, pose in moved.items()):
                    for name, pose in moved.items():
                        self._data.qpos[self._free[name] : self._free[name] + 7] = pose
                    break

    def _groups(self) -> list[list[str]]:
        """Return what moves together: the object with what it lies on, and every other free thing alone."""
        object_at = self._at(self._start, "obj")
        with_it = [
            n
            for n in self._free
            if n not in TARGETS and n != "obj" and np.hypot(*(self._at(self._start, n) - object_at)) < TOGETHER_M
        ]
        return [["obj", *with_it], *([n] for n in self._free if n != "obj" and n not in with_it)]

    def _moved(self, qpos: np.ndarray, pivot: str, name: str, shift: np.ndarray, turn: float) -> np.ndarray:
        pose = qpos[self._free[name] : self._free[name] + 7].copy()
        center = self._at(qpos, pivot)
        c, s = np.cos(turn), np.sin(turn)
        pose[:2] = center + np.array([[c, -s], [s, c]]) @ (pose[:2] - center) + shift
        rotated = np.zeros(4)
        mujoco.mju_mulQuat(rotated, np.array([np.cos(turn / 2), 0, 0, np.sin(turn / 2)]), pose[3:])
        pose[3:] = rotated
        return pose

    def _fits(self, name: str, place: np.ndarray, group: list[str]) -> bool:
        local = self._turn[:2, :2].T @ (place - self._base[:2])
        if not all(low < x < high for x, (low, high) in zip(local, REACH_M, strict=True)):
            return False
        others = [n for n in self._free if n not in group]
        radius = self._task.objects[name].horizontal_radius
        return all(
            np.hypot(*(self._at(self._data.qpos, n) - place)) > radius + self._task.objects[n].horizontal_radius + GAP_M
            for n in others
        )

    def _collides(self) -> bool:
        contact = self._data.contact
        return bool((self._robot[contact.geom].any(axis=1) & (contact.dist < -TOUCH_M)).any())

    def _in_view(self) -> bool:
        """Return whether the object's place is inside what the policies' picture keeps of the head camera's."""
        camera = self._model.camera("egoview").id
        matrix = self._data.cam_xmat[camera].reshape(3, 3)
        x, y, z = matrix.T @ (self._data.xpos[self._task.obj_body_id["obj"]] - self._data.cam_xpos[camera])
        if z >= 0:  # a camera looks along its -z
            return False
        width, height = EGO_SIZE
        focal = height / 2 / np.tan(np.deg2rad(self._model.cam_fovy[camera]) / 2)
        row, column = height / 2 + focal * y / z, width / 2 - focal * x / z
        top, bottom, left, right = CROP
        return top < row < bottom and left < column < right

    def _at(self, qpos: np.ndarray, name: str) -> np.ndarray:
        return qpos[self._free[name] : self._free[name] + 2]

    def _free_joint(self, name: str) -> int | None:
        body = self._task.obj_body_id[name]
        joint = self._model.body_jntadr[body]
        if joint < 0 or self._model.jnt_type[joint] != mujoco.mjtJoint.mjJNT_FREE:
            return None
        return int(self._model.jnt_qposadr[joint])
