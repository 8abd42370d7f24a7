"""Data sets that attack: nothing outside their folder is read or written, and what claims too much is one sentence."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crossbody import catalog
from tests.demonstrations import write_set
from tests.lerobot_sets import Recorded, edit, rewrite
from training.convert import convert
from training.data import hdf5
from training.data.formats import find_sets, open_set
from training.data.layout import DataError
from training.data.paths import fill
from training.data.video import read_frames

INFO, EPISODES = "meta/info.json", "meta/episodes.jsonl"


def refusal(source, tmp_path, to="lerobot3"):
    """Return the one sentence with which a conversion is refused; nothing is written."""
    before = {p for p in tmp_path.rglob("*") if source not in p.parents}
    with pytest.raises(DataError) as caught:
        convert(source, tmp_path / "target", to)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 600
    assert {p for p in tmp_path.rglob("*") if source not in p.parents} == before
    return str(caught.value)


@pytest.mark.parametrize("key", ["data_path", "video_path"])
@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("/etc/hostname", "leads out of the data set"),
        ("../{episode_index}.parquet", "leads out of the data set"),
        ("a/../../x", "leads out of the data set"),
        ("{episode_index.__class__}", "has a field that is not of the form"),
        ("{episode_index:0999999999d}", "has a field that is not of the form"),
        ("{secret}", "has the field 'secret'; known: episode_chunk, episode_index, video_key"),
        ("x" * 600, "data_path and video_path are texts"),
    ],
)
def test_a_path_in_info_json_stays_inside(key, pattern, said, tmp_path):
    source = Recorded().write2(tmp_path / "set")
    edit(source / INFO, **{key: pattern})
    assert said in refusal(source, tmp_path)


def test_a_pattern_is_filled_as_lerobot_fills_it(tmp_path):
    assert fill("a-{n:03d}/{n}/{k}/{m:06d}", {"n": 7, "k": "x.y", "m": 1234567}, tmp_path) == "a-007/7/x.y/1234567"


@pytest.mark.parametrize("name", ["../../escaped", "/tmp/escaped", "a/b", "..", "nul\0", "x" * 300, "\ud800"])
def test_a_camera_whose_column_is_a_path_is_refused(name, tmp_path):
    source = Recorded().write2(tmp_path / "set")
    features = json.loads((source / INFO).read_text())["features"]
    features[name] = features.pop("observation.images.front")
    edit(source / INFO, features=features)
    (source / "meta/modality.json").write_text(json.dumps({"video": {"front": {"original_key": name}}}))
    assert "is no name of a column or part" in refusal(source, tmp_path)


@pytest.mark.parametrize("task", ["../../escaped", "/tmp/escaped", "a\\b", ".", "x" * 300])
def test_a_task_of_episodes_jsonl_becomes_no_path(task, tmp_path):
    source = write_set(tmp_path / "set", 1)
    line = json.loads((source / EPISODES).read_text())
    (source / EPISODES).write_text(json.dumps(line | {"task": task}) + "\n")
    assert "the task of episode 0 is" in refusal(source, tmp_path, "egodex")


@pytest.mark.parametrize("name", ["meta", "data", INFO, EPISODES, "data/chunk-000/episode_000000.parquet"])
def test_a_link_out_of_a_set_is_refused_and_one_inside_is_read(name, tmp_path):
    source = Recorded().write2(tmp_path / "set")
    (source / name).rename(source / "aside")
    (source / name).symlink_to(source / "aside")
    assert len(open_set(source)) == 2
    (source / "aside").rename(tmp_path / "outside")
    (source / name).unlink()
    (source / name).symlink_to(tmp_path / "outside")
    assert "is a link that leaves" in refusal(source, tmp_path)


def test_a_linked_video_is_refused(tmp_path):
    source = Recorded().write2(tmp_path / "set")
    video = next(source.rglob("*.mp4"))
    video.rename(tmp_path / "outside.mp4")
    video.symlink_to(tmp_path / "outside.mp4")
    assert "is a link that leaves" in refusal(source, tmp_path)


def test_a_set_of_a_folder_that_is_a_link_out_is_refused(tmp_path):
    Recorded().write2(tmp_path / "elsewhere")
    (tmp_path / "sets").mkdir()
    (tmp_path / "sets/a").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="is a link that leaves"):
        find_sets(tmp_path / "sets")


def test_a_playlist_that_is_called_a_video_is_not_followed(tmp_path):
    source = Recorded().write2(tmp_path / "set")
    video = next(source.rglob("*.mp4"))
    video.rename(tmp_path / "secret.mp4")
    video.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{tmp_path}/secret.mp4\n#EXT-X-ENDLIST\n")
    assert "cannot be read" in refusal(source, tmp_path)
    video.write_text(f"ffconcat version 1.0\nfile '{tmp_path}/secret.mp4'\n")
    with pytest.raises(DataError, match="cannot be read"):
        read_frames(video, [0])


# --- HDF5 -------------------------------------------------------------------------------------------------------------

ROWS = 4


def robosuite(file, change):
    """Write a file of one demonstration and let ``change`` have its group."""
    with h5py.File(file, "w") as out:
        demo = out.create_group("data/demo_0")
        demo["actions"] = np.zeros((ROWS, 2))
        demo["obs/arm"] = np.zeros((ROWS, 3))
        change(demo)
    return file


def external_link(demo):
    del demo["obs/arm"]
    demo["obs/arm"] = h5py.ExternalLink("other.hdf5", "/secret")


def external_group(demo):
    del demo["obs"]
    demo["obs"] = h5py.ExternalLink("other.hdf5", "/")


def external_storage(demo):
    demo.create_dataset("obs/secret", (ROWS, 2), np.float64, external=[("/etc/hostname", 0, ROWS * 16)])


def virtual(demo):
    layout = h5py.VirtualLayout((ROWS, 3), np.float64)
    layout[:] = h5py.VirtualSource("other.hdf5", "secret", (ROWS, 3))
    demo.create_virtual_dataset("obs/secret", layout)


def external_picture(demo):
    demo.create_dataset("obs/a_image", (ROWS, 4, 4, 3), np.uint8, external=[("/etc/hostname", 0, ROWS * 48)])


def huge(demo):
    demo.create_dataset("obs/huge", (ROWS, 2**30), np.float64)


def huge_rows(demo):
    del demo["obs/arm"]
    demo.create_dataset("obs/arm", (2**40, 3), np.float64, chunks=(1024, 3))


def soft_loop(demo):
    demo["obs/loop"] = h5py.SoftLink("/data/demo_0/obs/loop")


def deep_json(demo):
    demo.attrs["ep_meta"] = "[" * 5000


ATTACKS = {
    external_link: "data/demo_0/obs/arm is a link to another file",
    external_group: "data/demo_0/obs is a link to another file",
    external_storage: "obs/secret is kept in another file",
    virtual: "obs/secret is kept in another file",
    external_picture: "obs/a_image is kept in another file",
    huge: "obs/huge claims 34359738368 bytes; this reads up to 2147483648",
    huge_rows: "obs/arm claims 26388279066624 bytes",
    soft_loop: "is damaged",
    deep_json: "is nested deeper than 100 levels",
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_hdf5_file_is_one_file_of_a_size_that_fits(attack, tmp_path):
    with h5py.File(tmp_path / "other.hdf5", "w") as out:
        out["secret"] = np.ones((ROWS, 3))
    file = robosuite(tmp_path / "x.hdf5", attack)
    assert ATTACKS[attack] in refusal(file, tmp_path)


def test_an_egodex_file_is_one_file_too(tmp_path):
    source = write_set(tmp_path / "source", 1)
    convert(source, tmp_path / "set", "egodex")
    file = next((tmp_path / "set").rglob("*.hdf5"))
    with h5py.File(tmp_path / "other.hdf5", "w") as out:
        out["secret"] = np.ones((24, 4, 4))
    with h5py.File(file, "a") as out:
        del out["transforms/leftHand"]
        out["transforms/leftHand"] = h5py.ExternalLink(str(tmp_path / "other.hdf5"), "/secret")
    assert "transforms/leftHand is a link to another file" in refusal(tmp_path / "set", tmp_path)


# --- bombs ------------------------------------------------------------------------------------------------------------


def text_of(file, text):
    return lambda root: (root / file).write_text(text)


def claim_rows(root):
    """A column of a single value, said a thousand million times in a few bytes."""
    file = root / "data/chunk-000/episode_000000.parquet"
    many = pa.DictionaryArray.from_arrays(pa.array(np.zeros(2**20, np.int8)), pa.array([0.0])).cast(pa.float64())
    table = pa.table({"action": many})
    with pq.ParquetWriter(file, table.schema, compression="zstd") as writer:
        for _ in range(300):
            writer.write_table(table)


BOMBS = {
    "info.json is nested deeper than 100 levels": text_of(INFO, "[" * 200_000),
    "episodes.jsonl line 1 is nested deeper than 100 levels": text_of(EPISODES, '{"a":' * 150 + "1" + "}" * 150),
    "info.json is not JSON (Exceeds the limit (4300 digits)": text_of(INFO, '{"fps": ' + "9" * 5000 + "}"),
    "episodes.jsonl: episode_index is 1000000": text_of(EPISODES, '{"episode_index": 1' + "0" * 4000 + "}"),
    "info.json is not UTF-8 text": lambda r: (r / INFO).write_bytes(b"\xff\xfe{}"),
    "features.action claims 1000000000000 values per frame": lambda r: set_shape(r, [1_000_000, 1_000_000]),
    "features.action has shape [1, 1, 1, 1, 1, 1, 1]": lambda r: set_shape(r, [1] * 7),
    "claims 314572800 values; this reads up to 268435456": claim_rows,
    "task_index 999999999 among 1 tasks": text_of("meta/tasks.jsonl", '{"task_index": 999999999, "task": "a"}'),
}


def set_shape(root, shape):
    features = json.loads((root / INFO).read_text())["features"]
    features["action"]["shape"] = shape
    edit(root / INFO, features=features)


@pytest.mark.parametrize("sentence", BOMBS)
def test_what_claims_too_much_is_one_sentence(sentence, tmp_path):
    source = Recorded().write2(tmp_path / "set")
    BOMBS[sentence](source)
    assert sentence in refusal(source, tmp_path)


def test_a_sparse_file_of_terabytes_is_not_read(tmp_path):
    source = Recorded().write2(tmp_path / "set")
    os.truncate(source / EPISODES, 2**40)
    assert "has 1099511627776 bytes; this reads up to" in refusal(source, tmp_path)


@pytest.mark.parametrize("name", [INFO, EPISODES, "data/chunk-000/episode_000000.parquet", "meta/modality.json"])
def test_a_pipe_is_not_waited_for(name, tmp_path):
    source = Recorded().write2(tmp_path / "set")
    (source / name).unlink(missing_ok=True)
    os.mkfifo(source / name)
    assert "is not a file (a folder, pipe or device)" in refusal(source, tmp_path)


def test_a_picture_that_claims_a_thousand_million_pixels_is_refused(tmp_path):
    from tests.lerobot_sets import SIDE, feature, png

    cell = png(0)
    head = bytearray(cell["bytes"])
    head[16:24] = (60_000).to_bytes(4, "big") * 2  # width and height stand in the first chunk
    import zlib

    head[29:33] = zlib.crc32(bytes(head[12:29])).to_bytes(4, "big")
    images = {"image": (feature("image", SIDE, SIDE, 3), [{"bytes": bytes(head), "path": None}] * 11)}
    source = Recorded(columns=images, cameras=()).write2(tmp_path / "set")
    assert "image in row 0" in (said := refusal(source, tmp_path)) and "pixels" in said


def test_refusing_takes_little_memory(tmp_path):
    file = robosuite(tmp_path / "x.hdf5", huge_rows)
    code = (
        "import re, sys; from training.data.formats import open_set; from pathlib import Path\n"
        "from training.data.layout import DataError\n"
        "try: open_set(Path(sys.argv[1]))[0]\n"
        "except DataError: print(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(file)], capture_output=True, text=True, cwd=catalog.ROOT)
    assert int(done.stdout) < 600_000, done.stderr  # kB; libraries alone take most of it


def test_damage_inside_an_hdf5_file_is_a_sentence(tmp_path):
    file = robosuite(tmp_path / "x.hdf5", lambda demo: None)
    content = bytearray(file.read_bytes())
    for start in range(600, len(content) - 8, 997):
        hurt = bytearray(content)
        hurt[start : start + 8] = b"\xff" * 8
        file.write_bytes(hurt)
        try:
            there = open_set(file)
            assert all(np.isfinite(v).all() for v in there[0].values.values())
        except DataError as error:
            assert "\n" not in str(error)


def test_names_that_are_no_groups_are_told(tmp_path):
    with h5py.File(tmp_path / "a.hdf5", "w") as out:
        out["data"] = np.zeros(3)
    with pytest.raises(DataError, match="is not a robosuite file: it has no /data"):
        open_set(tmp_path / "a.hdf5")
    with h5py.File(tmp_path / "b.hdf5", "w") as out:
        out["data/demo_0"] = np.zeros(3)
    with pytest.raises(DataError, match="/data/demo_0 is no group"):
        open_set(tmp_path / "b.hdf5")
    assert not hdf5.is_hdf5(tmp_path)


def test_a_row_that_lies_in_two_places_is_refused(tmp_path):
    source = Recorded().write3(tmp_path / "set")
    file = source / "data/chunk-000/file-000.parquet"
    rewrite(file, episode_index=[0, 0, 1, 0, 0, 0, 1, 1, 1, 1, 1])
    assert "episode_index has other episodes' rows in between in episode 0" in refusal(source, tmp_path)
