"""Frame by frame: damped Gauss-Newton steps from the last pose, light enough for commands that come at 50 a second."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np

from envs.humanoid.reference import FPS
from envs.humanoid.retarget.targets import LOW_M, Targets, leg, proportioned
from envs.humanoid.robot import Robot, mjcf
from tasks.motion.keypoints import ANKLES

VERSION = 1
"""Of what comes out of the same key points."""
FIRST_STEPS = 30
"""To the first pose, which may be far from where the robot is."""


@dataclass(frozen=True)
class Options:
    """How a pose is fitted. What is not a length is weighed by metres per radian."""

    steps: int = 4  # Gauss-Newton steps for each frame; a stream at 50 a second has converged after three
    damping_m: float = 0.003  # of a step, for every direction
    loose_m: float = 0.02  # joints that key points say little about go to 0, times LOOSE
    level_m: float = 0.1  # a sole near the floor is level ...
    airborne_m: float = 0.02  # ... and one in the air nearly so
    ankles: float = 2.0  # of an ankle near the floor, over other points
    longest_step_rad: float = 0.5


DEFAULTS = Options()


class Online:
    """Follows key points with a robot; a pose depends on the frames before it. Not shared between threads."""

    def __init__(self, robot: Robot, options: Options = DEFAULTS):
        self.robot, self._options = robot, options
        self._model = model = mujoco.MjModel.from_xml_string(mjcf(robot))
        self._data = mujoco.MjData(model)
        self._bodies = [model.body(name).id for name, _ in robot.keypoints]
        self._offsets = np.array([offset for _, offset in robot.keypoints])
        self._feet = [model.body(robot.carrier(f"{side}_ankle")).id for side in ("left", "right")]
        self._loose = options.loose_m * np.concatenate([np.zeros(6), robot.loose])
        self._low, self._high = robot.limits.T
        self._furthest = robot.speed / FPS
        self.reset(np.array([0, 0, robot.default_height, 1.0, 0, 0, 0]), robot.default_angles)

    def reset(self, root: np.ndarray, joints: np.ndarray) -> None:
        """Begin with a pose: root (7,) m and wxyz, joint angles (D,) rad.
        The next key points say how large the person is."""
        self._qpos = np.concatenate([root, np.clip(joints, self._low, self._high)]).astype(np.float64)
        self._scale = self._rise = None
        self._rest = self._at_rest()

    def follow(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return root (7,) and joint angles (D,) for key points (15, 3) in a frame whose floor is z = 0.

        The first ones after ``reset`` set the scale, the robot's leg over the person's, and the floor: a foot of theirs
        stands. Joints keep within their limits and, from the last pose, within their motors' speeds.
        """
        before = self._qpos[7:].copy()
        self._reach(self._goal(points), self._options.steps)
        reached = np.clip(self._qpos[7:], before - self._furthest, before + self._furthest)
        self._qpos[7:] = np.clip(reached, self._low, self._high)
        return self._qpos[:7].copy(), self._qpos[7:].copy()

    def track(self, targets: Targets) -> np.ndarray:
        """Return poses (T, 7 + D) that reach targets frame after frame, from anywhere and at any speed."""
        self._reach(targets.points[0], FIRST_STEPS)
        poses = np.empty((len(targets.points), self._model.nq))
        for pose, points in zip(poses, targets.points, strict=True):
            self._reach(points, self._options.steps)
            pose[:] = self._qpos
        return poses

    def keypoints(self) -> np.ndarray:
        """Return the key points (15, 3) of the last pose."""
        self._place()
        return self._points()

    def _goal(self, points: np.ndarray) -> np.ndarray:
        if self._scale is None or self._rise is None:
            self._scale = float(leg(self._rest[None])[0] / max(leg(points[None])[0], 1e-6))
            own, _ = proportioned(points[None], self.robot, self._rest, self._scale)
            self._rise = self.robot.sole_m - own[0, list(ANKLES), 2].min()
        own, _ = proportioned(points[None], self.robot, self._rest, self._scale)
        return own[0] + [0, 0, self._rise]

    def _reach(self, goal: np.ndarray, steps: int) -> None:
        for _ in range(steps):
            self._step(goal)

    def _step(self, goal: np.ndarray) -> None:
        options, model = self._options, self._model
        self._place()
        near = np.clip(1 - (goal[list(ANKLES), 2] - self.robot.sole_m) / LOW_M, 0, 1)
        weights = np.ones(len(goal))
        weights[list(ANKLES)] += (options.ankles - 1) * near
        rows = [weights[:, None, None] * self._jacobians(), *self._soles(near)]
        misses = [weights[:, None] * (goal - self._points()), *self._tilts(near)]
        slope = np.concatenate([row.reshape(-1, model.nv) for row in rows])
        miss = np.concatenate([part.ravel() for part in misses])
        angles = np.concatenate([np.zeros(6), self._qpos[7:]])
        # A joint at its limit that is pushed further does not move: the others take over.
        held = np.zeros(model.nv, bool)
        for _ in range(2):
            free = ~held
            square = slope[:, free].T @ slope[:, free] + np.diag(self._loose[free] ** 2 + options.damping_m**2)
            pull = slope[:, free].T @ miss - (self._loose**2 * angles)[free]
            move = np.zeros(model.nv)
            move[free] = np.linalg.solve(square, pull)
            beyond = self._qpos[7:] + move[6:]
            held[6:] |= (beyond < self._low) | (beyond > self._high)
        move = np.clip(move, -options.longest_step_rad, options.longest_step_rad)
        mujoco.mj_integratePos(model, self._qpos, move, 1)
        self._qpos[7:] = np.clip(self._qpos[7:], self._low, self._high)

    def _place(self) -> None:
        self._data.qpos[:] = self._qpos
        mujoco.mj_kinematics(self._model, self._data)
        mujoco.mj_comPos(self._model, self._data)  # which the Jacobians are made from

    def _points(self) -> np.ndarray:
        turns = self._data.xmat[self._bodies].reshape(-1, 3, 3)
        return self._data.xpos[self._bodies] + (turns @ self._offsets[:, :, None])[..., 0]

    def _jacobians(self) -> np.ndarray:
        out = np.zeros((len(self._bodies), 3, self._model.nv))
        for slope, point, body in zip(out, self._points(), self._bodies, strict=True):
            mujoco.mj_jac(self._model, self._data, slope, None, point, body)
        return out

    def _soles(self, near: np.ndarray) -> list[np.ndarray]:
        """How the way that each sole's normal points, in x and y, changes with the joints: two arrays (2, nv)."""
        spin = np.zeros((3, self._model.nv))
        out = []
        for foot, weight in zip(self._feet, self._levels(near), strict=True):
            mujoco.mj_jacBody(self._model, self._data, None, spin, foot)
            x, y, z = self._data.xmat[foot].reshape(3, 3)[:, 2]
            out.append(weight * (np.array([[0, z, -y], [-z, 0, x]]) @ spin))
        return out

    def _tilts(self, near: np.ndarray) -> list[np.ndarray]:
        weights = self._levels(near)
        return [-w * self._data.xmat[foot].reshape(3, 3)[:2, 2] for foot, w in zip(self._feet, weights, strict=True)]

    def _levels(self, near: np.ndarray) -> np.ndarray:
        return self._options.airborne_m + near * (self._options.level_m - self._options.airborne_m)

    def _at_rest(self) -> np.ndarray:
        self._data.qpos[:] = 0
        self._data.qpos[3] = 1
        mujoco.mj_kinematics(self._model, self._data)
        return self._points()
