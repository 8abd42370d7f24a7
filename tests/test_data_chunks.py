"""The loader that recipes read: rows of many episodes, subsets, pictures, names."""

from __future__ import annotations

import dataclasses
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.demonstrations import FRAMES, LAYOUT, frame_of, write_set
from tests.lerobot_sets import rewrite
from training.convert import convert
from training.data.chunks import embodiment_of, join, letterbox, open_chunks, open_folders
from training.data.formats import open_set
from training.data.layout import DataError, Layout, consecutive
from training.gr1 import frames as gr1


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A folder with two sets of 10 and 4 episodes."""
    folder = tmp_path_factory.mktemp("sets")
    write_set(folder / "a", 10)
    write_set(folder / "b", 4)
    return folder


@pytest.fixture(scope="module")
def chunks(source):
    return open_chunks(source)[0]


def test_episodes_stand_one_after_another_and_every_row_knows_its_ends(chunks):
    lengths = [FRAMES + n for n in range(10)] + [FRAMES + n for n in range(4)]
    assert len(chunks.last) == sum(lengths)
    np.testing.assert_array_equal(np.unique(chunks.last), np.cumsum(lengths) - 1)
    assert chunks.first[30] == FRAMES and chunks.last[30] == 2 * FRAMES
    assert chunks.instructions[chunks.instruction[30]] == "pick number 1"


def test_only_the_parts_of_the_body_the_camera_and_what_the_simulator_knows_are_kept(chunks, source):
    assert chunks.embodiment == "gr1"
    assert set(chunks.values) == {f"{s}.{p}" for s in ("state", "action") for p in gr1.gr1.PARTS} | {
        "privileged.object",
        "privileged.container",
        "state.camera",
    }
    effectors = open_chunks(source, embodiment="gr1_eef")[0]
    assert effectors.values["action.left_fingertips"].shape == (len(chunks.last), 15)


def test_pictures_are_those_of_their_rows_over_the_ends_of_episodes(chunks):
    rows = np.array([0, 5, FRAMES - 1, FRAMES, FRAMES + 3, 2 * FRAMES + 1, len(chunks.last) - 1])
    steps = rows - chunks.first[rows]
    got = list(chunks.pictures(rows))
    assert all(p.shape == (256, 256, 3) for p in got)
    np.testing.assert_array_equal([frame_of(p) for p in got], steps % 25)


@pytest.mark.parametrize(("smaller", "larger"), [(0.1, 0.5), (0.5, 1.0), (0.1, 1.0)])
def test_a_smaller_share_lies_inside_a_larger_one(source, smaller, larger):
    def said(share):
        found = open_chunks(source, share)[0]
        return [(e.instruction, e.notes["seed"], len(found.episodes)) for e in found.episodes]

    few, many = said(smaller), said(larger)
    assert {x[:2] for x in few} < {x[:2] for x in many}
    assert len(few) == int(np.ceil(10 * smaller) + np.ceil(4 * smaller))


def test_every_folder_may_have_a_share_of_its_own(source):
    def episodes(shares):
        return [len(c.episodes) for c in open_folders([source / "a", source / "b"], shares)]

    assert episodes([1.0]) == [10, 4]
    assert episodes([0.5]) == [5, 2]
    assert episodes([0.1, 1.0]) == [1, 4]
    with pytest.raises(DataError, match="3 shares and --data 2 folders: give one share for all, or one for each"):
        episodes([0.1, 0.5, 1.0])


def test_a_folder_that_is_named_twice_is_refused(source):
    with pytest.raises(DataError, match="--data has .*/b twice; its episodes would count twice"):
        open_folders([source / "a", source / "b", source / "a/../b"], [1.0])


def test_a_share_outside_0_to_1_is_refused(source):
    with pytest.raises(DataError, match="the share of the episodes is 10; it must be above 0 and at most 1"):
        open_chunks(source, 10)


def test_permuted_joint_names_give_the_same_samples(source, tmp_path):
    names = {n: p.width for n, p in LAYOUT.parts.items() if p.column in ("action", "observation.state")}
    state = {n: w for n, w in reversed(names.items()) if n.startswith("state.")}
    action = {n: names[n] for n in sorted(names) if n.startswith("action.")}
    parts = {**LAYOUT.parts, **consecutive("observation.state", state), **consecutive("action", action)}
    other = write_set(tmp_path / "a", 2, dataclasses.replace(LAYOUT, parts=parts))
    assert open_set(other).layout.parts != LAYOUT.parts
    a = join([open_set(source / "a")], 0.2)
    b = join([open_set(other)])
    assert set(a.values) == set(b.values)
    for name, values in a.values.items():
        np.testing.assert_array_equal(values, b.values[name], err_msg=name)


@pytest.mark.parametrize("to", ["lerobot3", "robosuite"])
def test_samples_do_not_depend_on_the_format(to, source, tmp_path):
    convert(source / "b", tmp_path / "x.hdf5", to)
    a, b = join([open_set(source / "b")]), join([open_set(tmp_path / "x.hdf5")])
    for name, values in a.values.items():
        np.testing.assert_array_equal(values, b.values[name], err_msg=name)
    rows = np.array([3, 40])
    assert [frame_of(p) for p in a.pictures(rows)] == [frame_of(p) for p in b.pictures(rows)]


def test_the_human_body_is_recognised_by_its_format(source, tmp_path):
    convert(source / "b", tmp_path / "human", "egodex", 1)
    human = open_chunks(tmp_path / "human")[0]
    assert human.embodiment == "human_egodex"
    assert sum(v.shape[1] for n, v in human.values.items() if n.startswith("action.")) == 57


@pytest.mark.parametrize("form", ["lerobot2", "lerobot3", "robosuite"])
def test_every_episode_s_pictures_have_a_name_of_their_own_that_a_copy_shares(source, tmp_path, form):
    place = tmp_path / "set"
    place.mkdir()
    convert(source / "a", place / ("x.hdf5" if form == "robosuite" else "x"), form)
    videos = open_chunks(place)[0].videos()
    assert len(set(videos)) == len(videos) == 10
    shutil.copytree(place, tmp_path / "copy")
    assert open_chunks(tmp_path / "copy")[0].videos() == videos


def test_an_absent_video_is_named(source, tmp_path):
    shutil.copytree(source / "a", tmp_path / "a")
    next((tmp_path / "a").rglob("*.mp4")).unlink()
    with pytest.raises(DataError, match=r"the video .*mp4 is absent"):
        open_chunks(tmp_path / "a")[0].videos()


def test_a_null_in_an_action_stops_a_training_before_it_begins(source, tmp_path):
    shutil.copytree(source / "a", tmp_path / "a")
    file = tmp_path / "a/data/chunk-000/episode_000003.parquet"
    actions = pq.read_table(file)["action"].to_pylist()
    rewrite(file, action=[*actions[:5], [None, *actions[5][1:]], *actions[6:]])
    with pytest.raises(DataError, match="episode_000003.parquet: action has a null in row 5 of episode 3"):
        open_chunks(tmp_path / "a")


def test_sets_of_several_bodies_are_not_joined(source, tmp_path):
    convert(source / "b", tmp_path / "human", "egodex", 1)
    with pytest.raises(DataError, match="several bodies: gr1, human_egodex; give each its own folder"):
        join([open_set(source / "a"), open_set(tmp_path / "human")])


def test_parts_of_no_known_body_are_listed():
    layout = Layout("panda", 20, consecutive("observation.state", {"state.arm": 7, "state.gripper": 1}))
    with pytest.raises(DataError, match=r"'panda' has the parts of no known body .*: state.arm, state.gripper"):
        embodiment_of(layout)


def test_a_collection_has_its_single_frames_apart(source, tmp_path):
    (tmp_path / "collection.json").write_text("{}")
    write_set(tmp_path / "demonstrations/task", 2)
    write_set(tmp_path / "perception/task", 3, gr1.layout(demonstration=False))
    acting, frames = open_chunks(tmp_path)
    assert len(acting.episodes) == 2 and len(frames.episodes) == 3
    assert not any(name.startswith("action.") for name in frames.values)


def test_rows_whose_picture_repeats_the_one_before_are_marked(tmp_path):
    write_set(tmp_path / "set", 2, dataclasses.replace(LAYOUT, picture_every=4))
    chunks = open_chunks(tmp_path / "set")[0]
    np.testing.assert_array_equal(np.flatnonzero(chunks.has_picture), [*range(0, 24, 4), *range(24, 49, 4)])


def test_the_fingerprint_is_of_the_content_not_of_the_folder(source, tmp_path, chunks):
    assert open_chunks(source)[0].fingerprint() == chunks.fingerprint()
    assert join([open_set(source / "b")]).fingerprint() == open_chunks(write_set(tmp_path / "c", 4))[0].fingerprint()
    assert open_chunks(source, 0.5)[0].fingerprint() != chunks.fingerprint()


def test_a_wide_picture_gets_black_bands_above_and_below():
    wide = letterbox(np.full((1080, 1920, 3), 200, np.uint8))
    assert wide.shape == (256, 256, 3)
    assert (wide[:56] == 0).all() and (wide[200:] == 0).all() and (wide[56:200] == 200).all()
    tall = letterbox(np.full((200, 100, 3), 200, np.uint8))
    assert (tall[:, :64] == 0).all() and (tall[:, 64:192] == 200).all()
