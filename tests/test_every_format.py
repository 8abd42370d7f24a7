"""Contract tests over every dataset format in the catalog: what is written comes back,
and nothing foreign is believed."""

from __future__ import annotations

import ast
import dataclasses
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from crossbody import catalog
from tests.demonstrations import LAYOUT, demonstration, frame_of
from training.convert import convert
from training.data.demonstration import Demonstration, DemonstrationSet, Format
from training.data.formats import find_sets, format_of, formats, open_set
from training.data.layout import DataError
from training.data.paths import inside

FORMATS = sorted(catalog.entries("formats"))
EPISODES, FRAMES = 3, 6
SHARED = ("camera", "left_wrist", "left_fingertips", "right_wrist", "right_fingertips")
"""Parts that every format has a place for: EgoDex knows end effectors only."""


def written(name: str, folder: Path, layout=LAYOUT, notes=None) -> Path:
    """Write three small demonstrations and return the set's path."""
    kind: Format = catalog.resolve("formats", name)
    path = folder / f"made{kind.suffix}"
    writer = kind.writer(path, layout)
    for seed in range(EPISODES):
        made = demonstration(seed, FRAMES + seed)
        object.__setattr__(made, "notes", {**made.notes, **(notes or {})})
        assert writer.add(made) == seed
    writer.close()
    return path


def recover(there: DemonstrationSet) -> None:
    """Read everything in a set, and compare it with what was written."""
    assert len(there) == EPISODES
    for seed in range(EPISODES):
        expected, got = demonstration(seed, FRAMES + seed), there[seed]
        assert got.instruction == expected.instruction
        assert {f"{s}.{p}" for s in ("state", "action") for p in SHARED} <= set(got.values) == set(there.layout.parts)
        for part, values in got.values.items():
            np.testing.assert_allclose(values, expected.values[part], atol=1e-5, err_msg=part)
        pictures = next(iter(got.pictures.values()))
        assert [frame_of(p) for p in pictures] == list(range(FRAMES + seed))
        assert [frame_of(p) for p in pictures.take([2, 0, 2])] == [2, 0, 2]  # type: ignore[attr-defined]
        np.testing.assert_array_equal(len(pictures.places()), FRAMES + seed)  # type: ignore[attr-defined]
        assert pictures.stretch  # type: ignore[attr-defined]  # a name for caches


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_written_comes_back_by_name(name, tmp_path):
    path = written(name, tmp_path)
    recover(catalog.resolve("formats", name).reader(path))
    assert format_of(path) in (formats()[name], None)
    assert open_set(path).layout.fps == LAYOUT.fps


class Faulty:
    """A reader that makes one mistake."""

    def __init__(self, there: DemonstrationSet, mistake: Callable[[Demonstration], Demonstration]):
        self._there, self._mistake = there, mistake
        self.layout, self.remarks = there.layout, there.remarks

    def __len__(self) -> int:
        return len(self._there)

    def __getitem__(self, index: int) -> Demonstration:
        return self._mistake(self._there[index])


def shift_pictures(made: Demonstration) -> Demonstration:
    pictures = {n: [*list(p)[1:], list(p)[0]] for n, p in made.pictures.items()}
    return dataclasses.replace(made, pictures=pictures)


def swap_hands(made: Demonstration) -> Demonstration:
    left, right = (made.values[f"state.{side}_wrist"] for side in ("left", "right"))
    return dataclasses.replace(made, values={**made.values, "state.left_wrist": right, "state.right_wrist": left})


def forget_the_instruction(made: Demonstration) -> Demonstration:
    return dataclasses.replace(made, instruction="")


@pytest.mark.parametrize("mistake", [shift_pictures, swap_hands, forget_the_instruction])
def test_a_format_with_a_mistake_would_be_found(mistake, tmp_path):
    path = written("lerobot3", tmp_path)
    with pytest.raises(AssertionError):
        recover(Faulty(open_set(path), mistake))


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("to", FORMATS)
def test_every_format_converts_to_every_other(name, to, tmp_path):
    source = written(name, tmp_path)
    target = tmp_path / f"target{formats()[to].suffix}"
    assert convert(source, target, to)[0] == EPISODES
    recover(catalog.resolve("formats", to).reader(target))
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([source.name, target.name])


@pytest.mark.parametrize("name", FORMATS)
def test_its_sets_are_found_in_a_folder_beside_others(name, tmp_path):
    written(name, tmp_path)
    written("lerobot3" if name == "lerobot2" else "lerobot2", tmp_path / "other")
    (tmp_path / "other/made").rename(tmp_path / "z")
    (tmp_path / "other").rmdir()
    (tmp_path / "notes.txt").write_text("no data set")
    found = find_sets(tmp_path)
    assert "z" in found and len(found) == (2 if format_of(tmp_path / f"made{formats()[name].suffix}") else 1)


GARBAGE = {
    "half of it": lambda path: [cut(f) for f in files(path)],
    "empty files": lambda path: [f.write_bytes(b"") for f in files(path)],
    "noise": lambda path: [f.write_bytes(np.random.default_rng(0).bytes(3000)) for f in files(path)],
    "pipes": lambda path: [pipe(f) for f in files(path)],
}


def files(path: Path) -> list[Path]:
    return [path] if path.is_file() else [f for f in path.rglob("*") if f.is_file()]


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("damage", GARBAGE)
def test_garbage_is_refused_in_one_sentence_and_nothing_is_written(name, damage, tmp_path):
    path = written(name, tmp_path)
    GARBAGE[damage](path)
    for to in FORMATS:
        with pytest.raises(DataError) as caught:
            convert(path, tmp_path / "target", to)
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 800
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("number", [np.nan, np.inf])
@pytest.mark.filterwarnings("ignore:invalid value")
def test_a_number_that_is_not_finite_is_refused(name, number, tmp_path):
    kind = catalog.resolve("formats", name)
    path = tmp_path / f"made{kind.suffix}"
    made = demonstration(0, FRAMES)
    made.values["state.left_wrist"][3, 1] = number  # type: ignore[index]
    writer = kind.writer(path, LAYOUT)
    writer.add(made)
    writer.close()
    with pytest.raises(DataError, match=r"finite.* in row 3"):
        kind.reader(path)[0]


@pytest.mark.parametrize("name", FORMATS)
def test_a_set_whose_files_are_links_out_of_it_is_refused(name, tmp_path):
    path = written(name, tmp_path)
    if path.is_file():
        pytest.skip("the user names the file")
    outside = tmp_path / "outside"
    path.rename(outside)
    for file in files(outside):
        link = path / file.relative_to(outside)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(file)
    with pytest.raises(
        DataError, match="is a link that leaves .*; where you trust it, copy the data set with `cp -rL`"
    ):
        convert(path, tmp_path / "target", "lerobot3")


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("task", ["../../escaped", "/tmp/escaped", "a/b", "..", ".hidden", "x" * 300, "nul\0"])
def test_a_task_that_is_a_path_writes_nothing_outside(name, task, tmp_path):
    folder = tmp_path / "room/inner"
    folder.mkdir(parents=True)
    try:
        written(name, folder, notes={"task": task})
    except DataError as error:
        assert "which is no name of a folder" in str(error)
    outside = [p for p in tmp_path.rglob("*") if p != tmp_path / "room" and not p.is_relative_to(folder)]
    assert not outside and not Path("/tmp/escaped").exists()


@pytest.mark.parametrize("name", FORMATS)
def test_it_says_what_it_is_and_imports_nothing_heavy(name):
    assert catalog.find("formats", name).summary and formats()[name].looks_like
    code = (
        f"import sys; from crossbody import catalog; catalog.resolve('formats', {name!r});"
        "print(sorted({'torch', 'mujoco', 'pandas', 'h5py', 'av', 'pyarrow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=catalog.ROOT)
    assert done.stdout.strip() == "[]", done.stderr


def test_no_other_file_names_a_format_so_that_a_new_one_is_one_file():
    # What is collected is one format, by name; robots may be called as a format is.
    allowed = {"training/attempts.py", "training/data/chunks.py"}
    for file in [*(catalog.ROOT / "training").rglob("*.py"), *(catalog.ROOT / "crossbody").rglob("*.py")]:
        place = file.relative_to(catalog.ROOT).as_posix()
        if place.startswith("training/data/formats/") or place in allowed:
            continue
        texts = {
            n.value for n in ast.walk(ast.parse(file.read_text())) if isinstance(n, ast.Constant) and n.value in FORMATS
        }
        assert not texts, f"{place} names {texts}"


def test_a_path_that_climbs_or_is_absolute_or_a_loop_is_refused(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "out").symlink_to("/etc")
    for name in ("../x", "/etc/hostname", "a/../../x", "out/hostname", "nul\0"):
        with pytest.raises(DataError):
            inside(tmp_path, name)
    with pytest.raises(DataError):
        inside(tmp_path, "loop", "x")
    (tmp_path / "a").mkdir()
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert inside(tmp_path, "b", "file").name == "file"
