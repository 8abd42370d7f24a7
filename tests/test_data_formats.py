"""Demonstrations in four formats: what was written is read, and what is broken is told in a sentence."""

from __future__ import annotations

import dataclasses
import json
import shutil

import numpy as np
import pytest

from crossbody import catalog
from crossbody.errors import UnknownName
from tests.demonstrations import CAMERA, FRAMES, LAYOUT, demonstration, frame_of, write_set
from training.convert import convert
from training.convert import main as convert_main
from training.data.formats import find_sets, format_of, formats, lerobot2, lerobot3, open_set
from training.data.layout import DataError, Layout, consecutive
from training.gr1 import frames as gr1

FORMATS = sorted(catalog.entries("formats"))


def target_of(folder, name):
    return folder / (f"{name}.hdf5" if name == "robosuite" else name)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write_set(tmp_path_factory.mktemp("source") / "numbers")


@pytest.fixture
def broken(source, tmp_path):
    """A copy of the set, to be damaged."""
    return shutil.copytree(source, tmp_path / "broken")


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_back_what_was_written(name, source, tmp_path):
    target = target_of(tmp_path, name)
    assert convert(source, target, name)[0] == 3
    there = open_set(target)
    assert len(there) == 3
    for seed in range(3):
        expected, got = demonstration(seed, FRAMES + seed), there[seed]
        assert got.instruction == expected.instruction
        assert {n for n in expected.values if name != "egodex" or n.partition(".")[2] in gr1.END_EFFECTORS} <= set(
            got.values
        )
        for part, values in got.values.items():
            np.testing.assert_allclose(values, expected.values[part], atol=1e-5, err_msg=part)
        assert [frame_of(p) for p in got.pictures[CAMERA]] == [frame_of(p) for p in expected.pictures[CAMERA]]


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_goes_back_to_the_first(name, source, tmp_path):
    target, back = target_of(tmp_path, name), tmp_path / "back"
    convert(source, target, name, episodes=1)
    convert(target, back, "lerobot2")
    got, expected = open_set(back)[0], demonstration(0)
    assert got.instruction == expected.instruction
    for part in gr1.END_EFFECTORS:
        np.testing.assert_allclose(got.values[f"state.{part}"], expected.values[f"state.{part}"], atol=1e-5)


@pytest.mark.parametrize("name", FORMATS)
def test_single_frames_are_decoded_from_anywhere(name, source, tmp_path):
    convert(source, target_of(tmp_path, name), name)
    footage = open_set(target_of(tmp_path, name))[1].pictures[CAMERA]
    assert [frame_of(p) for p in footage.take([23, 0, 9, 10, 9])] == [23, 0, 9, 10, 9]


def test_modality_json_has_the_names_of_gr00t(source):
    modality = json.loads((source / "meta/modality.json").read_text())
    assert modality["state"]["right_arm"] == {"start": 7, "end": 14}
    assert modality["action"]["waist"] == {"start": 26, "end": 29}
    assert modality["action"]["left_wrist"] == {"start": 9, "end": 18, "original_key": "action.eef"}
    assert modality["video"]["ego_view"] == {"original_key": "observation.images.ego_view"}
    assert "human.coarse_action" in modality["annotation"]


def test_info_describes_every_column_of_the_tables(source):
    info = json.loads((source / "meta/info.json").read_text())
    table = lerobot2.read_table(source / "data/chunk-000/episode_000000.parquet")
    assert set(table) == {name for name, f in info["features"].items() if f["dtype"] != "video"}
    for name, values in table.items():
        assert info["features"][name]["shape"] == [values.shape[1] if values.ndim == 2 else 1]
    assert (info["codebase_version"], info["total_episodes"], info["total_frames"]) == ("v2.1", 3, 3 * FRAMES + 3)
    assert info["features"]["action"]["names"][26] == "waist_0"


def test_statistics_are_those_of_all_frames(source):
    stats = json.loads((source / "meta/stats.json").read_text())["observation.state"]
    state = np.concatenate([LAYOUT.pack(open_set(source)[i].values)["observation.state"] for i in range(3)])
    np.testing.assert_allclose(stats["mean"], state.mean(0), rtol=1e-4)
    np.testing.assert_allclose(stats["q99"], np.quantile(state.astype(np.float64), 0.99, axis=0), rtol=1e-6)
    assert stats["count"] == [3 * FRAMES + 3]


def test_version_3_packs_episodes_into_files_and_begins_another_when_one_is_full(tmp_path):
    for limit, files in ((100, 1), (1e-6, 3)):
        root = tmp_path / str(limit)
        writer = lerobot3.Writer(root, LAYOUT, data_mb=limit, video_mb=limit)
        for seed in range(3):
            writer.add(demonstration(seed))
        writer.close()
        assert len(list(root.glob("data/*/*.parquet"))) == len(list(root.glob("videos/*/*/*.mp4"))) == files
        there = open_set(root)
        assert [there[i].instruction for i in range(3)] == ["pick number 0", "pick number 1", "pick number 2"]
        assert frame_of(there[2].pictures[CAMERA].take([5])[0]) == 5


def test_a_set_without_modality_json_has_its_vectors_as_parts(broken):
    (broken / "meta/modality.json").unlink()
    values = open_set(broken)[0].values
    assert values["state.all"].shape == (FRAMES, 29) and values["action.all"].shape == (FRAMES, 29)


def test_parts_are_found_wherever_they_lie_in_the_vector(tmp_path):
    names = {n: p.width for n, p in LAYOUT.parts.items() if p.column == "action"}
    swapped = consecutive("action", dict(reversed(names.items())))
    other = Layout(LAYOUT.embodiment, LAYOUT.fps, {**LAYOUT.parts, **swapped}, LAYOUT.cameras, LAYOUT.languages)
    a, b = write_set(tmp_path / "a", 1), write_set(tmp_path / "b", 1, other)
    flat = [lerobot2.read_table(r / "data/chunk-000/episode_000000.parquet")["action"] for r in (a, b)]
    assert not np.array_equal(*flat)
    # The same numbers under the same names: `demonstration` draws by the order of the parts, which stays.
    for name in names:
        np.testing.assert_array_equal(open_set(a)[0].values[name], open_set(b)[0].values[name])


def test_a_writer_goes_on_after_the_episodes_that_are_kept(tmp_path):
    root = write_set(tmp_path / "set", 3)
    writer = lerobot2.Writer(root, LAYOUT, keep=1)
    assert writer.add(demonstration(7)) == 1
    writer.close()
    assert [open_set(root)[i].instruction for i in range(len(open_set(root)))] == ["pick number 0", "pick number 7"]


def cut(file):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def edit(file, **changes):
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


DAMAGE = {
    "episode_000000.parquet cannot be read": lambda r: cut(r / "data/chunk-000/episode_000000.parquet"),
    "episode_000000.mp4 has no picture for row 1 of its episode": lambda r: cut(
        next(r.glob("videos/*/*/episode_000000.mp4"))
    ),
    "episode_000000.mp4 is absent": lambda r: next(r.glob("videos/*/*/episode_000000.mp4")).unlink(),
    "info.json is not JSON": lambda r: cut(r / "meta/info.json"),
    "version v3.x (lerobot3), no *.hdf5 of robosuite, robomimic or LIBERO (robosuite); its meta/info.json says "
    "version 'v9.0'": lambda r: edit(r / "meta/info.json", codebase_version="v9.0"),
    "modality.json puts state.waist at 26:31 of observation.state, which has 29 columns": lambda r: edit(
        r / "meta/modality.json", state={"waist": {"start": 26, "end": 31}}
    ),
    "modality.json: state.waist: end is missing; expected a whole number": lambda r: edit(
        r / "meta/modality.json", state={"waist": {"start": 0}}
    ),
    "has 24 frames, episodes.jsonl says 9": lambda r: edit_first_line(r / "meta/episodes.jsonl", length=9),
}


def edit_first_line(file, **changes):
    first, *rest = file.read_text().splitlines()
    file.write_text("\n".join([json.dumps(json.loads(first) | changes), *rest]))


@pytest.mark.parametrize("sentence", DAMAGE)
def test_a_broken_set_is_told_in_one_sentence(sentence, broken):
    DAMAGE[sentence](broken)
    with pytest.raises(DataError) as caught:
        list(open_set(broken)[0].pictures[CAMERA])
    assert sentence in str(caught.value) and "\n" not in str(caught.value)


def test_a_broken_robosuite_file_is_told_in_one_sentence(source, tmp_path):
    file = tmp_path / "x.hdf5"
    convert(source, file, "robosuite", 1)
    cut(file)
    with pytest.raises(DataError, match="x.hdf5 is not an HDF5 file, or was cut short"):
        open_set(file)


def test_a_folder_without_data_says_what_was_looked_for(tmp_path):
    with pytest.raises(
        DataError, match=r"no <task>/<number>.hdf5 beside <number>.mp4 \(egodex\), no meta/info.json of version v2.x"
    ):
        find_sets(tmp_path)


def test_convert_writes_each_set_of_a_folder_and_refuses_a_target_in_use(source, tmp_path, capsys):
    folder = tmp_path / "sets"
    for name in ("a", "b"):
        shutil.copytree(source, folder / name)
    arguments = [str(folder), str(tmp_path / "out"), "--to", "robosuite", "--episodes", "1"]
    assert convert_main(arguments) == 0
    assert sorted(f.name for f in (tmp_path / "out").iterdir()) == ["a.hdf5", "b.hdf5"]
    with pytest.raises(DataError, match="is not empty"):
        convert_main(arguments)


def test_what_lies_beside_data_sets_is_named(source, tmp_path, capsys):
    folder = tmp_path / "sets"
    shutil.copytree(source, folder / "a")
    (folder / "perception").mkdir()
    (folder / "notes.md").write_text("mine")
    assert convert_main([str(folder), str(tmp_path / "out"), "--to", "robosuite", "--episodes", "1"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{folder}: passed over, since they are no demonstrations: perception",
        "a: checks episode 1 of 1",
        "a: writes episode 1 of 1",
        f"{tmp_path / 'out'}: 1 episodes",
    ]


def test_an_unknown_format_has_the_nearest_and_the_list(source, tmp_path):
    with pytest.raises(UnknownName) as caught:
        convert_main([str(source), str(tmp_path / "out"), "--to", "lerobot4"])
    assert str(caught.value) == (
        "unknown format 'lerobot4'. Did you mean 'lerobot3'? Known: egodex, lerobot2, lerobot3, robosuite."
    )


def test_less_than_one_episode_is_refused(source, tmp_path):
    with pytest.raises(DataError, match="--episodes is 0; it must be at least 1"):
        convert_main([str(source), str(tmp_path / "out"), "--to", "lerobot3", "--episodes", "0"])


def test_a_format_of_another_package_is_found_read_and_written(source, tmp_path, monkeypatch):
    other = dataclasses.replace(catalog.resolve("formats", "lerobot2"), recognises=lambda path: path.suffix == ".other")
    known = {**formats(), "other": other}
    monkeypatch.setattr("training.data.formats.formats", lambda: known)
    shutil.copytree(source, tmp_path / "x.other")
    (tmp_path / "x.other/meta").rename(tmp_path / "x.other/kept")
    assert format_of(tmp_path / "x.other") is other
    (tmp_path / "x.other/kept").rename(tmp_path / "x.other/meta")
    with pytest.raises(DataError, match="is read by several formats: lerobot2, other; uninstall all but one"):
        open_set(tmp_path / "x.other")
