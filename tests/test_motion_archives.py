"""Archives of many clips: ASAP's G1 and the AMP humanoid, made ones and, where they are, the real ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from tasks.motion.keypoints import KEYPOINTS
from tasks.motion.motion import Motion
from tasks.motion.reading import read
from tasks.motion.root import root_pose
from tests import motions

REAL = Path(__file__).resolve().parent.parent.parent / "shared" / "data" / "motions"
real = pytest.mark.skipif(not REAL.is_dir(), reason="the real clips are not part of the project")


def npz(tmp_path: Path, **arrays) -> Path:
    np.savez(tmp_path / "clip.npz", **arrays)
    return tmp_path / "clip.npz"


def test_a_clip_of_asap_has_the_robots_pose_beside_the_persons(tmp_path):
    points = motions.keypoints()
    fields = {
        "smpl_joints": motions.smpl(points, 24),
        "root_trans_offset": points[:, 0] + [0, 0, 0.1],
        "root_rot": np.tile([0, 0, 0.6, 0.8], (40, 1)),
        "dof": np.full((40, 23), 0.3),
        "fps": 30,
    }
    found = read(npz(tmp_path, **{f"squat/{field}": array for field, array in fields.items()}))["clip/squat"]
    assert isinstance(found, Motion)
    np.testing.assert_allclose(found.keypoints, points)
    np.testing.assert_allclose(found.root_position, fields["root_trans_offset"])
    np.testing.assert_array_equal(found.root_quat_wxyz[0], [0.8, 0, 0, 0.6])
    assert (found.joint_names[3], found.joint_names[13], found.joint_names[22]) == (
        "left_knee",
        "waist_roll",
        "right_elbow",
    )
    fields["dof"][5, 3] = 40
    wrong_clip = read(npz(tmp_path, **{f"squat/{field}": array for field, array in fields.items()}))["clip/squat"]
    assert "frame 5, left_knee: the angle is 40 rad, more than a full turn. Degrees?" in str(wrong_clip)


def amp(frames: int = 2) -> dict[str, np.ndarray]:
    """Return the AMP humanoid's bodies as a tree at rest, in the pose of STANDING."""
    parents = np.array([point.parent for point in KEYPOINTS])
    rest = motions.STANDING
    return {
        "rotation": np.tile([0.0, 0, 0, 1], (frames, 15, 1)),
        "root_translation": np.tile(rest[0], (frames, 1)),
        "node_names": np.array([point.amp for point in KEYPOINTS]),
        "parent_indices": parents,
        "local_translation": np.where(parents[:, None] < 0, 0, rest - rest[parents]),
        "fps": np.array(30.0),
    }


def test_the_bodies_of_amp_turn_with_their_parents(tmp_path):
    fields = amp()
    turns = {9: Rotation.from_rotvec([np.pi / 2, 0, 0]), 11: Rotation.from_rotvec([0, np.pi / 2, 0])}
    for body, turn in turns.items():  # the left shoulder by 90 degrees about x, the elbow about its own y
        fields["rotation"][:, body] = turn.as_quat()
    found = read(npz(tmp_path, **{f"wave/{field}": array for field, array in fields.items()}))["clip/wave"]
    assert isinstance(found, Motion)
    upper, lower = motions.STANDING[11] - motions.STANDING[9], motions.STANDING[13] - motions.STANDING[11]
    elbow = motions.STANDING[9] + turns[9].apply(upper)
    np.testing.assert_allclose(found.keypoints[0, 11], elbow, atol=1e-9)
    np.testing.assert_allclose(found.keypoints[0, 13], elbow + turns[9].apply(turns[11].apply(lower)), atol=1e-9)
    np.testing.assert_allclose(found.keypoints[0, :9], motions.STANDING[:9], atol=1e-9)


def test_what_is_wrong_with_a_clip_of_amp_is_said(tmp_path):
    def said(**change) -> str:
        fields = amp() | change
        return str(read(npz(tmp_path, **{f"a/{field}": array for field, array in fields.items()}))["clip/a"])

    broken = amp()["rotation"]
    broken[1, 2] = np.nan
    assert "frame 1, right_thigh: the rotation is [nan nan nan nan]" in said(rotation=broken)
    names = np.array([point.amp for point in KEYPOINTS[:-1]] + ["tail"])
    assert "it has no right_hand; it has pelvis, " in said(node_names=names)
    assert "rotations are (2, 14, 4)" in said(rotation=broken[:, 1:])


@real
def test_the_clips_of_asap_are_read_with_the_robots_pose_beside_the_persons():
    found = read(REAL / "asap_g1_23dof.npz")
    assert len(found) == 42
    for motion in found.values():
        assert isinstance(motion, Motion), motion
        assert motion.joint_angles is not None and motion.joint_angles.shape == (len(motion.keypoints), 23)
        off = np.median(np.linalg.norm(motion.root_position - motion.keypoints[:, 0], axis=1))
        assert off < 0.15, "the robot's pelvis is near the person's"
        own = Rotation.from_quat(motion.root_quat_wxyz, scalar_first=True)
        fitted = Rotation.from_quat(root_pose(motion.keypoints)[1], scalar_first=True)
        assert np.median((own.inv() * fitted).magnitude()) < 0.5


@real
def test_the_fifteen_bodies_of_amp_have_the_root_that_their_positions_make():
    found = read(REAL / "amp_humanoid_15body.npz")
    assert {name.partition("/")[2] for name in found} >= {"walk", "dance", "backflip", "cartwheel"}
    for motion in found.values():
        assert isinstance(motion, Motion), motion
        own = Rotation.from_quat(motion.root_quat_wxyz, scalar_first=True)
        fitted = Rotation.from_quat(root_pose(motion.keypoints)[1], scalar_first=True)
        assert (own.inv() * fitted).magnitude().max() < 1e-6


@real
def test_the_velocities_of_amp_are_those_that_its_file_states():
    motion = read(REAL / "amp_humanoid_15body.npz")["amp_humanoid_15body/walk"]
    assert isinstance(motion, Motion)
    with np.load(REAL / "amp_humanoid_15body.npz", allow_pickle=False) as arrays:
        stated, names = arrays["walk/global_velocity"], list(arrays["walk/node_names"])
    ours = np.gradient(motion.keypoints, 1 / motion.fps, axis=0)
    theirs = stated[:, [names.index(point.amp) for point in KEYPOINTS]]
    assert np.median(np.linalg.norm(ours - theirs, axis=-1)) < 0.15
