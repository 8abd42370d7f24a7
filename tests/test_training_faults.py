"""What happens to a training's folder: kills, flipped bytes, full disks, two trainings at once, keys,
notes of older versions."""

from __future__ import annotations

import errno
import fcntl
import importlib.metadata
import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from crossbody import catalog
from crossbody.errors import CrossbodyError
from tests.line_recipe import RECIPE, LineOptions
from training import loop, running, show, snapshot
from training.identity import differences, digest_of
from training.show import Curves
from training.train import main

SHORT = LineOptions(steps=4, save_every=2, threads=1)


@pytest.fixture(autouse=True)
def undrawn(monkeypatch):
    monkeypatch.setattr(Curves, "draw", lambda curves: None)


def train(out: Path, **options: Any) -> Path:
    return running.train("line", RECIPE, replace(SHORT, out=out, **options))


@pytest.fixture
def done(tmp_path) -> Path:
    return train(tmp_path / "run", log_every=1)


def said(run, **options: Any) -> str:
    with pytest.raises(CrossbodyError) as caught:
        train(run, **options)
    return str(caught.value)


def test_an_outside_package_brings_a_recipe_by_its_entry_point(tmp_path, monkeypatch, capsys):
    point = importlib.metadata.EntryPoint("line", "tests.line_recipe:RECIPE", "crossbody.recipes")
    points = importlib.metadata.EntryPoints([point])
    monkeypatch.setattr(catalog, "entry_points", lambda **chosen: points.select(**chosen))
    catalog.entries.cache_clear()
    try:
        assert main(["line", "--dry-run", "--out", str(tmp_path / "run")]) == 0
        assert main(["line", "--plan"]) == 0
        assert main([]) == 0
    finally:
        catalog.entries.cache_clear()
    shown = capsys.readouterr().out
    assert f"wrote {tmp_path / 'run'}" in shown and "line: 2 parameters" in shown and "\n  line " in shown


def test_a_changed_option_is_named_with_both_values(done):
    assert said(done, learning_rate=0.5, seed=3) == (
        f"{done} holds a training run that was started differently:\n  learning_rate: was 0.1, is 0.5\n  seed: "
        "was 0, is 3\n"
        "Use the same options to go on, or another --out."
    )
    train(done, log_every=3, save_every=3)  # free


def test_differences_are_told_by_their_place():
    before = {"size": {"width": 8, "depth": 2}, "clips": list(range(9)), "kinds": ["a", "b"]}
    now = {"size": {"width": 9, "depth": 2}, "clips": list(range(12)), "kinds": ["a", "c"]}
    assert list(differences(before, now)) == [
        "clips: was 9 entries, is 12 entries",
        "kinds[1]: was b, is c",
        "size.width: was 8, is 9",
    ]


def test_a_path_is_known_by_what_it_holds(tmp_path):
    options = RECIPE.example(tmp_path / "a", 0)
    run = train(tmp_path / "run", points=options.points)
    moved = RECIPE.example(tmp_path / "b", 0)
    train(run, points=moved.points)  # the same points in another place
    other = RECIPE.example(tmp_path / "c", 1)
    assert moved.points and other.points
    assert f"points: was {digest_of(moved.points)}, is {digest_of(other.points)}" in said(run, points=other.points)


def test_every_flipped_byte_of_a_snapshot_is_refused_or_makes_no_difference(done):
    file, weights = done / snapshot.SNAPSHOT, (done / "model.safetensors").read_bytes()
    whole = file.read_bytes()
    picked = random.Random(0)
    refused = 0
    for place in sorted(picked.sample(range(len(whole)), 60)):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << picked.randrange(8)]) + whole[place + 1 :])
        try:
            found = snapshot.read(done)
        except CrossbodyError as error:
            assert f"{file} is damaged: " in str(error) and "another --out" in str(error)
            refused += 1
            continue
        assert found and found.facts["step"] == "4"  # the name of the digest, or a space
    file.write_bytes(whole)
    train(done)
    assert refused > 50 and (done / "model.safetensors").read_bytes() == weights


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"{}", b"\xff" * 8])
def test_a_damaged_snapshot_is_one_sentence(done, content):
    (done / snapshot.SNAPSHOT).write_bytes(content)
    assert said(done).startswith(f"{done / snapshot.SNAPSHOT} is damaged: ")


def test_a_snapshot_of_before_there_were_digests_is_gone_on_from(done, monkeypatch):
    stored = snapshot.read(done)
    assert stored
    monkeypatch.setattr(snapshot, "DIGEST", "unknown")
    snapshot.write(done, stored.tensors, stored.facts)
    monkeypatch.undo()
    monkeypatch.setattr(Curves, "draw", lambda curves: None)
    train(done)


def test_what_lacks_its_note_or_its_snapshot_is_refused(done, tmp_path):
    note = done / "recipe.json"
    kept = note.read_text()
    for content in ("", "[]", "\xff{"):
        note.write_text(content)
        assert "recipe.json" in said(done) and "another --out" in said(done)
    note.unlink()
    assert "recipe.json, which says of what, cannot be read" in said(done)
    note.write_text(kept)
    (done / snapshot.SNAPSHOT).unlink()
    assert said(done) == f"{done} holds weights and no snapshot to go on from. Give another --out."


def test_a_note_of_the_first_format_is_compared_in_what_it_and_the_checkpoint_state(done):
    (done / "recipe.json").write_text(json.dumps({"recipe": "line", "steps": 4, "count": 4, "feature_seconds": 0}))
    (done / "config.json").write_text(json.dumps({"training": {"options": {"steps": 4, "save_every": 2, "seed": 0}}}))
    assert "steps: was 4, is 6" in said(done, steps=6)
    assert "learning_rate: was 0.1, is 0.5" in said(done, learning_rate=0.5)
    train(done, threads=2)
    assert json.loads((done / "recipe.json").read_text())["format"] == 2


def test_parts_of_a_killed_snapshot_go_but_not_those_of_a_training_under_way(done):
    part = done / ".snapshot.safetensors.99.part"
    part.write_bytes(b"half")
    with (done / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert said(done) == f"another training is writing {done}. Wait for it, end it, or give another --out."
        assert said(done, seed=1).startswith(f"{done} holds a training run that was started differently")
        assert part.exists()
    train(done)
    assert not part.exists()


def test_curves_keep_their_history_when_the_write_is_cut_short(done, monkeypatch):
    lines = (done / "curves.csv").read_text().splitlines()
    assert len(lines) == 5

    def cut(file: Path, content: bytes) -> None:
        file.with_name(f".{file.name}.1.part").write_bytes(content[:9])
        raise KeyboardInterrupt

    monkeypatch.setattr(show, "write_atomic", cut)
    with pytest.raises(KeyboardInterrupt):
        Curves(done, 4).add(5, {"loss": 1.0})
    assert (done / "curves.csv").read_text().splitlines() == lines


@pytest.mark.parametrize("content", ["step,loss\n1,x\n", "loss\n0.1\n", "step,loss\n1,2,3\n"])
def test_damaged_curves_are_one_sentence(done, content):
    (done / "curves.csv").write_text(content)
    assert said(done).startswith(f"{done / 'curves.csv'} is damaged (")


@pytest.mark.parametrize("module", [snapshot, show])
def test_a_full_disk_is_one_sentence_and_costs_no_snapshot(tmp_path, monkeypatch, module):
    run = train(tmp_path / "run", log_every=1)
    before = (run / snapshot.SNAPSHOT).read_bytes()

    def full(file: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(file))

    (run / "model.safetensors").unlink()
    monkeypatch.setattr(loop.Loop, "_resume", lambda loop: None)  # so that there is something to write
    monkeypatch.setattr(module, "write_atomic", full)
    assert said(run, log_every=1) == (
        f"{run} cannot be written: No space left on device. Free the disk and type the same command again: "
        "it goes on from the last snapshot."
    )
    assert (run / snapshot.SNAPSHOT).read_bytes() == before


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    assert said(tmp_path / "file" / "run") == (
        f"{tmp_path / 'file' / 'run'} cannot be written: Not a directory. Give another --out."
    )


def test_a_key_in_an_option_reaches_no_file(tmp_path, monkeypatch):
    monkeypatch.setenv("LOGGER_API_KEY", "s3cr3t-0123456789")
    folder = tmp_path / "s3cr3t-0123456789"
    example = RECIPE.example(folder, 0)
    run = train(tmp_path / "run", points=example.points)
    train(run, points=example.points)
    for file in run.iterdir():
        assert b"s3cr3t" not in file.read_bytes(), file.name
    assert "--points" in (run / "README.md").read_text() and "[key]" in (run / "README.md").read_text()
