"""LeRobot sets of others: read as they are meant, carried whole, or refused in a sentence before anything is
written."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.lerobot_sets import FRONT, SIDE, Recorded, edit, feature, png, refusal, rewrite, row_of
from training.convert import convert, main
from training.data.chunks import join
from training.data.formats import find_sets, open_set

BOTH = ("write2", "write3")


def rows_of(there, camera="video.front"):
    return [[row_of(p) for p in there[i].pictures[camera]] for i in range(len(there))]


# --- pictures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("write", BOTH)
@pytest.mark.parametrize("rate", [None, 20, 30])
def test_every_row_has_the_picture_of_its_own_time(write, rate, tmp_path):
    there = open_set(getattr(Recorded(video_fps=rate), write)(tmp_path / "set"))
    assert rows_of(there) == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9, 10]]
    assert [row_of(p) for p in there[1].pictures["video.front"].take([4, 0, 4])] == [9, 5, 9]
    convert(tmp_path / "set", tmp_path / "made", "lerobot3")
    assert rows_of(open_set(tmp_path / "made")) == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9, 10]]


@pytest.mark.parametrize("write", BOTH)
def test_a_video_that_is_slower_than_its_rows_is_refused(write, tmp_path):
    assert "pictures at 5 Hz up to" in refusal(getattr(Recorded(video_fps=5), write)(tmp_path / "set"), tmp_path)


def test_rows_that_come_at_another_rate_than_fps_are_refused(tmp_path):
    source = Recorded().write2(tmp_path / "set")
    edit(source / "meta/info.json", fps=20)
    said = refusal(source, tmp_path)
    assert said.endswith("the rows of episode 0 are 0.1 s apart by their timestamp, but info.json says 20 fps")


def test_an_episode_whose_stretch_of_the_video_is_too_short_is_refused(tmp_path):
    source = Recorded().write3(tmp_path / "set")
    rewrite(source / "meta/episodes/chunk-000/file-000.parquet", **{f"videos/{FRONT}/to_timestamp": [0.3, 1.1]})
    assert "file-000.mp4 has no picture for row 3 of its episode, at 0.300 s" in refusal(source, tmp_path)


def test_pictures_in_the_table_are_read_as_pictures(tmp_path):
    images = {"observation.images.image": (feature("image", SIDE, SIDE, 3), [png(row) for row in range(11)])}
    for write in BOTH:
        there = open_set(getattr(Recorded(columns=dict(images), cameras=()), write)(tmp_path / write))
        assert rows_of(there, "video.image") == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9, 10]]
        assert [row_of(p) for p in there[1].pictures["video.image"].take([5, 1])] == [10, 6]
    convert(tmp_path / "write2", tmp_path / "made", "lerobot3")
    assert rows_of(open_set(tmp_path / "made"), "video.image")[1] == [5, 6, 7, 8, 9, 10]


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ({"bytes": b"no picture", "path": None}, "in row 3 is no PNG or JPEG picture"),
        ({"bytes": None, "path": "../../etc/hostname"}, "leads out of the data set"),
        ({"bytes": None, "path": None}, "in row 3 holds no picture"),
    ],
)
def test_a_cell_without_a_picture_is_named(cell, said, tmp_path):
    images = {"image": (feature("image", SIDE, SIDE, 3), [png(r) if r != 3 else cell for r in range(11)])}
    assert said in refusal(Recorded(columns=images, cameras=()).write2(tmp_path / "set"), tmp_path)


def test_plain_names_are_state_action_and_cameras(tmp_path):
    rows = np.arange(11.0)
    columns = {
        "image": (feature("image", SIDE, SIDE, 3), [png(row) for row in range(11)]),
        "wrist_image": (feature("image", SIDE, SIDE, 3), [png(row) for row in range(11)]),
        "state": (feature("float32", 2), np.stack([rows, -rows], 1).tolist()),
        "actions": (feature("float32", 1), [[row] for row in rows]),
    }
    recorded = Recorded(columns=columns, cameras=())
    del recorded.columns["observation.state"], recorded.columns["action"]
    source = recorded.write2(tmp_path / "set")
    convert(source, tmp_path / "made", "lerobot3")
    for there in (open_set(source), open_set(tmp_path / "made")):
        assert list(there.layout.parts) == ["state.all", "action.all"]
        assert list(there.layout.cameras.values()) == ["image", "wrist_image"]
        np.testing.assert_array_equal(there[1].values["state.all"][:, 1], -rows[5:])
        np.testing.assert_array_equal(there[1].values["action.all"][:, 0], rows[5:])


def test_a_set_without_state_and_action_says_how_to_name_its_columns(tmp_path):
    recorded = Recorded()
    recorded.columns["joints"] = recorded.columns.pop("observation.state")
    del recorded.columns["action"]
    said = refusal(recorded.write2(tmp_path / "set"), tmp_path)
    assert "names no state and no action among task_index" in said and "joints" in said and "meta/modality.json" in said


def test_a_camera_that_is_absent_in_an_episode_is_left_out_with_a_line(tmp_path, capsys):
    source = Recorded(cameras=(FRONT, "observation.images.wrist")).write3(tmp_path / "set")
    file = source / "meta/episodes/chunk-000/file-000.parquet"
    rewrite(file, **{f"videos/observation.images.wrist/{k}": [0.0, None] for k in ("chunk_index", "from_timestamp")})
    assert main([str(source), str(tmp_path / "made"), "--to", "lerobot3"]) == 0
    assert (
        "set: the camera video.wrist is left out of all episodes: meta/episodes has no video of it for 1 of "
        "them, the first is "
        "episode 1\n"
    ) in capsys.readouterr().out
    assert list(open_set(tmp_path / "made").layout.cameras) == ["video.front"]


@pytest.mark.parametrize("write", BOTH)
@pytest.mark.parametrize("length", [1, 2, 8])
def test_very_short_episodes_are_converted(write, length, tmp_path):
    source = getattr(Recorded(lengths=(length, 3)), write)(tmp_path / "set")
    assert convert(source, tmp_path / "made", "lerobot3")[0] == 2
    assert rows_of(open_set(tmp_path / "made")) == [[*range(length)], [*range(length, length + 3)]]


# --- instructions and annotations -------------------------------------------------------------------------------------


@pytest.mark.parametrize("to", ["lerobot2", "lerobot3"])
def test_a_task_that_changes_within_an_episode_is_kept_per_frame(to, tmp_path):
    numbers = [0, 0, 1, 1, 1, 1, 1, 0, 0, 0, 0]
    columns = {"task_index": (feature("int64", 1), numbers)}
    source = Recorded(columns=columns, tasks=("reach", "grasp")).write2(tmp_path / "set")
    convert(source, tmp_path / "made", to)
    there = open_set(tmp_path / "made")
    assert [list(there[i].instructions) for i in range(2)] == [
        ["reach"] * 2 + ["grasp"] * 3,
        ["grasp"] * 2 + ["reach"] * 4,
    ]
    assert [there[i].instruction for i in range(2)] == ["reach", "grasp"]
    files = sorted((tmp_path / "made/data").rglob("*.parquet"))
    assert pa.concat_tables([pq.read_table(f) for f in files])["task_index"].to_pylist() == numbers


def test_models_read_the_instruction_of_every_row(tmp_path):
    parts = {"state": {p: {"start": i, "end": i + 1} for i, p in enumerate("abcdef")}}
    columns = {"task_index": (feature("int64", 1), [0, 0, 1, 1, 1, 1, 1, 0, 0, 0, 0])}
    source = Recorded(columns=columns, tasks=("reach", "grasp"), modality=parts).write2(tmp_path / "set")
    chunks = join([open_set(source)], embodiment="gr1")
    assert [chunks.instructions[n] for n in chunks.instruction[:4]] == ["reach", "reach", "grasp", "grasp"]


ANNOTATED = {
    "annotation.human.action.task_description": (feature("int64", 1), [0] * 5 + [2] * 6),
    "annotation.human.validity": (feature("int64", 1), [1] * 11),
}
ARM = {"state": {"arm": {"start": 0, "end": 6}}, "action": {"hand": {"start": 0, "end": 3}}}


@pytest.mark.parametrize("to", ["lerobot2", "lerobot3"])
def test_the_instruction_is_its_own_column_and_every_annotation_is_kept(to, tmp_path):
    modality = {**ARM, "annotation": {"human.validity": {}, "human.action.task_description": {}}}
    recorded = Recorded(columns=dict(ANNOTATED), tasks=("pick the pear", "valid", "eat it"), modality=modality)
    convert(recorded.write2(tmp_path / "set"), tmp_path / "made", to)
    there = open_set(tmp_path / "made")
    assert [there[i].instruction for i in range(2)] == ["pick the pear", "eat it"]
    assert list(there.layout.languages) == ["annotation.human.validity", "annotation.human.action.task_description"]
    files = sorted((tmp_path / "made/data").rglob("*.parquet"))
    table = pa.concat_tables([pq.read_table(f) for f in files])
    for column, (_, numbers) in ANNOTATED.items():
        assert table[column].to_pylist() == numbers


def test_a_number_that_is_no_task_is_named(tmp_path):
    columns = {"task_index": (feature("int64", 1), [0, 0, 7, *[0] * 8])}
    said = refusal(Recorded(columns=columns).write2(tmp_path / "set"), tmp_path)
    assert said.endswith("task_index is 7, which is no task of meta/tasks, in row 2 of episode 0")


def test_version_3_with_the_tasks_of_version_2_is_read(tmp_path):
    recorded = Recorded()
    source = recorded.write3(tmp_path / "set")
    (source / "meta/tasks.parquet").unlink()
    recorded.write_tasks(source)
    assert open_set(source)[0].instruction == "pick the cube"


# --- columns ----------------------------------------------------------------------------------------------------------


def test_what_modality_json_does_not_name_is_carried_and_told(tmp_path, capsys):
    hand = {"start": 0, "end": 2, "absolute": False, "rotation_type": "axis_angle"}
    modality = {
        "state": {"left": {"start": 0, "end": 2}, "right": {"start": 4, "end": 6}},
        "action": {"hand": hand},
        "annotation": {"human.task_description": {"original_key": "task_index"}},
    }
    columns = {
        "next.reward": (feature("float32", 1), [0.5 * r for r in range(11)]),
        "next.done": (feature("bool", 1), [r in (4, 10) for r in range(11)]),
    }
    source = Recorded(columns=columns, modality=modality).write2(tmp_path / "set")
    assert main([str(source), str(tmp_path / "made"), "--to", "lerobot3"]) == 0
    said = capsys.readouterr().out
    assert "modality.json does not name 2:4 of observation.state; it is kept as state.unnamed_2_4" in said
    assert "modality.json does not name 2:3 of action; it is kept as action.unnamed_2_3" in said
    assert f"modality.json does not name the camera {FRONT}; it is kept as video.front" in said
    made = json.loads((tmp_path / "made/meta/modality.json").read_text())
    assert made["action"]["hand"] == hand
    before = pa.concat_tables([pq.read_table(f) for f in sorted((source / "data").rglob("*.parquet"))])
    after = pq.read_table(tmp_path / "made/data/chunk-000/file-000.parquet")
    for column in ("observation.state", "action", "next.reward", "next.done"):
        assert after[column].to_pylist() == before[column].to_pylist()
    features = json.loads((tmp_path / "made/meta/info.json").read_text())["features"]
    assert [features[c]["dtype"] for c in ("next.reward", "next.done")] == ["float32", "bool"]


@pytest.mark.parametrize("write", BOTH)
@pytest.mark.parametrize("to", ["lerobot2", "lerobot3"])
def test_texts_matrices_and_whole_numbers_keep_type_and_shape(write, to, tmp_path):
    columns = {
        "observation.language": (feature("string", 1), [f"do it\u2028{r}" for r in range(11)]),
        "observation.pose": (feature("float32", 2, 3), [[[r, 1, 2], [3, 4, 5.5]] for r in range(11)]),
        "observation.count": (feature("int64", 1), [2**60 + r for r in range(11)]),
        "observation.scale": (feature("float64"), [0.1 + r for r in range(11)]),
        "observation.note": (feature("string", 1), [None, *"abcdefghij"]),
    }
    source = getattr(Recorded(columns=dict(columns)), write)(tmp_path / "set")
    convert(source, tmp_path / "made", to)
    files = sorted((tmp_path / "made/data").rglob("*.parquet"))
    table = pa.concat_tables([pq.read_table(f) for f in files])
    features = json.loads((tmp_path / "made/meta/info.json").read_text())["features"]
    for column, (about, values) in columns.items():
        found = [v[0] if isinstance(v, list) and len(v) == 1 else v for v in table[column].to_pylist()]
        assert found == values, column
        assert features[column]["dtype"] == about["dtype"]
    assert features["observation.pose"]["shape"] == [2, 3]


def test_notes_that_are_nested_or_of_several_types_become_json_text(tmp_path):
    notes = [{"config": [{"skill": "pick"}], "empty": {}, "n": 1}, {"config": [{"skill": 1}], "empty": {}, "n": None}]
    source = Recorded(notes=notes).write2(tmp_path / "set")
    convert(source, tmp_path / "made", "lerobot3")
    found = open_set(tmp_path / "made")[1].notes
    assert (found["config"], found["empty"], found["n"]) == ('[{"skill": 1}]', "{}", None)
    assert open_set(tmp_path / "made")[0].notes == {
        "config": '[{"skill": "pick"}]',
        "empty": "{}",
        "n": 1,
        "task": "set",
    }


def test_a_dotted_folder_is_the_name_of_the_task(tmp_path):
    name = "gr1_unified.PnPBottleToCabinetClose_1000"
    Recorded().write2(tmp_path / "sets" / name)
    assert list(find_sets(tmp_path / "sets")) == list(find_sets(tmp_path / "sets" / name)) == [name]
    convert(tmp_path / "sets" / name, tmp_path / "made", "lerobot3")
    assert open_set(tmp_path / "made")[0].notes["task"] == name


def test_an_episode_without_frames_is_left_out_with_a_line(tmp_path):
    source = Recorded(lengths=(5, 0, 6)).write2(tmp_path / "set")
    count, remarks = convert(source, tmp_path / "made", "lerobot3")
    assert count == 2 and "episode 1 has no frames and is left out" in remarks


def test_copies_of_an_episode_are_told(tmp_path):
    recorded = Recorded(lengths=(5, 5))
    for name in ("observation.state", "action"):
        recorded.columns[name][1][5:] = recorded.columns[name][1][:5]
    remarks = convert(recorded.write2(tmp_path / "set"), tmp_path / "made", "lerobot3")[1]
    assert remarks == ["episodes 0 and 1 have the same numbers to the last bit; is one of them a copy?"]


def test_the_names_of_joints_are_kept(tmp_path):
    names = ["shoulder_pan.pos", "elbow.pos", "gripper.pos"]
    recorded = Recorded()
    recorded.columns["action"][0]["names"] = names
    convert(recorded.write2(tmp_path / "set"), tmp_path / "made", "lerobot3")
    assert json.loads((tmp_path / "made/meta/info.json").read_text())["features"]["action"]["names"] == names


def test_what_else_a_set_has_is_named(tmp_path):
    cameras = (FRONT, "observation.images.depth")
    source = Recorded(cameras=cameras, info={"splits": {"train": "0:1", "val": "1:2"}}).write2(tmp_path / "set")
    features = json.loads((source / "meta/info.json").read_text())["features"]
    features["observation.images.depth"]["info"] = {"video.is_depth_map": True}
    edit(source / "meta/info.json", features=features)
    (source / "meta/subtasks.parquet").write_bytes(b"x")
    assert convert(source, tmp_path / "made", "lerobot3")[1] == [
        "column observation.images.depth is left out: its type depth video [32, 32, 3] has no place here",
        "left out: meta/subtasks.parquet, the splits of info.json",
    ]
