"""The robot as the scripts see it: what it was told last, how far its arms can go, and what it would touch there."""

from __future__ import annotations

import mujoco
import numpy as np

from agents.expert import hand
from agents.expert.kinematics import Arm

SIDES = ("left", "right")


class RobotBody:
    """Commands and private kinematics of one robot.

    ``command`` maps the action channels, without their prefix, to absolute joint targets in radians; scripts write
    into it and yield once for each control step.
    """

    def __init__(self, model: mujoco.MjModel, data: mujoco.MjData):
        self.model, self.data = model, data
        self.private = mujoco.MjData(model)
        self.private.qpos[:] = data.qpos
        self.arms = {side: Arm(model, self.private, side) for side in SIDES}
        self.command = {"waist": data.qpos[self.arms["right"].qpos[:3]].copy()}
        for side in SIDES:
            self.command[f"{side}_arm"] = data.qpos[self.arms[side].qpos[3:]].copy()
            self.command[f"{side}_hand"] = np.zeros(6)
        root = model.body("robot0_base").id
        self.is_arm = {
            side: np.isin(model.geom_bodyid, subtree(model, model.jnt_bodyid[self.arms[side].joints[3]]))
            for side in SIDES
        }
        matrix = data.xmat[root].reshape(3, 3)
        self.origin, self.ahead, self.right = data.xpos[root].copy(), matrix[:, 0].copy(), -matrix[:, 1].copy()
        self.yaw = float(np.arctan2(self.ahead[1], self.ahead[0]))

    def joints(self, side: str) -> np.ndarray:
        """Return the commanded waist and arm (10,)."""
        return np.r_[self.command["waist"], self.command[f"{side}_arm"]]

    def set_joints(self, side: str, q: np.ndarray) -> None:
        self.command["waist"], self.command[f"{side}_arm"] = q[:3].copy(), q[3:].copy()

    def set_hand(self, side: str, shape: np.ndarray) -> None:
        self.command[f"{side}_hand"] = shape.copy()

    def action(self) -> dict[str, np.ndarray]:
        """Return the command as action channels, float32."""
        return {f"action.{part}": value.astype(np.float32) for part, value in self.command.items()}

    def palm(self, side: str) -> tuple[np.ndarray, np.ndarray]:
        """Return where the simulated palm is now: position (3,) and rotation (3, 3) in the world."""
        body = self.arms[side].palm
        return self.data.xpos[body].copy(), self.data.xmat[body].reshape(3, 3).copy()

    def in_palm(self, side: str, point: np.ndarray) -> np.ndarray:
        """Return a world point (3,) in the frame of the simulated palm."""
        position, rotation = self.palm(side)
        return rotation.T @ (point - position)

    def penetration(self, side: str, q: np.ndarray, shape: np.ndarray, ignored: frozenset[int] = frozenset()) -> float:
        """Return by how many metres, summed over contacts, an arm from the shoulder to the fingers would enter other
        things.

        The arm of ``side`` stands at ``q`` (10,) with its hand in ``shape`` (6,), everything else as it is now.
        ``ignored`` are ids of bodies that may be touched, such as the object to be grasped.
        """
        data = self.private
        data.qpos[:] = self.data.qpos
        for name, value in hand.JOINTS:
            joint = self.model.joint(f"gripper0_{side}_{side[0].upper()}_{name}_joint")
            data.qpos[joint.qposadr[0]] = np.clip(shape[value], *joint.range)
        self.arms[side].forward(q)
        mujoco.mj_collision(self.model, data)
        pairs = data.contact.geom
        depth = -np.minimum(data.contact.dist, 0)
        bodies = self.model.geom_bodyid[pairs]
        counted = (self.is_arm[side][pairs].sum(axis=1) == 1) & ~np.isin(bodies, list(ignored)).any(axis=1)
        return float(depth[counted].sum())


def subtree(model: mujoco.MjModel, root: int) -> list[int]:
    """Return the ids of a body and of all that hangs on it."""
    found = [int(root)]
    for body in range(int(root) + 1, model.nbody):
        if model.body_parentid[body] in found:
            found.append(body)
    return found
