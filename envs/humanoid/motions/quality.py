"""What can be wrong with a clip of a robot, in figures: feet that slide or sink, joints too far or too fast,
a body that would fall."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from envs.humanoid.motions.balance import residual
from envs.humanoid.motions.posing import PosingModel, velocity
from tasks.motion.motion import Motion, MotionError

CONTACT_M, SUPPORT_M = 0.005, 0.015
"""Below the first a corner of a sole must not slide, below the second it is taken to bear:
soles of fitted motions are not quite level."""
MARGIN_M = 0.01
"""How far outside the feet's outline the pressure may be: as much as the outline itself is known."""
LEAST_LOAD = 0.5
"""m/s²: with less than this on the ground, it is flight and there is no pressure."""


@dataclass(frozen=True)
class Quality:
    """Figures of one clip."""

    skate_mm_s: float  # mean horizontal speed of the soles' corners while they are on the ground
    sunk_mm: float  # the deepest corner under the floor
    limits_rad: float  # the largest angle beyond a joint's limit
    speed_rad_s: float  # the fastest joint
    speed_share: float  # the largest part of a motor's speed that is used
    # share of the frames on the ground whose centre of pressure lies between the feet, by the moments of all bodies
    balanced: float
    least_load: float  # lowest push of the ground over the weight; 0 is flight

    def lines(self) -> list[str]:
        """Return the figures as sentences."""
        return [
            f"feet: slide at {self.skate_mm_s:.1f} mm/s on the ground, at most {self.sunk_mm:.1f} mm under it",
            f"joints: at most {self.limits_rad:.3f} rad beyond a limit, fastest {self.speed_rad_s:.1f} rad/s "
            f"({100 * self.speed_share:.0f} % of its motor's speed)",
            f"balance: the pressure lies between the feet in {100 * self.balanced:.1f} % of the frames on the ground; "
            f"the ground pushes with {self.least_load:.2f} of the weight or more",
        ]


def measure(motion: Motion, body: PosingModel) -> Quality:
    """Return the figures of a motion that has the robot's joints, on a floor at z = 0;
    MotionError when it lacks joints."""
    if motion.joint_angles is None:
        raise MotionError(f"{motion.name}: it has no joint angles. Run `crossbody retarget` on it first.")
    dt, robot = 1 / motion.fps, body.robot
    angles = robot.angles(motion.joint_angles, motion.joint_names, motion.name)
    qpos = np.concatenate([motion.root_position, motion.root_quat_wxyz, angles], axis=1)
    corners = body.soles(qpos).reshape(len(qpos), -1, 3)
    down = corners[..., 2] < CONTACT_M
    slide = np.linalg.norm(np.diff(corners[..., :2], axis=0), axis=-1) / dt
    held = down[1:] & down[:-1]
    speeds = np.abs(velocity(qpos, dt)[:, 6:])
    centre, momentum = body.momentum(qpos, dt=dt)
    lacks, _, load = residual(np.zeros((len(qpos), 2)), centre, momentum, body.mass, dt)
    bears = corners[..., 2] < SUPPORT_M
    loaded = (load > LEAST_LOAD) & bears.any(axis=1)
    pressure = lacks / np.where(loaded, load, 1.0)[:, None]
    inside = [_inside(pressure[i], corners[i, bears[i], :2]) for i in np.flatnonzero(loaded)]
    return Quality(
        skate_mm_s=float(slide[held].mean() * 1e3) if held.any() else 0.0,
        sunk_mm=float(max(-corners[..., 2].min(), 0.0) * 1e3),
        limits_rad=float(np.maximum(robot.limits[:, 0] - angles, angles - robot.limits[:, 1]).max().clip(0)),
        speed_rad_s=float(speeds.max()),
        speed_share=float((speeds / robot.speed).max()),
        balanced=float(np.mean(inside)) if inside else float("nan"),
        least_load=float(load.min() / 9.81),
    )


def _inside(point: np.ndarray, corners: np.ndarray) -> bool:
    """Whether a point is within MARGIN_M of the convex hull of corners (N, 2): no direction separates it."""
    around = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    directions = np.stack([np.cos(around), np.sin(around)])
    return bool(((corners @ directions).max(axis=0) - point @ directions > -MARGIN_M).all())
