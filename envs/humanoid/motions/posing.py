"""Plans become poses: legs reach the feet, the pelvis goes where the centre of mass is carried."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import mujoco
import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter1d
from scipy.spatial.transform import Rotation

from envs.humanoid import robot as robots
from envs.humanoid.motions import legs
from envs.humanoid.motions.balance import GRAVITY, carried, residual, second_difference
from envs.humanoid.motions.hands import Arm
from envs.humanoid.motions.plan import SIDES, SOLE_M, MotionPlan
from envs.humanoid.motions.timing import FPS, ease

DT = 1 / FPS
LONGEST_LEG_M = 0.6195
"""Hip to ankle with the knee bent by a fifth of a radian: nearer to straight, the knee's speed has no bound."""
HIP_DROP_M = 0.1332
SOLE_HALF_WIDTH_M = 0.03
HANGING_FROM_M = 0.04
SHIFT_GAIN = 1.25
"""How far the pelvis goes for the centre of mass to go by 1: the feet stay behind."""
ROUNDS = ((4, False), (2, True), (2, True), (2, True), (4, False))
"""Of each round: Newton steps of the legs, and whether the multi-body moments correct the centre of mass's way."""


@dataclass(frozen=True)
class Figures:
    """What solving leaves behind."""

    reach_mm: float  # the largest distance of an ankle to where it should be


class PosingModel:
    """A robot's MuJoCo model with what posing needs from it; not shared between threads.

    Plans are made for the G1's legs and arms, so only its configurations pose; every robot is measured.
    """

    def __init__(self, robot: robots.Robot):
        model = mujoco.MjModel.from_xml_string(robots.mjcf(robot))
        self.robot, self.model, self.data = robot, model, mujoco.MjData(model)
        self.columns = {name.removesuffix("_joint"): 7 + i for i, name in enumerate(robot.joint_names)}
        self.mass = float(model.body_subtreemass[1])
        self._hips = np.array([[0.0, 0.1165, -HIP_DROP_M], [0.0, -0.1165, -HIP_DROP_M]])

    @cached_property
    def arm_m(self) -> float:
        """Return the length of an arm, m."""
        return self._arms["left"].length

    @cached_property
    def _arms(self) -> dict[str, Arm]:
        return {side: Arm(self.robot, self.model, self.data, side) for side in SIDES}

    @cached_property
    def _chain(self) -> legs.Chain:
        return self._legs()

    @cached_property
    def _leg_columns(self) -> np.ndarray:
        return np.array([[self.columns[f"{s}_{j}"] for j in legs.JOINTS] for s in SIDES])

    def arm_to(self, side: str, goal: np.ndarray) -> dict[str, float]:
        """Return an arm's pose, given as for the left, with the wrist at (forward, outward, up) m from its shoulder,
        the trunk upright."""
        return self._arms[side].to(goal)

    def keypoints(self, qpos: np.ndarray) -> np.ndarray:
        """Return the fifteen key points (T, 15, 3) of poses."""
        bodies = np.array([self.model.body(name).id for name, _ in self.robot.keypoints])
        offsets = np.array([offset for _, offset in self.robot.keypoints])
        out = np.empty((len(qpos), len(bodies), 3))
        for frame, row in enumerate(qpos):
            self.data.qpos[:] = row
            mujoco.mj_kinematics(self.model, self.data)
            turns = self.data.xmat[bodies].reshape(-1, 3, 3)
            out[frame] = self.data.xpos[bodies] + (turns @ offsets[:, :, None])[..., 0]
        return out

    def soles(self, qpos: np.ndarray) -> np.ndarray:
        """Return where the corners (N, 3) of each foot's sole are: (T, 2, N, 3)."""
        points = np.array(self.robot.sole_corners)
        bodies = np.array([self.model.body(self.robot.carrier(f"{side}_ankle")).id for side in SIDES])
        out = np.empty((len(qpos), 2, len(points), 3))
        for frame, row in enumerate(qpos):
            self.data.qpos[:] = row
            mujoco.mj_kinematics(self.model, self.data)
            turns = self.data.xmat[bodies].reshape(2, 3, 3)
            out[frame] = self.data.xpos[bodies][:, None] + np.einsum("bij,nj->bni", turns, points)
        return out

    def pose(self, plan: MotionPlan) -> tuple[np.ndarray, Figures]:
        """Return qpos (T, 7 + J) of a plan, and what is left of it undone."""
        frames = len(plan.t)
        qpos = np.zeros((frames, self.model.nq))
        self._set_joints(plan, qpos)
        lean = plan.pelvis.copy()
        if "waist_pitch" not in self.columns and "waist_pitch" in plan.joints:
            lean[:, 1] += plan.joints["waist_pitch"]  # the hips bend for both
        pelvis = Rotation.from_euler("xyz", lean)
        qpos[:, 3:7] = pelvis.as_quat(scalar_first=True)
        goal = self._goal(plan)
        place = np.column_stack([goal + plan.pressure[0] * [-1, 0], plan.height])
        leg = np.tile(legs.START, (2, frames, 1))
        left = np.zeros(1)
        for number, (newton, corrects) in enumerate(ROUNDS):
            qpos[:, :3] = self._lowered(plan, place, pelvis)
            leg, left = self._reach(plan, qpos[:, :3], pelvis, leg, newton)
            qpos[:, self._leg_columns] = np.swapaxes(leg, 0, 1)
            centre, momentum = self.momentum(qpos, velocities=corrects)
            if corrects:
                goal = goal + self._correction(plan, centre, momentum, goal)
            if number < len(ROUNDS) - 1:
                place[:, :2] += SHIFT_GAIN * (goal - centre[:, :2])
                if plan.rise is not None:
                    place[:, 2] += plan.rise - (centre[:, 2] - centre[0, 2])
        return qpos, Figures(float(left.max()) * 1e3)

    def momentum(self, qpos: np.ndarray, velocities: bool = True, dt: float = DT) -> tuple[np.ndarray, np.ndarray]:
        """Return the centre of mass (T, 3) and the angular momentum about it (T, 3);
        zeros where velocities are not asked for."""
        model, data = self.model, self.data
        centre, spin = np.empty((len(qpos), 3)), np.zeros((len(qpos), 3))
        speeds = velocity(qpos, dt) if velocities else None
        for frame, row in enumerate(qpos):
            data.qpos[:] = row
            mujoco.mj_kinematics(model, data)
            mujoco.mj_comPos(model, data)
            centre[frame] = data.subtree_com[1]
            if speeds is not None:
                data.qvel[:] = speeds[frame]
                mujoco.mj_comVel(model, data)
                mujoco.mj_subtreeVel(model, data)
                spin[frame] = data.subtree_angmom[1]
        return centre, spin

    def _goal(self, plan: MotionPlan) -> np.ndarray:
        height = 0.9 * plan.height
        rise = np.zeros(len(plan.t)) if plan.rise is None else plan.rise
        load = np.maximum(GRAVITY + second_difference(rise, DT), 0.0)
        return carried(plan.pressure, height + rise, load, DT)

    def _correction(self, plan: MotionPlan, centre: np.ndarray, momentum: np.ndarray, goal: np.ndarray) -> np.ndarray:
        aimed = np.column_stack([goal, centre[:, 2]])
        lacks, height, load = residual(plan.pressure, aimed, momentum, self.mass, DT)
        flying = ~plan.support.any(axis=1)
        lacks[flying] = 0.0
        load = np.where(flying, 0.0, np.maximum(load, 0.0))
        safe = np.where(load > 1.0, load, np.inf)
        pressure = -lacks / safe[:, None]
        pressure[[0, -1]] = 0.0
        return carried(pressure, height, load, DT)

    def _lowered(self, plan: MotionPlan, place: np.ndarray, pelvis: Rotation) -> np.ndarray:
        """Return the pelvis's place, lower where a leg would not reach its foot."""
        out = place.copy()
        excess = np.zeros(len(out))
        for side in range(2):
            hip = out + pelvis.apply(self._hips[side])
            ankle = plan.feet[:, side] + [0, 0, SOLE_M]
            flat = np.linalg.norm(hip[:, :2] - ankle[:, :2], axis=1)
            tall = np.sqrt(np.maximum(LONGEST_LEG_M**2 - flat**2, 0.01))
            excess = np.maximum(excess, hip[:, 2] - ankle[:, 2] - tall)
        if excess.max() > 0:
            out[:, 2] -= gaussian_filter1d(maximum_filter1d(excess, 9), 3.0, mode="nearest")
        return out

    def _reach(self, plan: MotionPlan, place: np.ndarray, pelvis: Rotation, leg: np.ndarray, newton: int):
        frame = pelvis.as_matrix()
        hanging = self._hanging(plan, place, pelvis)
        goals = plan.feet + [0, 0, SOLE_M] - place[:, None]
        goals[..., 2] += SOLE_HALF_WIDTH_M * np.abs(np.sin(hanging))
        places = np.einsum("tji,tsj->sti", frame, goals)
        bends = plan.foot_turns.copy()
        bends[..., 0] += hanging
        feet = Rotation.from_euler("xyz", bends.reshape(-1, 3)).as_matrix().reshape(*plan.foot_turns.shape, 3)
        turns = np.einsum("tji,tsjk->stik", frame, feet)
        return legs.solve(self._chain, places, turns, leg, newton)

    def _hanging(self, plan: MotionPlan, place: np.ndarray, pelvis: Rotation) -> np.ndarray:
        """Return the roll (T, 2) of feet in the air: square to the leg, since the ankle has little roll of its own."""
        hips = np.stack([place + pelvis.apply(hip) for hip in self._hips], axis=1)
        leg = hips - plan.feet - [0, 0, SOLE_M]
        yaw = plan.foot_turns[..., 2]
        across = -leg[..., 0] * np.sin(yaw) + leg[..., 1] * np.cos(yaw)
        along = np.hypot(leg[..., 0] * np.cos(yaw) + leg[..., 1] * np.sin(yaw), leg[..., 2])
        return -np.arctan2(across, along) * ease(plan.feet[..., 2] / HANGING_FROM_M)

    def _set_joints(self, plan: MotionPlan, qpos: np.ndarray) -> None:
        for name, angles in plan.joints.items():
            if (column := self.columns.get(name)) is not None:
                low, high = self.model.jnt_range[column - 6]
                qpos[:, column] = np.clip(angles, low, high)

    def _legs(self) -> legs.Chain:
        model = self.model
        ids = np.array([[model.joint(f"{s}_{j}_joint").id for s in SIDES] for j in legs.JOINTS])
        bodies = model.jnt_bodyid[ids]
        rest = Rotation.from_quat(model.body_quat[bodies].reshape(-1, 4), scalar_first=True).as_matrix()
        limits = model.jnt_range[ids]
        return legs.Chain(
            model.body_pos[bodies][:, :, None],
            rest.reshape(6, 2, 1, 3, 3),
            model.jnt_axis[ids],
            limits[..., 0].T[:, None],
            limits[..., 1].T[:, None],
        )


def velocity(qpos: np.ndarray, dt: float) -> np.ndarray:
    """Return qvel (T, 6 + J) of qpos (T, 7 + J) by central differences, the root's spin in its own frame;
    ends as their neighbours."""
    turns = Rotation.from_quat(qpos[:, 3:7], scalar_first=True)
    out = np.zeros((len(qpos), qpos.shape[1] - 1))
    out[:, :3] = np.gradient(qpos[:, :3], dt, axis=0)
    out[:, 6:] = np.gradient(qpos[:, 7:], dt, axis=0)
    if len(qpos) == 2:
        out[:, 3:6] = (turns[:1].inv() * turns[1:]).as_rotvec() / dt
        return out
    spin = (turns[:-2].inv() * turns[2:]).as_rotvec() / (2 * dt)
    out[1:-1, 3:6] = spin
    out[[0, -1], 3:6] = spin[[0, -1]]
    return out
