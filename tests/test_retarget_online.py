"""Retargeting frame by frame: near the key points, within limits and speeds,
the same pose for the same command however often it comes."""

from __future__ import annotations

import numpy as np
import pytest

from envs.humanoid import robot
from envs.humanoid.motions import library
from envs.humanoid.reference import FPS
from envs.humanoid.retarget.online import Online
from tasks.motion.keypoints import ANKLES, INDEX
from tasks.motion.motion import Motion

G1 = robot.load("g1_23")


@pytest.fixture
def online():
    return Online(G1)


def followed(online: Online, motion: Motion, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return poses (T, 7 + D) and key points (T, 15, 3) for commands (T, 15, 3), begun where the motion begins."""
    assert motion.joint_angles is not None
    online.reset(np.concatenate([motion.root_position[0], motion.root_quat_wxyz[0]]), motion.joint_angles[0])
    poses, reached = [], []
    for command in points:
        poses.append(np.concatenate(online.follow(command)))
        reached.append(online.keypoints())
    return np.array(poses), np.array(reached)


@pytest.mark.parametrize(("kind", "within_mm"), [("walk", 3), ("bow", 3), ("squat", 5), ("kick", 4)])
def test_the_robots_own_key_points_bring_its_motion_back(online, kind, within_mm):
    motion = library.make(kind, 4)
    poses, reached = followed(online, motion, motion.keypoints)
    apart = 1e3 * np.linalg.norm(reached - motion.keypoints, axis=-1)
    assert apart.mean() < within_mm
    assert np.abs(poses[:, 7:] - motion.joint_angles).mean() < np.deg2rad(1.5)


def test_joints_keep_to_their_limits_and_their_motors_speeds(online):
    motion = library.make("kick", 4)
    every_fourth = motion.keypoints[::4]  # four times as fast as it is
    poses, _ = followed(online, motion, every_fourth)
    assert motion.joint_angles is not None
    angles = np.concatenate([motion.joint_angles[:1], poses[:, 7:]])
    assert (angles[1:] >= G1.limits[:, 0]).all() and (angles[1:] <= G1.limits[:, 1]).all()
    assert (np.abs(np.diff(angles, axis=0)) <= G1.speed / FPS + 1e-9).all()


def test_a_command_that_is_repeated_keeps_the_pose(online):
    motion = library.make("punch", 4)
    points = np.concatenate([motion.keypoints[:80], np.repeat(motion.keypoints[79:80], 120, axis=0)])
    poses, _ = followed(online, motion, points)
    np.testing.assert_allclose(poses[-1], poses[110], atol=1e-4)


@pytest.mark.parametrize("size", [0.6, 1.5])
def test_a_person_of_another_size_moves_the_robot_in_its_own_size(online, size):
    motion = library.make("walk", 4)
    person = size * motion.keypoints + [0, 0, 0.04]  # whose ankles are higher over the floor
    poses, reached = followed(online, motion, person)
    assert reached[0, list(ANKLES), 2].min() == pytest.approx(motion.keypoints[0, list(ANKLES), 2].min(), abs=0.003)
    way = motion.root_position[-1] - motion.root_position[0]
    np.testing.assert_allclose(poses[-1, :2] - poses[0, :2], way[:2], atol=0.01)
    assert np.abs(poses[:, 7:] - motion.joint_angles).mean() < np.deg2rad(1.5)


def test_soles_near_the_floor_are_level_though_key_points_do_not_say_so(online):
    motion = library.make("squat", 4)
    poses, _ = followed(online, motion, motion.keypoints)
    ankle, knee, hip = (
        poses[:, 7 + G1.joint_names.index(f"left_{j}_joint")] for j in ("ankle_pitch", "knee", "hip_pitch")
    )
    pitch = 2 * np.arcsin(np.clip(poses[:, 5], -1, 1))
    assert np.abs(ankle + knee + hip + pitch).max() < np.deg2rad(3)
    assert np.abs(knee).max() > 0.6, "it squats"


def test_a_hip_hangs_from_the_axis_that_it_pitches_about(online):
    """Bent by a right angle, a hip that stayed at its place of rest would be 43 mm from where the robot's can be."""
    motion = library.make("bow", 4)
    _, reached = followed(online, motion, motion.keypoints)
    hips = [INDEX["left_hip"], INDEX["right_hip"]]
    assert 1e3 * np.linalg.norm(reached[:, hips] - motion.keypoints[:, hips], axis=-1).max() < 6
