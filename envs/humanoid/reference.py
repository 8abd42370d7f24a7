"""Reference motions as the tracking task reads them: 50 frames a second, one row for each frame of each clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from envs.humanoid import rotations
from envs.humanoid.kinematics import Kinematics
from envs.humanoid.robot import Robot
from tasks.motion.motion import Motion, MotionError

FPS = 50
FURTHEST_BEYOND_LIMIT = 0.2  # rad: retargeting overshoots by less, a wrong joint order by more


@dataclass(frozen=True, eq=False)
class References:
    """C clips with F frames in all, one after the other. States are laid out as in ``envs.humanoid.physics``."""

    names: tuple[str, ...]
    starts: Tensor  # (C,) row of a clip's first frame
    lengths: Tensor  # (C,) frames
    root: Tensor  # (F, 13)
    dof: Tensor  # (F, D, 2)
    keypoints: Tensor  # (F, 15, 3), by forward kinematics
    keypoint_velocity: Tensor  # (F, 15, 3)

    @staticmethod
    def of(motions: Sequence[Motion], robot: Robot, *, playback: float = 1.0) -> References:
        """Return motions as references for a robot, ``playback`` times as fast as they are.

        Raises MotionError for a motion without joint angles, with joints of another robot, with angles far beyond the
        robot's limits, or with less than two frames at 50 a second.
        """
        if not motions:
            raise MotionError("no motions; expected at least one")
        if not 0.1 <= playback <= 10:
            raise MotionError(f"playback is {playback:g}; expected a factor between 0.1 and 10")
        clips = [_clip(motion, robot, playback) for motion in motions]
        lengths = torch.tensor([len(clip["root"]) for clip in clips])
        stacked = {name: torch.cat([clip[name] for clip in clips]).float() for name in clips[0]}
        return References(tuple(m.name for m in motions), torch.cumsum(lengths, 0) - lengths, lengths, **stacked)

    def write(self, row: int, root: np.ndarray, angles: np.ndarray, keypoints: np.ndarray) -> None:
        """Put a pose into a row: root (7,), angles (D,), key points (15, 3); it and the row before get velocities by
        differences.

        For references that are made while they are followed. Rows after it are left as they are.
        """
        self.root[row, :7] = torch.from_numpy(root)
        self.dof[row, :, 0] = torch.from_numpy(angles)
        self.keypoints[row] = torch.from_numpy(keypoints)
        for end in (row - 1, row):
            before, after = max(end - 1, 0), min(end + 1, row)
            rate = FPS / (after - before)
            self.root[end, 7:10] = (self.root[after, :3] - self.root[before, :3]) * rate
            turned = rotations.multiply(self.root[after, 3:7], rotations.conjugate(self.root[before, 3:7]))
            self.root[end, 10:] = rotations.to_vector(turned) * rate
            self.dof[end, :, 1] = (self.dof[after, :, 0] - self.dof[before, :, 0]) * rate
            self.keypoint_velocity[end] = (self.keypoints[after] - self.keypoints[before]) * rate

    def to(self, device: str) -> References:
        """Return the references on a device."""
        moved = {f.name: getattr(self, f.name).to(device) for f in fields(self) if f.name != "names"}
        return References(self.names, **moved)


def _clip(motion: Motion, robot: Robot, playback: float) -> dict[str, Tensor]:
    position, quat, angles = resampled(motion, robot, playback)
    points = Kinematics(robot, dtype=torch.float64).keypoints(position, quat, angles)
    root = torch.cat((position, quat, _rate(position), _turning(quat)), -1)
    return {
        "root": root,
        "dof": torch.stack((angles, _rate(angles)), -1),
        "keypoints": points,
        "keypoint_velocity": _rate(points),
    }


def resampled(motion: Motion, robot: Robot, playback: float = 1.0) -> tuple[Tensor, Tensor, Tensor]:
    """Return root positions (T, 3), unit quaternions wxyz (T, 4) and joint angles (T, D) at 50 frames a second."""
    if motion.joint_angles is None:
        raise MotionError(
            f"{motion.name}: it has key points but no joint angles of a robot; make them with `crossbody "
            f"retarget {motion.name}`"
        )
    angles = robot.angles(motion.joint_angles, motion.joint_names, motion.name)
    _check_limits(motion.name, robot, angles)
    step = playback * motion.fps / FPS
    at = np.arange(0, len(angles) - 1 + 1e-9, step)
    if len(at) < 2:
        seconds = (len(angles) - 1) / motion.fps / playback
        raise MotionError(
            f"{motion.name}: it lasts {seconds:.3g} s; a reference needs two frames at {FPS} a second, {1 / FPS} s"
        )
    before = np.minimum(at.astype(int), len(angles) - 2)
    part = torch.tensor(at - before)[:, None]
    quats = torch.tensor(np.asarray(motion.root_quat_wxyz, np.float64))
    turn = rotations.to_vector(rotations.multiply(rotations.conjugate(quats[before]), quats[before + 1]))
    turned = rotations.multiply(quats[before], rotations.from_vector(part * turn))
    return (
        _between(motion.root_position, before, part),
        turned / torch.linalg.vector_norm(turned, dim=-1, keepdim=True),
        _between(angles, before, part),
    )


def _between(values: np.ndarray, before: np.ndarray, part: Tensor) -> Tensor:
    rows = torch.tensor(np.asarray(values, np.float64))
    return rows[before] + part * (rows[before + 1] - rows[before])


def _rate(values: Tensor) -> Tensor:
    """Return the rate of change per second: central differences, one-sided at the ends."""
    return torch.gradient(values, spacing=1 / FPS, dim=0)[0]


def _turning(quats: Tensor) -> Tensor:
    """Return the angular velocity (T, 3) in the world frame, by the same differences."""
    before, after = torch.cat((quats[:1], quats[:-1])), torch.cat((quats[1:], quats[-1:]))
    frames = torch.full((len(quats), 1), 2.0, dtype=quats.dtype)
    frames[0] = frames[-1] = 1
    return rotations.to_vector(rotations.multiply(after, rotations.conjugate(before))) * FPS / frames


def _check_limits(name: str, robot: Robot, angles: np.ndarray) -> None:
    beyond = np.maximum(robot.limits[:, 0] - angles, angles - robot.limits[:, 1])
    frame, joint = np.unravel_index(np.argmax(beyond), beyond.shape)
    if beyond[frame, joint] > FURTHEST_BEYOND_LIMIT:
        lower, upper = robot.limits[joint]
        raise MotionError(
            f"{name}: frame {frame}, {robot.joint_names[joint]}: the angle is {angles[frame, joint]:.4g} rad; "
            f"{robot.name} reaches from {lower:.4g} to {upper:.4g}"
        )
