"""Robots' own files are read, whatever order their joints are in,
and what is wrong with one is said with its frame and joint."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from envs.humanoid.motions import library, robot_files
from tasks.motion.foreign import Hints
from tasks.motion.motion import Motion, MotionError
from tasks.motion.reading import read_one
from tasks.motion.smpl import JOINTS, OFFSETS_MM

HINTS = Hints(fps=30.0)
REAL = Path(__file__).resolve().parents[2] / "shared" / "data" / "motions"


@pytest.fixture(scope="module", params=["g1_23", "g1_29"])
def clip(request) -> Motion:
    made = library.make("wave", 2, request.param)
    cut = slice(60, 90)
    return Motion(
        "wave",
        made.keypoints[cut],
        made.root_position[cut],
        made.root_quat_wxyz[cut],
        30.0,
        joint_angles=made.joint_angles[cut],
        joint_names=made.joint_names,
    )


def rows(clip: Motion) -> np.ndarray:
    return np.concatenate([clip.root_position, np.roll(clip.root_quat_wxyz, -1, axis=1), clip.joint_angles], axis=1)


def csv(tmp_path: Path, values: np.ndarray, heading: str = "") -> Path:
    text = "\n".join(",".join(f"{v:.8f}" for v in row) for row in values)
    (tmp_path / "clip.csv").write_text(f"{heading}\n{text}\n" if heading else f"{text}\n")
    return tmp_path / "clip.csv"


def one(file: Path, hints: Hints = HINTS) -> Motion:
    (motion,) = robot_files.read(file, hints).values()
    if isinstance(motion, MotionError):
        raise motion
    return motion


def wrong(file: Path, hints: Hints = HINTS) -> str:
    with pytest.raises(MotionError) as caught:
        one(file, hints)
    assert str(file) in str(caught.value)
    return str(caught.value).replace(f"{file}: ", "")


def test_a_csv_gives_the_poses_and_the_key_points(clip, tmp_path):
    found = one(csv(tmp_path, rows(clip)))
    np.testing.assert_allclose(found.keypoints, clip.keypoints, atol=1e-6)
    np.testing.assert_allclose(found.joint_angles, clip.joint_angles, atol=1e-7)
    assert (found.fps, found.joint_names) == (30.0, clip.joint_names)


def test_a_heading_orders_the_joints(clip, tmp_path):
    back = np.arange(len(clip.joint_names))[::-1]
    values = np.concatenate([rows(clip)[:, :7], clip.joint_angles[:, back]], axis=1)
    heading = ",".join(["x", "y", "z", "qx", "qy", "qz", "qw", *(clip.joint_names[i] for i in back)])
    np.testing.assert_allclose(one(csv(tmp_path, values, heading)).keypoints, clip.keypoints, atol=1e-6)


@pytest.mark.parametrize("isaac", [False, True])
def test_both_orders_of_an_npz_are_recognised_by_the_bodies(clip, tmp_path, isaac):
    name = {23: "g1_23", 29: "g1_29"}[len(clip.joint_names)]
    places, turns = robot_files._bodies(name, clip.root_position, clip.root_quat_wxyz, clip.joint_angles)
    angles = clip.joint_angles
    if isaac:
        bodies = list(robot_files._by_depth(name))
        places, turns = places[:, bodies], turns[:, bodies]
        angles = angles[:, [clip.joint_names.index(joint) for joint in robot_files.breadth_first(name)]]
    np.savez(tmp_path / "clip.npz", fps=np.array([50]), joint_pos=angles, body_pos_w=places, body_quat_w=turns)
    found = one(tmp_path / "clip.npz", Hints())
    np.testing.assert_allclose(found.joint_angles, clip.joint_angles, atol=1e-12)
    np.testing.assert_allclose(found.keypoints, clip.keypoints, atol=1e-6)
    assert found.fps == 50
    np.savez(tmp_path / "clip.npz", fps=50, joint_pos=angles, body_pos_w=places[:, :, [1, 0, 2]], body_quat_w=turns)
    assert re.search(r"neither order of g1_\d\d's joints .* mm off", wrong(tmp_path / "clip.npz", Hints()))


def test_the_breadth_first_order_is_isaacs():
    assert robot_files.breadth_first("g1_29")[:8] == (
        *("left_hip_pitch_joint", "right_hip_pitch_joint", "waist_yaw_joint", "left_hip_roll_joint"),
        *("right_hip_roll_joint", "waist_roll_joint", "left_hip_yaw_joint", "right_hip_yaw_joint"),
    )


def spoilt(values: np.ndarray, frame: int, column: int, value: float) -> np.ndarray:
    values = values.copy()
    values[frame, column] = value
    return values


def test_what_is_wrong_with_a_csv_is_said_with_frame_and_joint(clip, tmp_path):
    good = rows(clip)
    knee = 7 + clip.joint_names.index("left_knee_joint")
    assert wrong(csv(tmp_path, spoilt(good, 4, knee, np.nan))) == "frame 4, left_knee_joint is nan; expected radians"
    assert "frame 3, root position 2 is inf" in wrong(csv(tmp_path, spoilt(good, 3, 2, np.inf)))
    assert "frame 2, left_knee_joint: the angle is 40 rad, more than a full turn. Degrees?" in wrong(
        csv(tmp_path, spoilt(good, 2, knee, 40.0))
    )
    assert "left_knee_joint: 4 rad is 1.1 rad outside the joint's -0.0873..2.88" in wrong(
        csv(tmp_path, spoilt(good, 2, knee, 4.0))
    )
    degrees = np.concatenate([good[:, :7], np.rad2deg(good[:, 7:])], axis=1)
    assert "Degrees? Expected radians." in wrong(csv(tmp_path, degrees))
    assert wrong(csv(tmp_path, good[:1])) == "it has one frame; a motion needs two"
    assert wrong(csv(tmp_path, good[:0])) == "it has no frames"
    assert re.search(
        r"it has 20 joints \(27 columns\); expected 7 of the root .* 30 \(g1_23\), .*36 \(g1_29\)",
        wrong(csv(tmp_path, good[:, :27])),
    )
    file = csv(tmp_path, good)
    assert "Say `--fps N`; LAFAN1's retargeted files have 30." in wrong(file, Hints())
    lines = file.read_text().splitlines()
    file.write_text("\n".join([*lines[:5], lines[5] + ",0.1", *lines[6:]]))
    assert re.match(r"frame 5 has \d\d columns; the first has \d\d", wrong(file))
    file.write_text("\n".join([*lines[:5], lines[5].replace(lines[5].split(",")[8], "zero"), *lines[6:]]))
    assert wrong(file) == "frame 5, left_hip_roll_joint is 'zero'; expected a number"


def test_a_root_that_lies_or_is_no_rotation_is_said(clip, tmp_path):
    good = rows(clip)
    wxyz = np.concatenate([good[:, :3], clip.root_quat_wxyz, good[:, 7:]], axis=1)
    assert "Its quaternions look like w x y z; expected x y z w." in wrong(csv(tmp_path, wxyz))
    y_up = good.copy()
    y_up[:, 3:7] = (Rotation.from_euler("x", -90, degrees=True) * Rotation.from_quat(good[:, 3:7])).as_quat()
    assert "its upward axis points 90 degrees off z. Is y up in this file?" in wrong(csv(tmp_path, y_up))
    assert "frame 6, the root quaternion has the length" in wrong(csv(tmp_path, spoilt(good, 6, 6, 3.0)))


def test_files_of_people_are_still_read(tmp_path):
    from tests import motions

    np.save(tmp_path / "walk.npy", motions.keypoints())
    np.testing.assert_allclose(one(tmp_path / "walk.npy", Hints(20.0)).keypoints, motions.keypoints())
    assert "cannot be read" in wrong(tmp_path / "absent.csv")


def parameters(tmp_path: Path, poses: np.ndarray, **others) -> Path:
    np.savez(
        tmp_path / "smpl.npz", **{"poses": poses, "trans": np.zeros((len(poses), 3)), "mocap_framerate": 30} | others
    )
    return tmp_path / "smpl.npz"


def standing(frames: int = 4, width: int = 72) -> np.ndarray:
    """SMPL's rest has y up and the arms out; a quarter turn about x brings z up."""
    poses = np.zeros((frames, width))
    poses[:, 0] = np.pi / 2
    return poses


@pytest.mark.parametrize("width", [66, 72, 156, 165])
def test_smpl_parameters_give_the_joints_of_a_neutral_body(tmp_path, width):
    found = read_one(parameters(tmp_path, standing(width=width))).keypoints[0]
    # Left hip (71, -59, -10) mm, y up: z up it is x, -z, y. The knee hangs from it by (69, -419, 10).
    np.testing.assert_allclose(found[1], [0.071, 0.010, -0.059], atol=1e-9)
    np.testing.assert_allclose(found[3], [0.140, 0.0, -0.478], atol=1e-9)


def test_an_elbow_that_bends_moves_the_wrist_only(tmp_path):
    bent = standing()
    bent[:, 3 * JOINTS.index("left_elbow") + 1] = -np.pi / 2  # about y: the forearm turns from x to z, which is -y here
    straight, found = (read_one(parameters(tmp_path, poses)).keypoints[0] for poses in (standing(), bent))
    moved = np.linalg.norm(found - straight, axis=1) > 1e-9
    assert [i for i in range(15) if moved[i]] == [13]
    forearm = np.array(OFFSETS_MM[JOINTS.index("left_wrist")]) / 1e3
    np.testing.assert_allclose(found[13] - found[11], [-forearm[2], -forearm[0], forearm[1]], atol=1e-9)


def test_what_is_wrong_with_smpl_parameters_is_said(tmp_path):
    def said(**arrays) -> str:
        return wrong(parameters(tmp_path, **arrays))

    assert "pose parameters are (4, 30); expected (frames, 3 x joints)" in said(poses=np.zeros((4, 30)))
    assert "frame 2, left_elbow: the rotation's y is nan" in said(poses=spoilt(standing(), 2, 3 * 18 + 1, np.nan))
    assert "frame 1, left_knee: the rotation is by 90 rad, more than a full turn. Degrees?" in said(
        poses=spoilt(standing(), 1, 3 * 4, 90.0)
    )
    assert "'trans' is (3, 3); expected (4, 3)" in said(poses=standing(), trans=np.zeros((3, 3)))
    assert "the body stands along y in most frames" in said(poses=np.zeros((4, 72)))


@pytest.mark.skipif(not REAL.exists(), reason="the real clips are not part of the project")
def test_the_neutral_body_is_that_of_the_real_clips_but_for_its_size():
    from tasks.motion.reading import read

    ours, theirs = read(REAL / "asap_smpl.npz"), read(REAL / "asap_g1_23dof.npz")
    for clip in ("walk_level1", "squat_level1", "kick_level1"):
        found, expected = ours.get(f"asap_smpl/{clip}"), theirs.get(f"asap_g1_23dof/{clip}")
        if not isinstance(found, Motion) or not isinstance(expected, Motion):
            continue
        scale = 0.6885 / 0.83  # their leg over ours
        apart = scale * (found.keypoints - found.keypoints[:, :1]) - (expected.keypoints - expected.keypoints[:, :1])
        assert np.linalg.norm(apart, axis=-1).mean() < 0.012
