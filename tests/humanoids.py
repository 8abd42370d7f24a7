"""Small things that the tests of the humanoid share: states, motions, and a physics with its environments."""

from __future__ import annotations

import numpy as np
import torch

from envs.humanoid.robot import Robot, load
from tasks.motion.keypoints import NAMES
from tasks.motion.motion import Motion

LEVEL = (1.0, 0.0, 0.0, 0.0)


def standing(robot: Robot, count: int, height: float | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """Return root states (count, 13) and joint states (count, D, 2) of the default pose at rest."""
    root = torch.zeros(count, 13)
    root[:, 2] = robot.default_height if height is None else height
    root[:, 3] = 1
    joints = torch.zeros(count, len(robot.joint_names), 2)
    joints[..., 0] = torch.tensor(robot.default_angles)
    return root, joints


def swaying(robot: Robot | None = None, seconds: float = 2.0, fps: float = 50.0, name: str = "sway") -> Motion:
    """Return a standing motion that turns its waist and lifts its arms a little, walking nowhere."""
    robot = robot or load()
    time = np.arange(round(seconds * fps) + 1) / fps
    angles = np.tile(robot.default_angles, (len(time), 1))
    angles[:, robot.joint_names.index("waist_yaw_joint")] = 0.2 * np.sin(2 * np.pi * time / seconds)
    angles[:, robot.joint_names.index("left_elbow_joint")] += 0.3 * np.sin(np.pi * time / seconds)
    root = np.tile((0.0, 0.0, robot.default_height), (len(time), 1))
    return motion_of(robot, root, np.tile(LEVEL, (len(time), 1)), angles, fps=fps, name=name)


def swaying_of(robot: Robot) -> Motion:
    """Return a motion of any robot that stands in its default pose and bends its elbows a little."""
    time = np.arange(101) / 50
    angles = np.tile(robot.default_angles, (len(time), 1))
    elbows = [i for i, name in enumerate(robot.joint_names) if "elbow" in name]
    angles[:, elbows] += 0.2 * np.sin(np.pi * time / 2)[:, None]
    root = np.tile((0.0, 0.0, robot.default_height), (len(time), 1))
    return motion_of(robot, root, np.tile(LEVEL, (len(time), 1)), angles)


def motion_of(robot: Robot, root, quats, angles, fps: float = 50.0, name: str = "clip") -> Motion:
    """Return a motion whose key points are the robot's own."""
    from envs.humanoid.kinematics import Kinematics

    poses = (torch.tensor(np.asarray(x, np.float64)) for x in (root, quats, angles))
    points = Kinematics(robot, dtype=torch.float64).keypoints(*poses).numpy()
    assert points.shape[1] == len(NAMES)
    return Motion(
        name,
        points,
        np.asarray(root, np.float64),
        np.asarray(quats, np.float64),
        fps,
        joint_angles=np.asarray(angles, np.float64),
        joint_names=robot.joint_names,
    )


def sliding(speed: float = 0.5, yaw: float = 0.0, name: str = "slide", frames: int = 101):
    """Return a stiff robot that is carried in the direction of its yaw, at a speed in m/s."""
    robot = load()
    time = np.arange(frames) / 50
    way = np.stack((np.cos(yaw) * speed * time, np.sin(yaw) * speed * time, np.zeros_like(time)), 1)
    root = way + (0, 0, robot.default_height)
    quat = (np.cos(yaw / 2), 0, 0, np.sin(yaw / 2))
    return motion_of(robot, root, np.tile(quat, (frames, 1)), np.tile(robot.default_angles, (frames, 1)), name=name)
