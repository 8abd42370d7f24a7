"""What is wrong in a LeRobot set is told with file, column, episode and row, before anything is written."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.lerobot_sets import SIDE, Recorded, edit, feature, png, refusal, rewrite
from training.convert import convert
from training.data.formats import open_set

DATA = "data/chunk-000/episode_000000.parquet"


def null(values):
    return [*values[:2], [None, *values[2][1:]], *values[3:]]


def damaged_column(**columns):
    def damage(root):
        table = pq.read_table(root / DATA)
        rewrite(root / DATA, **{name: change(table[name].to_pylist()) for name, change in columns.items()})

    return damage


def append(name, text):
    def damage(root):
        with (root / name).open("a") as file:
            file.write(text)

    return damage


REFUSED = {
    "action has a null in row 2 of episode 0": damaged_column(action=null),
    "action has nan, which is not finite, in row 1 of episode 0": damaged_column(
        action=lambda v: [v[0], [0, 0, np.nan], *v[2:]]
    ),
    "action has inf, which is not finite, in row 1 of episode 0": damaged_column(
        action=lambda v: [v[0], [0, 0, np.inf], *v[2:]]
    ),
    "action has 1e+200, which is not finite, in row 1": damaged_column(action=lambda v: [v[0], [0, 0, 1e200], *v[2:]]),
    "action has a null in row 4 of episode 0": damaged_column(action=lambda v: [*v[:4], None]),
    "action has 2 values where info.json says 3 in row 2 of episode 0": damaged_column(
        action=lambda v: [*v[:2], v[2][:2], *v[3:]]
    ),
    "action holds string values, expected numbers, in episode 0": damaged_column(
        action=lambda v: [["a", "b", "c"] for _ in v]
    ),
    "action has lists 0 deep where info.json says shape [3] in episode 0": damaged_column(
        action=lambda v: [0.0 for _ in v]
    ),
    "frame_index does not count up by one in row 2 of episode 0": damaged_column(frame_index=lambda v: [0, 1, 3, 2, 4]),
    "timestamp does not ascend in row 3 of episode 0": damaged_column(timestamp=lambda v: [0, 0.1, 0.2, 0.1, 0.4]),
    "episode_index is 1 in row 0 of episode 0": damaged_column(episode_index=lambda v: [1 for _ in v]),
    "task_index has a null in row 0 of episode 0": damaged_column(task_index=lambda v: [None, *v[1:]]),
    "episodes.jsonl line 3 is not JSON": append("meta/episodes.jsonl", '{"episode_index": 2, "tas'),
    "episodes.jsonl line 3 holds a list, expected an object": append("meta/episodes.jsonl", "[]\n"),
    "episodes.jsonl has episode 1 twice": append(
        "meta/episodes.jsonl", '{"episode_index": 1, "tasks": [], "length": 6}\n'
    ),
    'episodes.jsonl: episode_index is "2"; expected a whole number': append(
        "meta/episodes.jsonl", '{"episode_index": "2", "length": 6}'
    ),
    "tasks.jsonl: task_index 0 stands for two texts, 'pick the cube' and 'drop it'": append(
        "meta/tasks.jsonl", '{"task_index": 0, "task": "drop it"}\n'
    ),
    "info.json: fps is null; expected a rate above 0 and at most 1000 Hz": lambda r: edit(
        r / "meta/info.json", fps=None
    ),
    "info.json: fps is 0; expected a rate above 0": lambda r: edit(r / "meta/info.json", fps=0),
    "info.json: fps is NaN; expected a rate above 0": lambda r: edit(r / "meta/info.json", fps=float("nan")),
    "info.json: fps is true; expected a rate above 0": lambda r: edit(r / "meta/info.json", fps=True),
    "info.json: features is []; expected an object of columns": lambda r: edit(r / "meta/info.json", features=[]),
    "info.json: data_path is 7; expected a pattern of paths": lambda r: edit(r / "meta/info.json", data_path=7),
    "video_path is null, but there are cameras": lambda r: edit(r / "meta/info.json", video_path=None),
    "episode_000000.parquet is absent": lambda r: (r / DATA).unlink(),
    "meta/episodes.jsonl is absent": lambda r: (r / "meta/episodes.jsonl").unlink(),
    "info.json is not JSON (the key 'fps' stands there twice)": lambda r: (r / "meta/info.json").write_text(
        (r / "meta/info.json").read_text()[:-1] + ', "fps": 30}'
    ),
}


@pytest.mark.parametrize("sentence", REFUSED)
def test_what_is_wrong_is_told_with_file_column_episode_and_row_before_anything_is_written(sentence, tmp_path):
    source = Recorded().write2(tmp_path / "set")
    REFUSED[sentence](source)
    assert sentence in refusal(source, tmp_path)


def test_a_missing_rate_is_told(tmp_path):
    source = Recorded().write2(tmp_path / "set")
    info = json.loads((source / "meta/info.json").read_text())
    del info["fps"]
    (source / "meta/info.json").write_text(json.dumps(info))
    assert "info.json: fps is missing; expected a rate above 0 and at most 1000 Hz" in refusal(source, tmp_path)


def test_a_mark_in_front_a_blank_line_and_a_line_separator_within_a_text_are_read(tmp_path):
    source = Recorded(tasks=("pick\u2028the cube",)).write2(tmp_path / "set")
    for file in source.glob("meta/*"):
        text = file.read_text(encoding="utf-8")
        text = text.replace("\\u2028", "\u2028") if file.suffix == ".jsonl" else text
        file.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n\r\n").encode())
    assert [open_set(source)[i].instruction for i in range(2)] == ["pick\u2028the cube"] * 2


def test_a_conversion_that_fails_while_it_writes_leaves_nothing_and_can_be_repeated(tmp_path):
    images = {
        "image": (
            feature("image", SIDE, SIDE, 3),
            [png(r) if r != 9 else {"bytes": b"", "path": None} for r in range(11)],
        )
    }
    source = Recorded(columns=images, cameras=()).write2(tmp_path / "set")
    (tmp_path / "out").mkdir()
    for _ in range(2):
        assert "image in row 4 is no PNG or JPEG picture" in refusal(source, tmp_path)
    killed = tmp_path / "out/.made.part/data"
    killed.mkdir(parents=True)
    (killed / "half").write_text("")
    assert convert(Recorded().write2(tmp_path / "good"), tmp_path / "out/made", "lerobot3")[0] == 2
    assert [f.name for f in (tmp_path / "out").iterdir()] == ["made"]
