"""Motion files as people have them: each was once read wrongly without a word, or ended in a traceback."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from crossbody.main import main
from crossbody.steps import Steps
from envs.humanoid import robot as robots
from envs.humanoid.motions import library, robot_files
from envs.humanoid.motions.posing import velocity
from tasks.motion import smpl
from tasks.motion.foreign import Hints
from tasks.motion.motion import Motion, MotionError
from tasks.motion.reading import read_folder
from tests import motions


def read(file: Path, hints: Hints = Hints(), robot: str = "") -> Motion:  # noqa: B008 - a tuple
    (motion,) = robot_files.read(file, hints, robot).values()
    if isinstance(motion, MotionError):
        raise motion
    return motion


def wrong(file: Path, hints: Hints = Hints()) -> str:  # noqa: B008 - a tuple
    with pytest.raises(MotionError) as caught:
        read(file, hints)
    return str(caught.value).replace(f"{file}: ", "").replace(str(file), "FILE")


def bvh(tmp_path: Path, text: str) -> Path:
    (tmp_path / "clip.bvh").write_text(text)
    return tmp_path / "clip.bvh"


def standing_bvh(frames: int = 3, **more) -> str:
    return motions.bvh({}, motions.STANDING[[0] * frames], **more)


def tree_bvh(offsets: dict[str, tuple[str, tuple[float, float, float]]], frames: int = 2) -> str:
    """Return a BVH at rest of joint -> (parent or '', offset in cm)."""
    lines = ["HIERARCHY"]

    def write(joint: str) -> None:
        parent, offset = offsets[joint]
        lines.extend([f"{'JOINT' if parent else 'ROOT'} {joint}", "{", "OFFSET " + " ".join(map(str, offset))])
        places = "" if parent else " Xposition Yposition Zposition"
        lines.append(f"CHANNELS {3 if parent else 6}{places} Zrotation Xrotation Yrotation")
        children = [child for child, (its, _) in offsets.items() if its == joint]
        for child in children:
            write(child)
        lines.extend([*([] if children else ["End Site", "{", "OFFSET 0 1 0", "}"]), "}"])

    write(next(iter(offsets)))
    row = " ".join(["0", "93", "0"] + ["0"] * 3 * len(offsets))
    return "\n".join([*lines, "MOTION", f"Frames: {frames}", "Frame Time: 0.05", *[row] * frames]) + "\n"


def smpl_skeleton() -> dict[str, tuple[str, tuple[float, float, float]]]:
    """SMPL's own joints as Blender's add-on names them, L_Foot (the toe) and L_Hand (beyond the wrist) among them."""

    def named(joint: str) -> str:
        side, _, limb = joint.partition("_")
        return f"{side[0].upper()}_{limb.capitalize()}" if limb else joint.capitalize()

    found = {}
    for joint, parent, offset in zip(smpl.JOINTS, smpl.PARENTS, smpl.OFFSETS_MM, strict=True):
        x, y, z = (value / 10 for value in offset)
        found[named(joint)] = (named(smpl.JOINTS[parent]) if parent >= 0 else "", (x, y, z))
    return found | {f"{side}_Hand": (f"{side}_Wrist", (8.0, -1.0, -1.0)) for side in "LR"}


def test_ankle_and_wrist_are_taken_where_foot_and_hand_are_there_too(tmp_path):
    found = read(bvh(tmp_path, tree_bvh(smpl_skeleton()))).keypoints[0]
    at_rest = smpl.joints("rest", {"poses": np.zeros((2, 66)), "trans": np.array([[0, 0.93, 0]] * 2)})[0]
    expected = np.stack([at_rest[:, 0], -at_rest[:, 2], at_rest[:, 1]], -1)[
        [0, 1, 2, 4, 5, 7, 8, 9, 15, 16, 17, 18, 19, 20, 21]
    ]
    np.testing.assert_allclose(found, expected, atol=1e-6)


UNREAL = {
    "Hips": "pelvis",
    "mixamorig:LeftUpLeg": "thigh_l",
    "LeftLeg": "calf_l",
    "LeftFoot": "foot_l",
    "RightUpLeg": "thigh_r",
    "RightLeg": "calf_r",
    "RightFoot": "foot_r",
    "Spine": "spine_03",
    "Head": "head",
    "LeftArm": "upperarm_l",
    "LeftForeArm": "lowerarm_l",
    "LeftHand": "hand_l",
    "RightArm": "upperarm_r",
    "RightForeArm": "lowerarm_r",
    "RightHand": "hand_r",
}


def renamed(text: str, names: dict[str, str]) -> str:
    lines = []
    for line in text.splitlines():
        word, _, joint = line.partition(" ")
        lines.append(f"{word} {names.get(joint, joint)}" if word in ("ROOT", "JOINT") else line)
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    "names",
    [
        UNREAL,
        {joint: f"mixamorig_{joint.rpartition(':')[2]}" for joint in UNREAL},
        {joint: f"Bip01 {new.partition('_')[0]} {new[-1].upper()}" for joint, new in UNREAL.items() if "_" in new}
        | {"Hips": "Bip01", "Spine": "Bip01 Spine", "Head": "Bip01 Head"},
        {joint: f"DEF-{new.replace('_', '.')}" for joint, new in UNREAL.items()},
        {joint: joint.rpartition(":")[2].replace("Left", "L").replace("Right", "R") for joint in UNREAL},
    ],
    ids=["unreal", "mixamorig_", "biped", "rigify", "short"],
)
def test_the_names_of_the_usual_exporters_are_known(tmp_path, names):
    found = read(bvh(tmp_path, renamed(standing_bvh(), names)))
    np.testing.assert_allclose(found.keypoints[0], motions.STANDING, atol=1e-6)


def test_joints_of_no_known_name_can_be_said(tmp_path, capsys):
    file = bvh(tmp_path, standing_bvh().replace("LeftForeArm", "Bone7"))
    assert "Say which: `--joints left_elbow=NAME`" in wrong(file)
    found = read(file, Hints(joints=("left_elbow=Bone7",)))
    np.testing.assert_allclose(found.keypoints[0], motions.STANDING, atol=1e-6)
    assert "Did you mean 'left_elbow'?" in wrong(file, Hints(joints=("left_elbo=Bone7",)))
    assert "there is no joint 'Bone8'; it has Hips" in wrong(file, Hints(joints=("left_elbow=Bone8",)))
    twice = wrong(file, Hints(joints=("left_elbow=LeftHand",)))
    assert "the joint 'LeftHand' would be both left_elbow and left_wrist. Say which joint is which" in twice
    astray = wrong(file, Hints(joints=("left_elbow=Bone7", "left_wrist=RightHand", "right_wrist=LeftHand")))
    assert "'RightHand' was taken for the left wrist, and it does not hang from 'Bone7'" in astray
    folders = [tmp_path / side for side in ("pred", "ref")]
    for folder in folders:
        folder.mkdir()
        (folder / "a.bvh").write_text(file.read_text())
    words = ("--pred", str(folders[0]), "--ref", str(folders[1]), "--metrics", "mpjpe_global_mm")
    out = ("--joints", "left_elbow=Bone7", "--out", str(tmp_path / "out"))
    assert main(["score", "motion", *words, *out]) == 0
    assert main(["score", "motion", *words]) == 2
    assert "--joints left_elbow=NAME" in capsys.readouterr().err


def test_a_byte_order_mark_is_read(tmp_path):
    assert len(read(bvh(tmp_path, "\ufeff" + standing_bvh())).keypoints) == 3


def test_a_row_more_than_the_header_says_is_refused_with_both_numbers(tmp_path):
    said = wrong(bvh(tmp_path, standing_bvh(4).replace("Frames: 4", "Frames: 3")))
    assert said.startswith("its header says 3 frames, and 4 rows of numbers follow") and said.endswith("`Frames: 4`")


def test_a_number_that_is_none_is_named_in_the_first_frame_too(tmp_path):
    text = standing_bvh()
    head, _, rows = text.partition("Frame Time: 0.05\n")
    said = wrong(bvh(tmp_path, f"{head}Frame Time: 0.05\n{rows.replace(rows.split()[0], 'nan', 1)}"))
    assert said == "frame 0, Hips: Xposition is nan; expected a number"


def test_a_rate_that_the_file_states_otherwise_is_refused(tmp_path, capsys):
    file = bvh(tmp_path, standing_bvh(time=1 / 24))
    assert read(file, Hints(fps=24.0)).fps == pytest.approx(24)
    assert "it states 24 frames a second, and --fps says 30. Leave --fps away" in wrong(file, Hints(fps=30.0))
    assert main(["retarget", str(file), "--source-fps", "30", "--out", str(tmp_path / "a.npz")]) == 2
    assert "and --source-fps says 30. Leave --source-fps away" in capsys.readouterr().err
    np.save(tmp_path / "clip.npy", motions.keypoints())
    assert main(["retarget", str(tmp_path / "clip.npy"), "--out", str(tmp_path / "a.npz")]) == 2
    assert "Say `--source-fps N`" in capsys.readouterr().err


def amass(tmp_path: Path, frames: int = 4, **more) -> Path:
    poses = np.zeros((frames, 165))
    poses[:, 0] = np.pi / 2
    trans = np.tile([0.0, 0.0, 0.93], (frames, 1))
    np.savez(tmp_path / "clip.npz", **({"poses": poses, "trans": trans, "mocap_frame_rate": 120.0} | more))
    return tmp_path / "clip.npz"


def test_objects_that_nothing_needs_do_not_stop_an_amass_file(tmp_path):
    markers = np.array([np.zeros(2), np.zeros(3)], dtype=object)
    found = read(amass(tmp_path, labels_obs=markers))
    assert (len(found.keypoints), found.fps) == (4, 120)
    assert "'trans' holds Python objects, and nothing is unpickled here" in wrong(amass(tmp_path, trans=markers))


def test_of_smpl_parameters_only_the_root_has_a_unit(tmp_path):
    metres = read(amass(tmp_path)).keypoints
    for unit in (0.01, 0.001):
        file = amass(tmp_path, trans=np.tile([0.0, 0.0, 0.93 / unit], (4, 1)))
        assert "off the floor. Is its root in centimetres or millimetres?" in wrong(file)
        np.testing.assert_allclose(read(file, Hints(metres_per_unit=unit)).keypoints, metres, atol=1e-9)
    walking = amass(tmp_path, trans=np.stack([[100.0 * t / 120, 0, 0.93] for t in range(4)]))
    assert "its root moves at 100 m/s" in wrong(walking)
    assert read(walking, Hints(metres_per_unit=1.0)).keypoints[3, 0, 0] == pytest.approx(2.5)


@pytest.mark.parametrize("stated", [np.full(40, 20.0), np.array([20]), 20])
def test_a_frame_rate_may_stand_there_for_every_frame(tmp_path, stated):
    np.savez(tmp_path / "clip.npz", joints=motions.keypoints(), fps=stated)
    assert read(tmp_path / "clip.npz").fps == 20


def test_a_frame_rate_that_changes_or_is_none_is_said(tmp_path):
    for stated, said in (
        (np.linspace(20, 30, 40), "its frame rate changes from 20 to 30; resample it to one"),
        (np.array([]), "its frame rate is []; expected a number"),
        (np.array("fast"), "its frame rate is fast; expected a number"),
    ):
        np.savez(tmp_path / "clip.npz", joints=motions.keypoints(), fps=stated)
        assert wrong(tmp_path / "clip.npz") == said


@pytest.fixture(scope="module")
def clip() -> Motion:
    made = library.make("walk", 1, "g1_29")
    cut = slice(60, 80)
    return Motion(
        "walk",
        made.keypoints[cut],
        made.root_position[cut],
        made.root_quat_wxyz[cut],
        50.0,
        joint_angles=made.joint_angles[cut],
        joint_names=made.joint_names,
    )


def csv(tmp_path: Path, clip: Motion, heading: str, *columns: np.ndarray) -> Path:
    values = np.concatenate(columns or (clip.root_position, clip.root_quat_wxyz, clip.joint_angles), axis=1)
    lines = [",".join(f"{v:.8f}" for v in row) for row in values]
    (tmp_path / "clip.csv").write_text("\n".join([*([heading] if heading else []), *lines]) + "\n")
    return tmp_path / "clip.csv"


WXYZ = "root_x,root_y,root_z,root_qw,root_qx,root_qy,root_qz"
FPS = Hints(fps=50.0)


@pytest.mark.parametrize(
    "root", [WXYZ, "x,y,z,quat_w,quat_x,quat_y,quat_z", "base_pos_x,base_pos_y,base_pos_z,w,qx,qy,qz"]
)
def test_a_heading_says_the_order_of_the_quaternion(tmp_path, clip, root):
    found = read(csv(tmp_path, clip, f"{root},{','.join(clip.joint_names)}"), FPS)
    np.testing.assert_allclose(found.root_quat_wxyz, clip.root_quat_wxyz, atol=1e-6)
    np.testing.assert_allclose(found.keypoints, clip.keypoints, atol=1e-5)


def test_a_heading_may_put_the_root_last_and_number_the_frames(tmp_path, clip):
    names = ["Frame", *(name.removesuffix("_joint") for name in clip.joint_names), *WXYZ.split(",")]
    frames = np.arange(len(clip.keypoints))[:, None]
    file = csv(tmp_path, clip, ",".join(names), frames, clip.joint_angles, clip.root_position, clip.root_quat_wxyz)
    np.testing.assert_allclose(read(file, FPS).keypoints, clip.keypoints, atol=1e-5)


def test_a_heading_that_names_other_things_is_refused(tmp_path, clip):
    joints = ",".join(clip.joint_names)
    euler = wrong(csv(tmp_path, clip, f"x,y,z,roll,pitch,yaw,none,{joints}"), FPS)
    assert euler.startswith("its heading names no root qw, root qx, root qy, root qz; expected the root's x, y, z")
    tail = wrong(csv(tmp_path, clip, f"{WXYZ},{joints}".replace("left_knee_joint", "left_tail_joint")), FPS)
    assert (
        "its 29 joints are those of no robot here; the nearest is g1_29: it has no left_knee; g1_29 has no left_tail"
        in tail
    )
    assert "its heading has 35 columns; the first frame has 36" in wrong(
        csv(tmp_path, clip, f"{WXYZ},{joints}"[6:].partition(",")[2]), FPS
    )


def test_a_robot_s_root_in_centimetres_is_refused_or_said(tmp_path, clip):
    quats, angles = np.roll(clip.root_quat_wxyz, -1, axis=1), clip.joint_angles
    file = csv(tmp_path, clip, "", 100 * clip.root_position, quats, angles)
    assert "off the floor. Is its root in centimetres or millimetres?" in wrong(file, FPS)
    np.testing.assert_allclose(read(file, Hints(50.0, None, 0.01)).keypoints, clip.keypoints, atol=1e-5)


def bodies(clip: Motion) -> tuple[np.ndarray, np.ndarray]:
    return robot_files._bodies("g1_29", clip.root_position, clip.root_quat_wxyz, clip.joint_angles)


def test_holosoma_s_names_say_what_its_columns_are(tmp_path, clip):
    places, turns = bodies(clip)
    world = np.zeros_like(places[:, :1])
    order = np.random.default_rng(0).permutation(29)
    arrays = {
        "fps": np.array([50]),
        "joint_pos": np.concatenate([clip.root_position, clip.root_quat_wxyz, clip.joint_angles[:, order]], axis=1),
        "joint_names": np.array(clip.joint_names)[order],
        "body_names": np.array(["world", *robots.load("g1_29").body_names]),
        "body_pos_w": np.concatenate([world, places], axis=1),
        "body_quat_w": np.concatenate([np.tile([1.0, 0, 0, 0], (len(places), 1, 1)), turns], axis=1),
    }
    np.savez(tmp_path / "clip.npz", **arrays)
    np.testing.assert_allclose(read(tmp_path / "clip.npz").keypoints, clip.keypoints, atol=1e-5)
    np.savez(tmp_path / "clip.npz", **(arrays | {"joint_names": np.array(clip.joint_names)[order[::-1]]}))
    assert "outside the" in (said := wrong(tmp_path / "clip.npz")) or "mm off" in said


@pytest.mark.parametrize("isaac", [False, True])
def test_fourteen_of_the_bodies_are_enough_to_tell_the_order_of_the_joints(tmp_path, clip, isaac):
    places, turns = bodies(clip)
    chosen = [0, *range(2, 28, 2)]
    names = robot_files.breadth_first("g1_29") if isaac else clip.joint_names
    angles = clip.joint_angles[:, [clip.joint_names.index(name) for name in names]]
    arrays = {"fps": 50, "joint_pos": angles, "body_pos_w": places[:, chosen], "body_quat_w": turns[:, chosen]}
    np.savez(tmp_path / "clip.npz", **arrays)
    np.testing.assert_allclose(read(tmp_path / "clip.npz").joint_angles, clip.joint_angles, atol=1e-6)
    np.savez(
        tmp_path / "clip.npz", **(arrays | {"body_pos_w": places[:, chosen] + [[[0.3, 0, 0]]] * np.eye(14)[[5]].T})
    )
    assert "mm off" in wrong(tmp_path / "clip.npz")


def test_what_a_folder_has_beside_its_motions_is_said(tmp_path):
    np.save(tmp_path / "a.npy", motions.keypoints())
    for name in ("b.csv", "c.pkl", "d.fbx", "notes.txt"):
        (tmp_path / name).write_text("1")
    (tmp_path / "more").mkdir()
    np.save(tmp_path / "more" / "e.npy", motions.keypoints())
    found = read_folder(tmp_path, Hints(20.0))
    assert list(found) == ["a", "b.csv", "c.pkl", "d.fbx", "more/"]
    assert "it is a pickle, and nothing is unpickled here" in str(found["c.pkl"])
    assert "is a folder with 1 motion file, and folders in a folder are not read" in str(found["more/"])
    assert list(robot_files.read_folder(tmp_path, Hints(20.0))) == ["a", "b", "c.pkl", "d.fbx", "more/"]
    pred = ("--pred", str(tmp_path), "--ref", str(tmp_path), "--fps", "20")
    assert main(["score", "motion", *pred, "--metrics", "mpjpe_pa_mm", "--out", str(tmp_path / "out")]) == 1


def test_gallery_and_list_take_what_files_do_not_say(tmp_path, capsys, clip):
    folder = tmp_path / "files"
    folder.mkdir()
    quats = np.roll(clip.root_quat_wxyz, -1, axis=1)
    csv(folder, clip, "", clip.root_position, quats, clip.joint_angles)
    page = tmp_path / "page.html"
    assert main(["motions", "gallery", "--motions", str(folder), "--out", str(page)]) == 1
    said = capsys.readouterr().err
    assert "left out: " in said and "Say `--fps N`" in said and "nothing is left" in said and not page.exists()
    assert main(["motions", "list", "--motions", str(folder)]) == 1
    assert main(["motions", "list", "--motions", str(folder), "--fps", "50"]) == 0
    assert main(["motions", "gallery", "--motions", str(folder), "--fps", "50", "--out", str(page)]) == 0
    assert page.exists()


def test_in_a_pipe_a_long_command_says_how_far_it_is(capsys):
    with Steps("[retarget]", 2, every_s=0.0) as steps:
        steps.advance()
        steps.advance()
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(", about")[0] for line in lines] == ["[retarget]: 1 of 2", "[retarget]: 2 of 2"]


def test_a_clip_of_two_frames_has_a_velocity():
    qpos = np.zeros((2, 8))
    qpos[:, 3], qpos[1, 0] = 1, 0.1
    assert velocity(qpos, 0.02)[:, 0].tolist() == [5.0, 5.0]


def test_an_array_that_claims_more_than_its_file_has_is_refused(tmp_path):
    header = (
        b"\x93NUMPY\x01\x00v\x00"
        + b"{'descr': '<f8', 'fortran_order': False, 'shape': (2000000000, 15, 3), }".ljust(117)
        + b"\n"
    )
    (tmp_path / "a.npy").write_bytes(header)
    assert "is cut off: it says that it has 720,000,000,000 bytes" in wrong(tmp_path / "a.npy")
    with zipfile.ZipFile(tmp_path / "b.npz", "w") as made:
        made.writestr("joints.npy", header)
        made.writestr("fps.npy", header)
    assert "is cut off: it says that it has 720,000,000,000 bytes" in wrong(tmp_path / "b.npz")
