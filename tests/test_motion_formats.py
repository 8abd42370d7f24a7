"""Motions of every format become one, and what is wrong with a file is said with its frame and joint."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from crossbody.errors import CrossbodyError
from tasks.motion.foreign import Hints
from tasks.motion.keypoints import KEYPOINTS, NAMES, SMPL
from tasks.motion.motion import Motion, MotionError
from tasks.motion.reading import read, read_folder, read_one
from tasks.motion.root import heading, root_pose
from tasks.motion.store import save
from tests import motions

HINTS = Hints(fps=20.0)


def wrong(file: Path, hints: Hints = HINTS) -> str:
    """Return what is said of a file, without its name."""
    with pytest.raises(MotionError) as caught:
        read_one(file, hints)
    text = str(caught.value)
    assert str(file) in text
    return text.replace(f"{file}: ", "").replace(str(file), "FILE")


def npy(tmp_path: Path, array: np.ndarray) -> Path:
    np.save(tmp_path / "clip.npy", array)
    return tmp_path / "clip.npy"


def npz(tmp_path: Path, **arrays) -> Path:
    np.savez(tmp_path / "clip.npz", **arrays)
    return tmp_path / "clip.npz"


def test_the_key_points_are_five_parts_of_three():
    parts = [point.part for point in KEYPOINTS]
    assert {part: parts.count(part) for part in parts} == dict.fromkeys(
        ("torso", "left_leg", "right_leg", "left_arm", "right_arm"), 3
    )
    assert SMPL == (0, 1, 2, 4, 5, 7, 8, 9, 15, 16, 17, 18, 19, 20, 21)
    assert all(point.parent < index for index, point in enumerate(KEYPOINTS))


def test_a_motion_comes_back_as_it_was_saved(tmp_path):
    whole = dataclasses.replace(
        motions.motion("wave"),
        texts=("a wave", "waving"),
        source="made",
        licence="CC0",
        joint_angles=np.linspace(-1, 1, 80).reshape(40, 2),
        joint_names=("hip", "knee"),
    )
    save(whole, tmp_path / "a.npz")
    back = read_one(tmp_path / "a.npz")
    for field in ("keypoints", "root_position", "root_quat_wxyz", "joint_angles"):
        np.testing.assert_allclose(getattr(back, field), getattr(whole, field), atol=1e-6)
    for field in ("fps", "texts", "source", "licence", "joint_names"):
        assert getattr(back, field) == getattr(whole, field)
    with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:
        assert all(array.dtype != object for array in arrays.values())


@pytest.mark.parametrize("joints", [15, 22, 24, 52])
def test_arrays_of_every_skeleton_give_the_same_key_points(tmp_path, joints):
    points = motions.keypoints()
    stored = points if joints == 15 else motions.y_up(motions.smpl(points, joints))
    found = read_one(npy(tmp_path, stored), HINTS)
    np.testing.assert_allclose(found.keypoints, points, atol=1e-12)
    assert found.fps == 20


@pytest.mark.parametrize(
    ("key", "rate"), [("joints", "mocap_framerate"), ("smpl_joints", "fps"), ("positions", "mocap_frame_rate")]
)
def test_an_npz_of_joint_positions_says_its_frame_rate(tmp_path, key, rate):
    points = motions.keypoints()
    found = read_one(npz(tmp_path, **{key: motions.smpl(points, 24), rate: 30}), Hints())
    np.testing.assert_allclose(found.keypoints, points)
    assert found.fps == 30


def test_units_and_axes_can_be_said(tmp_path):
    points = motions.keypoints()
    centimetres = npy(tmp_path, 100 * motions.smpl(points))
    found = read_one(centimetres, Hints(20.0, "z", 0.01))
    np.testing.assert_allclose(found.keypoints, points)


def test_the_root_is_made_of_the_key_points():
    points = motions.keypoints("squat")
    turn = Rotation.from_rotvec([0, 0, 0.7])
    turned = turn.apply(points.reshape(-1, 3)).reshape(points.shape)
    place, quats = root_pose(turned)
    np.testing.assert_array_equal(place, turned[:, 0])
    np.testing.assert_allclose(Rotation.from_quat(quats, scalar_first=True).as_rotvec(), [[0, 0, 0.7]] * 40, atol=1e-9)
    np.testing.assert_allclose(heading(turned), 0.7)


def test_the_root_of_a_body_without_extent_is_the_worlds_frame():
    _, quats = root_pose(np.zeros((2, 15, 3)))
    np.testing.assert_array_equal(quats, [[1, 0, 0, 0]] * 2)


def test_a_bvh_gives_the_positions_that_its_angles_make(tmp_path):
    frames = 5
    root = motions.STANDING[0] + np.linspace(0, 1, frames)[:, None] * [1, 0, 0]
    angles = np.stack([np.linspace(0, 40, frames), np.linspace(0, 20, frames), np.linspace(0, 90, frames)], -1)
    (tmp_path / "clip.bvh").write_text(motions.bvh({"LeftArm": angles, "LeftForeArm": angles}, root))
    found = read_one(tmp_path / "clip.bvh")
    assert found.fps == pytest.approx(20)
    still = [i for i, name in enumerate(NAMES) if name not in ("left_elbow", "left_wrist")]
    expected = motions.STANDING + np.linspace(0, 1, frames)[:, None, None] * [1, 0, 0]
    np.testing.assert_allclose(found.keypoints[:, still], expected[:, still], atol=1e-6)
    # Z by 40, X by 20, Y by 90 degrees, each in the frame that the last one made; twice along the arm; then z up.
    turn = Rotation.from_rotvec([0, 0, np.radians(40)]) * Rotation.from_rotvec([np.radians(20), 0, 0])
    turn *= Rotation.from_rotvec([0, np.pi / 2, 0])
    upper, lower = (motions.y_up(motions.STANDING[b] - motions.STANDING[a]) for a, b in ((9, 11), (11, 13)))
    for point, offset in ((11, turn.apply(upper)), (13, turn.apply(upper) + (turn * turn).apply(lower))):
        back = [offset[0], -offset[2], offset[1]]
        np.testing.assert_allclose(found.keypoints[-1, point], expected[-1, 9] + back, atol=1e-6)


@pytest.mark.parametrize("scale", [1.0, 100.0, 1000.0])
def test_a_bvh_in_metres_centimetres_or_millimetres_is_told_by_its_leg(tmp_path, scale):
    (tmp_path / "clip.bvh").write_text(motions.bvh({}, motions.STANDING[[0, 0, 0]], scale))
    np.testing.assert_allclose(read_one(tmp_path / "clip.bvh").keypoints[1], motions.STANDING, atol=1e-5)


def broken_bvh(tmp_path: Path, old: str, new: str) -> str:
    (tmp_path / "clip.bvh").write_text(motions.bvh({}, motions.STANDING[[0, 0, 0]]).replace(old, new))
    return wrong(tmp_path / "clip.bvh")


def test_a_broken_bvh_says_where(tmp_path):
    assert broken_bvh(tmp_path, "Frames: 3", "Frames: 4") == "it has 3 of the 4 frames that its header names"
    assert broken_bvh(tmp_path, "HIERARCHY", "SKELETON") == "it begins with 'SKELETON'; a BVH begins with HIERARCHY"
    assert "no joint is the left elbow (looked for leftforearm, " in broken_bvh(tmp_path, "LeftForeArm", "Bone7")
    channels = broken_bvh(tmp_path, "Zposition Zrotation", "Zposition Wspin")
    assert channels == "line 5: the channels of Hips are 6 Xposition Yposition Zposition Wspin Xrotation Yrotation"
    assert "the frame rate is 0" in broken_bvh(tmp_path, "Frame Time: 0.05", "Frame Time: 0")
    assert "'POSES' is not a word of a BVH skeleton" in broken_bvh(tmp_path, "MOTION", "POSES")
    cut = motions.bvh({}, motions.STANDING[[0]]).partition("MOTION")[0]
    (tmp_path / "clip.bvh").write_text(cut)
    assert wrong(tmp_path / "clip.bvh") == "the file ends too early"
    assert "which is a leg in neither m, cm nor mm" in _bvh_of_scale(tmp_path, 17.7)


def _bvh_of_scale(tmp_path: Path, scale: float) -> str:
    (tmp_path / "clip.bvh").write_text(motions.bvh({}, motions.STANDING[[0, 0, 0]], scale))
    return wrong(tmp_path / "clip.bvh")


def test_a_bvh_line_with_too_few_numbers_is_named(tmp_path):
    text = motions.bvh({}, motions.STANDING[[0, 0, 0]]).rstrip().rpartition(" ")[0]
    (tmp_path / "clip.bvh").write_text(text)
    assert (
        wrong(tmp_path / "clip.bvh")
        == f"line {len(text.splitlines())}: it has 47 numbers; the skeleton has 48 channels"
    )


def test_a_value_that_is_no_number_is_named_with_its_frame_and_joint(tmp_path):
    points = motions.y_up(motions.smpl(motions.keypoints()))
    points[7, 5, 1] = np.nan
    assert wrong(npy(tmp_path, points)) == "frame 7, right_knee: y is nan; expected metres"


@pytest.mark.parametrize(
    ("frames", "said"), [(0, "it has no frames; a motion needs two"), (1, "it has 1 frame; a motion needs two")]
)
def test_too_short_motions_are_refused(tmp_path, frames, said):
    assert wrong(npy(tmp_path, motions.keypoints()[:frames])) == said


def test_a_wrong_number_of_joints_is_refused_with_the_numbers_that_are_right(tmp_path):
    said = wrong(npy(tmp_path, np.zeros((5, 17, 3))))
    assert said == (
        "positions are (5, 17, 3); expected (frames, joints, 3) with 15 key points or 22, 24 or 52 SMPL joints."
    )
    assert wrong(npy(tmp_path, np.zeros((5, 251)))).startswith("positions are (5, 251); expected (frames, joints, 3)")


def humanml3d(joints: np.ndarray, yaw: np.ndarray) -> np.ndarray:
    """Return the features (T - 1, 263) of joints (T, 22, 3), y up, of a body that faces z turned by ``yaw`` about y."""
    facing = Rotation.from_rotvec(-yaw[:, None] * [0, 1, 0])  # what turns the body to face z
    flat = joints * [1, 0, 1]
    local = joints[:, 1:] - flat[:, :1]
    out = np.full((len(joints) - 1, 263), 7.0)  # what is not used is wrong on purpose
    out[:, 0] = -np.diff(yaw) / 2
    out[:, 1:3] = facing[1:].apply(np.diff(flat[:, 0], axis=0))[:, [0, 2]]
    out[:, 3] = joints[:-1, 0, 1]
    out[:, 4:67] = np.stack([facing.apply(local[:, j]) for j in range(21)], axis=1)[:-1].reshape(-1, 63)
    return out


def test_the_features_of_humanml3d_give_back_the_joints_they_were_made_of(tmp_path):
    yaw = np.linspace(0, 1.2, 40)
    body = motions.smpl(motions.keypoints())
    turned = np.stack([Rotation.from_rotvec([0, 0, a]).apply(frame) for a, frame in zip(yaw, body, strict=True)])
    turned -= turned[0, 0] * [1, 1, 0]  # it begins over the origin
    found = read_one(npy(tmp_path, humanml3d(motions.y_up(turned), yaw)), Hints())
    np.testing.assert_allclose(found.keypoints, turned[:-1, list(SMPL)], atol=1e-9)
    assert found.fps == 20


def test_a_feature_of_humanml3d_that_is_no_number_is_named(tmp_path):
    features = np.zeros((5, 263))
    features[3, 1] = np.nan
    assert wrong(npy(tmp_path, features)) == "frame 3, feature 1 is nan; expected a number"


def test_a_missing_frame_rate_is_asked_for(tmp_path):
    file = npy(tmp_path, motions.keypoints())
    assert wrong(file, Hints()) == "it does not say its frame rate. Say `--fps N`; HumanML3D has 20."
    assert "the frame rate is 0" in wrong(npz(tmp_path, joints=motions.keypoints(), fps=0))


def test_a_body_that_stands_along_another_axis_is_refused_unless_it_lies(tmp_path):
    z_up_smpl = npy(tmp_path, motions.smpl(motions.keypoints()))
    assert wrong(z_up_smpl) == (
        "the body stands along z in most frames, and in this format y is up. Say `--up z`, or `--up y` if it lies."
    )
    assert read_one(z_up_smpl, Hints(20.0, "z")).keypoints[0, 8, 2] > 1
    assert read_one(z_up_smpl, Hints(20.0, "y")).keypoints[0, 8, 2] < 1
    y_up_npz = npz(tmp_path, joints=motions.y_up(motions.keypoints()), fps=20)
    assert "Say `--up y`, or `--up z` if it lies." in wrong(y_up_npz)
    along_x = npz(tmp_path, joints=motions.keypoints()[..., [2, 1, 0]], fps=20)
    assert "the body stands along x" in wrong(along_x) and "x is never up here" in wrong(along_x)
    head_down = npz(tmp_path, joints=motions.keypoints() * [1, -1, -1], fps=20)
    assert "the head is below the ankles in most frames" in wrong(head_down)


def test_millimetres_and_centimetres_for_metres_are_refused_with_the_option(tmp_path):
    assert "Say `--metres-per-unit 0.001`." in wrong(npy(tmp_path, 1000 * motions.keypoints()))
    assert "Say `--metres-per-unit 0.01`." in wrong(npy(tmp_path, 100 * motions.keypoints()))


def test_a_prediction_that_collapsed_is_a_motion():
    collapsed = np.zeros((4, 15, 3))
    assert Motion("x", collapsed, *root_pose(collapsed), 20.0).fps == 20


def made(**more) -> Motion:
    points = motions.keypoints()
    parts = dict(name="a", keypoints=points, root_position=points[:, 0], root_quat_wxyz=root_pose(points)[1], fps=20.0)
    return Motion(**(parts | more))


def test_degrees_for_radians_are_refused_with_frame_and_joint():
    angles = np.zeros((40, 2))
    angles[3, 1] = 90
    with pytest.raises(MotionError) as caught:
        made(joint_angles=angles, joint_names=("hip", "knee"))
    assert str(caught.value) == (
        "a: frame 3, knee: the angle is 90 rad, more than a full turn. Degrees? Expected radians."
    )
    angles[3, 1] = np.nan
    with pytest.raises(MotionError, match="a: frame 3, joint angle knee is nan"):
        made(joint_angles=angles, joint_names=("hip", "knee"))


def test_a_root_that_is_no_pose_is_refused():
    with pytest.raises(MotionError, match="frame 0, the root quaternion has the length 2"):
        made(root_quat_wxyz=np.tile([2.0, 0, 0, 0], (40, 1)))
    with pytest.raises(MotionError, match=r"the root position has the shape \(39, 3\); expected \(40, 3\)"):
        made(root_position=np.zeros((39, 3)))


def test_pickles_are_never_opened(tmp_path):
    np.save(tmp_path / "clip.npy", np.array([{"joints": 1}], dtype=object), allow_pickle=True)
    assert "holds Python objects, and nothing is unpickled here" in wrong(tmp_path / "clip.npy")


def test_arrays_that_are_no_motion_say_what_was_expected(tmp_path):
    assert "it has angles; expected positions as one of joints, " in wrong(npz(tmp_path, angles=np.zeros(3)))


def test_a_file_that_is_cut_off_or_of_another_kind_is_said(tmp_path):
    for name, content in (("a.npz", b"PK\x03\x04cut"), ("b.npy", b"\x93NUMPY"), ("c.bvh", b"\xff\xfe")):
        (tmp_path / name).write_bytes(content)
        assert "cannot be read" in wrong(tmp_path / name)


def test_a_file_that_is_no_archive_is_not_taken_for_a_pickle(tmp_path):
    for name in ("a.npz", "b.npy"):
        (tmp_path / name).write_bytes(b"neither an archive nor an array")
        assert wrong(tmp_path / name).startswith("FILE is damaged, or not what its name says: it begins like no npy")


def test_our_format_of_a_later_version_or_without_a_field_is_refused(tmp_path):
    save(motions.motion(), tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as loaded:
        arrays = dict(loaded)
    assert wrong(npz(tmp_path, **(arrays | {"format": 2}))) == "motion format 2; this version reads 1"
    arrays.pop("fps")
    assert wrong(npz(tmp_path, **arrays)).startswith("it has no fps; expected keypoint_names, ")


def test_a_folder_without_motions_or_with_two_of_a_name_is_refused(tmp_path):
    with pytest.raises(CrossbodyError, match="is not a folder"):
        read_folder(tmp_path / "absent")
    with pytest.raises(CrossbodyError, match="has no motions; expected npz of this project"):
        read_folder(tmp_path)
    np.save(tmp_path / "a.npy", motions.keypoints())
    np.savez(tmp_path / "a.npz", joints=motions.keypoints(), fps=20)
    with pytest.raises(CrossbodyError, match=r"two motions in .* are called 'a': a.npy and a.npz"):
        read_folder(tmp_path, HINTS)


def test_an_archive_holds_many_clips_of_which_one_may_be_wrong(tmp_path):
    points = motions.keypoints()
    bad = points.copy()
    bad[2, 0] = np.inf
    found = read(npz(tmp_path, **{"a/joints": points, "a/fps": 30, "b/joints": bad, "b/fps": 30}))
    assert isinstance(found["clip/a"], Motion)
    assert "clip.npz/b: frame 2, pelvis: x is inf" in str(found["clip/b"])
