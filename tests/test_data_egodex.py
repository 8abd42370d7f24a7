"""EgoDex files and their quirks."""

from __future__ import annotations

import dataclasses
import shutil

import h5py
import numpy as np
import pytest

from tests.demonstrations import LAYOUT, demonstration, frame_of
from training.convert import convert
from training.data.formats import egodex, find_sets, open_set
from training.data.layout import DataError, Layout
from training.data.video import write_video

FRAMES = 12


def recording(seed: int = 0, **attributes):
    random = np.random.default_rng(seed)
    transforms = {name: np.tile(np.eye(4), (FRAMES, 1, 1)) for name in egodex.TRANSFORMS}
    for pose in transforms.values():
        pose[:, :3, 3] = random.normal(size=(FRAMES, 3))
    pictures = [np.full((48, 64, 3), 20 + 8 * n, np.uint8) for n in range(FRAMES)]
    intrinsic = np.array([[736.6, 0, 960], [0, 736.6, 540], [0, 0, 1]])
    return egodex.Recording(transforms, intrinsic, attributes, pictures)


@pytest.fixture
def write(tmp_path):
    """A function that writes ``<task>/<number>`` with attributes and returns the folder of tasks."""

    def written(number: int = 0, task: str = "stack_cups", seed: int = 0, **attributes):
        file = tmp_path / task / f"{number}.hdf5"
        file.parent.mkdir(exist_ok=True)
        egodex.write(file, recording(seed, **attributes))
        return tmp_path

    return written


def test_there_are_69_transforms_and_68_of_them_have_a_confidence():
    assert len(set(egodex.TRANSFORMS)) == 69
    assert len(egodex.JOINTS) == 68 and "camera" not in egodex.JOINTS
    assert "leftThumbMetacarpal" not in egodex.JOINTS and "rightLittleFingerMetacarpal" in egodex.JOINTS


def test_the_state_is_57_numbers_of_the_camera_the_wrists_and_the_fingertips(write):
    values = open_set(write())[0].values
    poses = recording().transforms
    assert sum(v.shape[1] for n, v in values.items() if n.startswith("state.")) == 57
    np.testing.assert_allclose(values["state.camera"][3], [*poses["camera"][3, :3, 3], 1, 0, 0, 0, 1, 0], atol=1e-6)
    np.testing.assert_allclose(values["state.right_wrist"][:, :3], poses["rightHand"][:, :3, 3], atol=1e-6)
    np.testing.assert_allclose(values["state.left_fingertips"][:, :3], poses["leftThumbTip"][:, :3, 3], atol=1e-6)
    np.testing.assert_allclose(
        values["state.left_fingertips"][:, 12:], poses["leftLittleFingerTip"][:, :3, 3], atol=1e-6
    )


def test_six_numbers_of_a_rotation_are_its_first_two_columns(write, tmp_path):
    turned = recording()
    matrix = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    turned.transforms["leftHand"][:, :3, :3] = matrix
    (tmp_path / "t").mkdir()
    egodex.write(tmp_path / "t/0.hdf5", turned)
    wrist = open_set(tmp_path)[0].values["state.left_wrist"]
    np.testing.assert_allclose(wrist[0, 3:6], matrix[:, 0], atol=1e-6)
    np.testing.assert_allclose(wrist[0, 6:], matrix[:, 1], atol=1e-6)


def test_the_action_is_the_next_state_and_the_last_frame_stays(write):
    values = open_set(write())[0].values
    for part in egodex.WIDTHS:
        np.testing.assert_array_equal(values[f"action.{part}"][:-1], values[f"state.{part}"][1:])
        np.testing.assert_array_equal(values[f"action.{part}"][-1], values[f"state.{part}"][-1])


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"llm_type": "reversible", "which_llm_description": "1"}, "put it in"),
        ({"llm_type": "reversible", "which_llm_description": "2"}, "take it out"),
        ({"llm_type": "reversible", "which_llm_description": 2}, "take it out"),
        ({"llm_type": b"reversible", "which_llm_description": b"2"}, "take it out"),
        ({"llm_type": "neutral", "which_llm_description": "2"}, "put it in"),
        ({}, "put it in"),
    ],
)
def test_a_reversible_task_says_which_of_its_two_descriptions_was_done(write, attributes, said):
    folder = write(llm_description="put it in", llm_description2="take it out", **attributes)
    assert open_set(folder)[0].instruction == said


def test_a_file_without_a_description_has_its_tasks_name(write):
    assert open_set(write(task="fold_towel"))[0].instruction == "fold towel"


def test_recording_10_comes_after_recording_2(write):
    for number in (10, 2, 0):
        folder = write(number, seed=number)
    first = [open_set(folder)[i].values["state.camera"][0, 0] for i in range(3)]
    np.testing.assert_allclose(first, [recording(n).transforms["camera"][0, 0, 3] for n in (0, 2, 10)], atol=1e-6)


def test_confidences_are_optional(write, tmp_path):
    reader = egodex.Reader(write())
    assert reader.confidences(0) == {}
    with h5py.File(tmp_path / "stack_cups/0.hdf5", "a") as file:
        file["confidences/leftHand"] = np.linspace(0, 1, FRAMES)
    assert reader.confidences(0)["leftHand"].shape == (FRAMES,)


def test_pictures_and_poses_have_the_same_number_and_rate(write):
    there = open_set(write())
    assert there.layout.fps == 30
    assert [frame_of(p) for p in there[0].pictures[egodex.CAMERA_NAME]] == list(range(FRAMES))
    odd = recording()
    odd.pictures.pop()
    with pytest.raises(DataError, match="11 pictures for 12 poses"):
        egodex.write(write() / "stack_cups/1.hdf5", odd)


def test_a_folder_of_tasks_is_found_task_by_task(write):
    write(task="a")
    assert sorted(find_sets(write(task="b"))) == ["a", "b"]


def test_joints_that_a_demonstration_says_nothing_about_have_confidence_0(tmp_path):
    writer = egodex.Writer(tmp_path / "made", LAYOUT)
    writer.add(demonstration())
    reader = egodex.Reader(tmp_path / "made")
    sure = {name for name, value in reader.confidences(0).items() if value.all()}
    assert sure == set(egodex.USED) - {"camera"}


def test_a_set_without_end_effectors_cannot_become_egodex(tmp_path):
    parts = {n: p for n, p in LAYOUT.parts.items() if p.column == "observation.state"}
    with pytest.raises(DataError, match="EgoDex needs state.camera, state.left_wrist"):
        egodex.Writer(tmp_path, Layout("gr1", 20, parts))


def test_an_absent_joint_and_an_absent_video_are_told_in_one_sentence(write, tmp_path):
    folder = write()
    with h5py.File(tmp_path / "stack_cups/0.hdf5", "a") as file:
        del file["transforms/leftHand"]
    with pytest.raises(DataError, match="has no /transforms/leftHand; EgoDex has 69 transforms, this has 68"):
        open_set(folder)[0]
    reader = open_set(write())
    (tmp_path / "stack_cups/0.mp4").unlink()
    with pytest.raises(DataError, match="has no 0.mp4 beside it"):
        reader[0]


def change(file, name, values):
    with h5py.File(file, "a") as out:
        del out[name]
        out[name] = values


def nan_in_row_4():
    poses = np.tile(np.eye(4), (FRAMES, 1, 1))
    poses[4, 0, 3] = np.nan
    return poses


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            nan_in_row_4(),
            "0.hdf5: /transforms/leftHand has a number that is not finite in row 4; mend or leave out this episode",
        ),
        (np.zeros((FRAMES - 1, 4, 4)), r"/transforms/leftHand has shape \(11, 4, 4\), expected \(12, 4, 4\)"),
        (np.zeros((FRAMES, 3, 4)), r"/transforms/leftHand has shape \(12, 3, 4\), expected \(12, 4, 4\)"),
        (np.array([b"x"] * FRAMES), "/transforms/leftHand holds |S1, expected numbers"),
    ],
)
def test_poses_that_are_none_are_told_before_anything_is_written(values, said, write, tmp_path):
    folder = write()
    change(tmp_path / "stack_cups/0.hdf5", "transforms/leftHand", values)
    with pytest.raises(DataError, match=said):
        convert(folder, tmp_path / "made", "lerobot3")
    assert not (tmp_path / "made").exists()


def test_a_recording_without_frames_is_told(write, tmp_path):
    folder = write()
    for name in egodex.USED:
        change(tmp_path / "stack_cups/0.hdf5", f"transforms/{name}", np.zeros((0, 4, 4)))
    with pytest.raises(DataError, match=r"/transforms/camera has shape \(0, 4, 4\), expected \(frames, 4, 4\)"):
        open_set(folder)[0]


def test_a_recording_whose_name_is_no_number_is_told(write, tmp_path):
    folder = write()
    for name in ("take.hdf5", "².hdf5"):
        shutil.copy(tmp_path / "stack_cups/0.hdf5", tmp_path / "stack_cups" / name)
    there = open_set(folder)
    assert (len(there), there.remarks) == (1, ["left out, since their names are no numbers: take.hdf5, ².hdf5"])


def test_a_video_with_twice_the_pictures_is_not_that_of_the_poses(write, tmp_path):
    folder = write()
    pictures = [np.full((48, 64, 3), 20 + 4 * n, np.uint8) for n in range(2 * FRAMES)]
    write_video(tmp_path / "stack_cups/0.mp4", pictures, 60)
    with pytest.raises(DataError, match="0.mp4 has 24 pictures for 12 rows; it is not their video"):
        convert(folder, tmp_path / "made", "lerobot3")


def test_a_set_without_a_camera_cannot_become_egodex(tmp_path):
    with pytest.raises(DataError, match="EgoDex needs the pictures of a camera"):
        egodex.Writer(tmp_path, dataclasses.replace(LAYOUT, cameras={}))


def test_what_egodex_has_no_place_for_is_told(tmp_path):
    (said,) = egodex.Writer(tmp_path, LAYOUT).remarks
    assert said.startswith("left out, since EgoDex has no place for them: state.left_arm, state.right_arm")
    assert said.endswith("and notes but the task")


def test_a_recording_without_all_69_joints_is_not_written(tmp_path):
    whole = recording()
    short = dataclasses.replace(whole, transforms={n: t for n, t in whole.transforms.items() if n != "hip"})
    with pytest.raises(DataError, match="1 of 69 transforms are absent, the first is hip"):
        egodex.write(tmp_path / "0.hdf5", short)
