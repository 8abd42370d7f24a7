"""Generated variants of LeRobot sets: each is read as it is on the disk, or refused in one sentence; none hangs or
misreads.

``CROSSBODY_FUZZ=500 pytest tests/test_data_fuzz.py`` tries more of them.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.demonstrations import level
from tests.lerobot_sets import SIDE, Recorded, feature, png, rewrite, row_of
from training.convert import convert
from training.data.demonstration import Demonstration
from training.data.formats import formats, open_set
from training.data.layout import DataError, Feature, Layout, Part, consecutive

VARIANTS = int(os.environ.get("CROSSBODY_FUZZ", "20"))
LIMIT_S = 60
TEXTS = ("reach for it", "grasp\u2028it", "valid")
JUNK = (
    None,
    True,
    -1,
    0,
    1,
    1.5,
    10**30,
    float("nan"),
    float("inf"),
    "",
    "x",
    "../x",
    "/etc",
    "a\u2028b",
    "\ud800",
    "{x}",
    "y" * 5000,
    [],
    {},
    [[]],
    [None],
    {"a": {"b": []}},
    [1, 2, 3],
    "int64",
    "float16",
    "observation.state",
)
MODALITY = {
    "state": {"left": {"start": 0, "end": 2}, "right": {"start": 3, "end": 6, "absolute": True}},
    "action": {"hand": {"start": 0, "end": 3, "rotation_type": "axis_angle"}},
    "video": {"front": {"original_key": "observation.images.front"}},
    "annotation": {"human.validity": {}, "human.task_description": {"original_key": "task_index"}},
}


def recorded(kind: str) -> Recorded:
    columns: dict[str, Any] = {
        "task_index": (feature("int64", 1), [0, 0, 1, 1, 1, 1, 1, 0, 0, 0, 0]),
        "annotation.human.validity": (feature("int64", 1), [2] * 11),
        "next.reward": (feature("float32", 1), [r / 8 for r in range(11)]),
        "next.done": (feature("bool", 1), [r in (4, 10) for r in range(11)]),
        "note": (feature("string", 1), [f"row {r}" for r in range(11)]),
    }
    if kind == "images":
        columns["image"] = (feature("image", SIDE, SIDE, 3), [png(r) for r in range(11)])
    notes = [{"seed": 3, "config": {"skills": ["pick"]}}, {"seed": 4, "config": {"skills": []}}]
    cameras = () if kind == "images" else ("observation.images.front",)
    modality = MODALITY if kind == "modality" else None
    return Recorded(columns=columns, tasks=TEXTS, notes=notes, cameras=cameras, modality=modality)


KINDS = ("plain", "modality", "images")
BASES = [(kind, write) for kind in KINDS for write in ("write2", "write3")]


@pytest.fixture(scope="module")
def bases(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bases")
    return [getattr(recorded(kind), write)(folder / kind / write) for kind, write in BASES]


# --- damage -----------------------------------------------------------------------------------------------------------


def change_json(content: Any, random: np.random.Generator) -> Any:
    """Change one thing in a tree of JSON."""
    keys = list(content) if isinstance(content, dict) else list(range(len(content)))
    if not keys:
        return content
    key = keys[random.integers(len(keys))]
    inner = content[key]
    if isinstance(inner, dict | list) and inner and random.random() < 0.7:
        content[key] = change_json(inner, random)
        return content
    near = inner + int(random.integers(-1, 2)) if isinstance(inner, int | float) and random.random() < 0.5 else None
    what = random.integers(4)
    if what == 0:
        del content[key]
    elif what == 1 and isinstance(content, dict):
        content[str(JUNK[random.integers(len(JUNK))])] = content.pop(key)
    else:
        content[key] = JUNK[random.integers(len(JUNK))] if near is None else near
    return content


def damage_json(root: Path, random: np.random.Generator) -> None:
    files = [*root.glob("meta/*.json")]
    file = files[random.integers(len(files))]
    file.write_text(json.dumps(change_json(json.loads(file.read_text()), random)))


def damage_line(root: Path, random: np.random.Generator) -> None:
    files = [*root.glob("meta/*.jsonl")]
    if not files:
        return damage_cell(root, random)
    file = files[random.integers(len(files))]
    lines = file.read_text().split("\n")[:-1]
    at = random.integers(len(lines))
    what = random.integers(4)
    if what == 0:
        del lines[at]
    elif what == 1:
        lines.insert(at, lines[at])
    else:
        lines[at] = json.dumps(change_json(json.loads(lines[at]), random))
    file.write_text("".join(f"{line}\n" for line in lines))


def damage_text(root: Path, random: np.random.Generator) -> None:
    files = [*root.glob("meta/*.json*")]
    file = files[random.integers(len(files))]
    content = file.read_bytes()
    at = int(random.integers(len(content)))
    junk = [b"\0", b"\n\n", b"\xff", b"\xe2\x80\xa8", b"\r\n", b"[[[", b"9" * 5000][random.integers(7)]
    changed = [
        content[:at],
        b"\xef\xbb\xbf" + content,
        content[:at] + junk + content[at:],
        content[:at] + junk + content[at + 1 :],
    ]
    file.write_bytes(changed[random.integers(4)])


def damage_cell(root: Path, random: np.random.Generator) -> None:
    """Change one cell of the list of episodes of a version 3, or of a table."""
    files = [*root.glob("meta/episodes/*/*.parquet")] or [*root.glob("data/*/*.parquet")]
    change_cell(files[random.integers(len(files))], random)


def damage_table(root: Path, random: np.random.Generator) -> None:
    files = [*root.glob("data/*/*.parquet"), *root.glob("meta/*.parquet")]
    file = files[random.integers(len(files))]
    table = pq.read_table(file)
    rows, what = np.arange(len(table)), random.integers(5)
    at = int(random.integers(len(rows)))
    if what == 0:
        pq.write_table(table.take(np.delete(rows, at)), file)
    elif what == 1:
        pq.write_table(table.take(np.insert(rows, at, rows[at])), file)
    elif what == 2:
        pq.write_table(table.take(random.permutation(rows)), file)
    elif what == 3:
        name = table.column_names[random.integers(table.num_columns)]
        pq.write_table(table.drop_columns([name]), file)
    else:
        change_cell(file, random)


def change_cell(file: Path, random: np.random.Generator) -> None:
    table = pq.read_table(file)
    name = table.column_names[random.integers(table.num_columns)]
    values = table[name].to_pylist()
    at = int(random.integers(len(values)))
    changes: list[Callable[[Any], Any]] = [
        lambda v: None,
        lambda v: [*v[:-1], None] if isinstance(v, list) else v,
        lambda v: v[:-1] if isinstance(v, list) else float("nan"),
        lambda v: [*v[:-1], float("nan")] if isinstance(v, list) else -1,
        lambda v: v + 1 if isinstance(v, int | float) else v,
    ]
    changed = changes[random.integers(len(changes))]
    whole = random.random() < 0.2
    values = [str(v) for v in values] if whole else [changed(v) if i == at else v for i, v in enumerate(values)]
    try:
        rewrite(file, **{name: values})
    except (pa.ArrowInvalid, pa.ArrowTypeError):  # no table can hold such a column
        rewrite(file, **{name: [json.dumps(v, default=str) for v in values]})


def damage_file(root: Path, random: np.random.Generator) -> None:
    files = sorted(f for f in root.rglob("*") if f.is_file())
    file = files[random.integers(len(files))]
    content = file.read_bytes()
    at = int(random.integers(len(content)))
    if (what := random.integers(4)) == 0:
        file.unlink()
    else:
        junk = random.bytes(8)
        file.write_bytes([b"", content[:at], content[:at] + junk + content[at + 8 :]][what - 1])


DAMAGE = (damage_json, damage_json, damage_line, damage_text, damage_cell, damage_table, damage_file)


# --- what is on the disk, read as plainly as can be
# --------------------------------------------------------------------


def rows_on_disk(root: Path) -> dict[bytes, dict[str, Any]]:
    """Return a row for every state in the tables; states are random, so each is a name."""
    found = {}
    for file in sorted(root.glob("data/*/*.parquet")):
        for row in pq.read_table(file).to_pylist():
            state = np.asarray(row["observation.state"], np.float64)
            found[state.round(4).tobytes()] = row
    return found


def texts_on_disk(root: Path) -> dict[int, str]:
    if (root / "meta/tasks.parquet").exists():
        table = pq.read_table(root / "meta/tasks.parquet").to_pandas().reset_index()
        return dict(zip(table["task_index"], table["task"], strict=True))
    lines = (root / "meta/tasks.jsonl").read_bytes().decode("utf-8-sig").split("\n")
    return {line["task_index"]: line["task"] for line in map(json.loads, filter(str.strip, lines))}


def check(source: Path, target: Path, original: dict[bytes, int]) -> None:
    """Compare every row of a conversion with the same row on the disk,
    and its picture with the state that stands beside it."""
    there, disk = open_set(target), rows_on_disk(source)
    tables = pq.read_table(next(target.glob("data/*/*.parquet")))
    states = np.array(tables["observation.state"].to_pylist(), np.float64).round(4)
    steps = iter(zip(states, tables.to_pylist(), strict=True))
    for index in range(len(there)):
        episode = there[index]
        said = list(episode.instructions) or [episode.instruction] * episode.frames
        shown = (
            [row_of(p) for p in next(iter(episode.pictures.values()))] if episode.pictures else [None] * episode.frames
        )
        for text, picture in zip(said, shown, strict=True):
            state, row = next(steps)
            before = disk[state.tobytes()]
            if picture is not None:
                assert picture == original[state.tobytes()], "a picture of another row"
            for column in ("action", "next.reward", "next.done", "note"):
                if column in row and column in before:
                    expected = before[column]
                    same = (
                        np.allclose(row[column], expected, rtol=1e-5)
                        if column in ("action", "next.reward")
                        else row[column] == expected
                    )
                    assert same, f"{column}: {row[column]} for {expected}"
            if (
                "task_index" in before
                and (source / "meta/tasks.jsonl").exists() | (source / "meta/tasks.parquet").exists()
            ):
                assert text == texts_on_disk(source).get(before["task_index"], text)


@pytest.mark.parametrize("seed", range(VARIANTS))
def test_a_variant_is_read_as_it_is_or_refused_in_a_sentence(seed, bases, tmp_path):
    random = np.random.default_rng(seed)
    base = bases[seed % len(bases)]
    source = shutil.copytree(base, tmp_path / "set")
    original = {key: row["index"] for key, row in rows_on_disk(base).items()}
    for _ in range(random.integers(1, 3)):
        try:
            DAMAGE[random.integers(len(DAMAGE))](source, random)
        except (ValueError, OSError, pa.ArrowException, RecursionError):
            break  # it cannot be damaged further
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(LIMIT_S)
    try:
        convert(source, tmp_path / "out/made", "lerobot3")
    except DataError as error:
        assert "\n" not in str(error) and len(str(error)) < 1500
        assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())
        _tally("refused", seed, str(error))
        return
    finally:
        signal.alarm(0)
    check(source, tmp_path / "out/made", original)
    _tally("read", seed, "")


def _too_long(*_: Any) -> None:
    raise TimeoutError("a hang")


def _tally(outcome: str, seed: int, said: str) -> None:
    if file := os.environ.get("CROSSBODY_FUZZ_TALLY"):
        with Path(file).open("a") as out:
            out.write(json.dumps({"seed": seed, "outcome": outcome, "said": said}) + "\n")


def test_a_conversion_that_misreads_would_be_found(bases, tmp_path):
    original = {key: row["index"] for key, row in rows_on_disk(bases[0]).items()}
    convert(bases[0], tmp_path / "made", "lerobot3")
    check(bases[0], tmp_path / "made", original)
    file = next((tmp_path / "made").glob("data/*/*.parquet"))
    for column in ("action", "note", "observation.state"):
        copy = shutil.copytree(tmp_path / "made", tmp_path / column)
        values = pq.read_table(file)[column].to_pylist()
        rewrite(copy / file.relative_to(tmp_path / "made"), **{column: [values[1], values[0], *values[2:]]})
        with pytest.raises(AssertionError):
            check(bases[0], copy, original)


# --- any layout, any demonstration ------------------------------------------------------------------------------------

KEYS = st.text("abcdefgh_", min_size=1, max_size=8)
WORDS = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=20)


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    parts: dict[str, Part] = {}
    for section, column in (("state", "observation.state"), ("action", "action")):
        dtype = draw(st.sampled_from(["float32", "float64"]))
        widths = draw(st.dictionaries(KEYS, st.integers(1, 4), min_size=1, max_size=3))
        parts |= consecutive(column, {f"{section}.{k}": w for k, w in widths.items()}, dtype)
    cameras = {"video.a": "observation.images.a"} if draw(st.booleans()) else {}
    extras = {"next.reward": Feature("float32", (1,))} if draw(st.booleans()) else {}
    fps = draw(st.sampled_from([5, 10, 12.5, 20, 29.97, 30, 60]))
    return Layout("robot", fps, parts, cameras, picture_every=draw(st.integers(1, 3)), extras=extras)


@settings(max_examples=VARIANTS, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    layout=layouts(),
    lengths=st.lists(st.integers(1, 12), min_size=1, max_size=3),
    said=WORDS,
    note=WORDS,
    data=st.data(),
)
def test_any_demonstration_comes_back_from_every_format_that_takes_it(
    layout, lengths, said, note, data, tmp_path_factory
):
    random = np.random.default_rng(sum(lengths))
    side = data.draw(st.sampled_from([16, 31, 48]))
    for name, kind in formats().items():
        path = tmp_path_factory.mktemp("any") / f"set{kind.suffix}"
        try:
            writer = kind.writer(path, layout)
        except DataError as error:
            assert "EgoDex needs" in str(error)
            continue
        made = []
        for length in lengths:
            values = {n: random.normal(size=(length, p.width)).astype(p.dtype) for n, p in layout.parts.items()}
            pictures = {
                c: [np.full((side, side, 3), level(i), np.uint8) for i in range(length)] for c in layout.cameras
            }
            extras = {c: pa.array(random.normal(size=length).astype(np.float32)) for c in layout.extras}
            made.append(Demonstration(values, pictures, said, {"note": note, "task": "t"}, extras=extras))
            writer.add(made[-1])
        writer.close()
        there = open_set(path)
        assert len(there) == len(made) and there.layout.fps == layout.fps
        for index, expected in enumerate(made):
            got = there[index]
            assert (got.instruction, got.notes.get("note"), got.frames) == (said, note, expected.frames), name
            for part, values in expected.values.items():
                np.testing.assert_array_equal(got.values[part], values)
            for camera in layout.cameras:
                frames = [round((float(np.median(p)) - 20) / 8) for p in got.pictures[camera]]
                assert frames == list(range(expected.frames))
            for column, values in expected.extras.items():
                assert got.extras[column].to_pylist() == values.to_pylist()


def test_pandas_and_this_read_the_same_numbers(bases):
    there = open_set(bases[1])
    table = pd.read_parquet(next(bases[1].glob("data/*/*.parquet")))
    for index in range(2):
        rows = table[table.episode_index == index]
        np.testing.assert_array_equal(there[index].values["state.all"], np.stack(rows["observation.state"].to_list()))
