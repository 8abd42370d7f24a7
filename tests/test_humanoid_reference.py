"""Reference motions: 50 frames a second, by joint names, with velocities in the world frame."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from envs.humanoid import rotations
from envs.humanoid.physics import LINEAR
from envs.humanoid.reference import References
from envs.humanoid.robot import RobotError, load
from tasks.motion.motion import MotionError
from tests.humanoids import LEVEL, motion_of, sliding, swaying

ROBOT = load()


def test_velocities_of_references_are_rates_of_the_motion():
    references = References.of([sliding(0.7, yaw=1.0)], ROBOT)
    expected = torch.tensor([0.7 * np.cos(1.0), 0.7 * np.sin(1.0), 0.0], dtype=torch.float32)
    torch.testing.assert_close(references.root[:, LINEAR], expected.expand(101, 3), atol=1e-4, rtol=0)
    torch.testing.assert_close(references.keypoint_velocity, expected.expand(101, 15, 3), atol=1e-4, rtol=0)


def test_angular_velocities_of_references_are_in_the_world_frame():
    """A robot that lies on its side and turns about the vertical at 1 rad/s turns about the world's z, not its own."""
    time = np.arange(51) / 50
    turns = rotations.about_z(torch.tensor(time))
    side = torch.tensor([0.5**0.5, 0.5**0.5, 0, 0], dtype=torch.float64).expand(51, 4)
    quats = rotations.multiply(turns, side).numpy()
    motion = motion_of(ROBOT, np.tile((0, 0, 1.0), (51, 1)), quats, np.tile(ROBOT.default_angles, (51, 1)))
    spin = References.of([motion], ROBOT).root[:, 10:13]
    torch.testing.assert_close(spin, torch.tensor([0.0, 0, 1]).expand(51, 3), atol=1e-4, rtol=0)


def test_other_frame_rates_are_resampled_to_50():
    slow = References.of([swaying(fps=30)], ROBOT)
    fast = References.of([swaying(fps=50)], ROBOT)
    assert len(slow.root) == len(fast.root) == 101
    torch.testing.assert_close(slow.dof[..., 0], fast.dof[..., 0], atol=2e-3, rtol=0)


def test_playback_at_double_speed_halves_the_frames_and_doubles_the_velocities():
    once, twice = (References.of([sliding(0.5)], ROBOT, playback=p) for p in (1.0, 2.0))
    assert (len(once.root), len(twice.root)) == (101, 51)
    torch.testing.assert_close(twice.root[:, LINEAR], 2 * once.root[:51, LINEAR], atol=1e-4, rtol=0)


def test_a_motion_without_joint_angles_is_sent_to_retargeting():
    bare = dataclasses.replace(swaying(), joint_angles=None, joint_names=())
    with pytest.raises(MotionError, match="sway: it has key points but no joint angles.*crossbody retarget sway"):
        References.of([bare], ROBOT)


def test_joints_are_read_by_name():
    motion = swaying()
    assert motion.joint_angles is not None
    turned = dataclasses.replace(
        motion, joint_angles=motion.joint_angles[:, ::-1], joint_names=tuple(reversed(motion.joint_names))
    )
    torch.testing.assert_close(References.of([turned], ROBOT).dof, References.of([motion], ROBOT).dof)


def test_an_angle_that_the_robot_cannot_reach_is_named():
    motion = swaying()
    assert motion.joint_angles is not None
    angles = motion.joint_angles.copy()
    angles[7, ROBOT.joint_names.index("left_knee_joint")] = -1.0
    with pytest.raises(
        MotionError, match=r"sway: frame 7, left_knee_joint: the angle is -1 rad; g1_23 reaches from -0.08"
    ):
        References.of([dataclasses.replace(motion, joint_angles=angles)], ROBOT)


def test_a_foreign_joint_is_named_with_the_clip():
    with pytest.raises(RobotError, match="sway: g1_23 has no tail"):
        References.of([dataclasses.replace(swaying(), joint_names=("tail", *ROBOT.joint_names[1:]))], ROBOT)


def test_a_motion_shorter_than_two_frames_is_refused():
    with pytest.raises(MotionError, match="clip: it lasts 0.01 s; a reference needs two frames at 50 a second"):
        root, quats = np.tile((0, 0, 0.76), (2, 1)), np.tile(LEVEL, (2, 1))
        References.of([motion_of(ROBOT, root, quats, np.tile(ROBOT.default_angles, (2, 1)), fps=100)], ROBOT)
