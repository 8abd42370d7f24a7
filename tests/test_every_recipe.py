"""Contract tests over every recipe in the catalog: its own smallest example is run, killed,
gone on with and refused."""

from __future__ import annotations

import dataclasses
import shutil
import types
import typing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from crossbody import catalog
from crossbody.errors import CrossbodyError
from training import identity, running, snapshot
from training.recipe import Options, Recipe, Run
from training.show import Curves

RECIPES = sorted(catalog.entries("recipes"))
TIMES = {"minutes"}  # the columns of curves that no two runs share


@pytest.fixture(scope="module", autouse=True)
def quick(tmp_path_factory):
    """One thread, a cache of one's own, and no pictures of curves."""
    threads = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CROSSBODY_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(Curves, "draw", lambda curves: None)
        yield
    torch.set_num_threads(threads)


class Case:
    """A recipe, its example, and the folder of the example's run, which is made on first use."""

    def __init__(self, name: str, place: Path, **changes: Any):
        """``changes``: of the recipe, for planted faults."""
        self.name, self.place = name, place
        self.recipe: Recipe = dataclasses.replace(catalog.resolve("recipes", name), **changes)
        self.example: Options = dataclasses.replace(self.recipe.example(place / "data", 0), threads=1)
        self._whole: Path | None = None

    def train(self, out: Path, **changes: Any) -> Path:
        return running.train(self.name, self.recipe, dataclasses.replace(self.example, out=out, **changes))

    @property
    def whole(self) -> Path:
        if self._whole is None:
            self._whole = self.train(self.place / "whole")
        return self._whole


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    return {}


@pytest.fixture(params=RECIPES)
def case(request, cases, tmp_path_factory) -> Case:
    name = request.param
    if name not in cases:
        cases[name] = Case(name, tmp_path_factory.mktemp(name))
    return cases[name]


def test_it_is_listed_with_a_line_and_its_options_are_explained(case):
    entry = catalog.find("recipes", case.name)
    assert entry.summary, "the first line of the file's docstring says what the recipe is for"
    assert issubclass(case.recipe.options, Options) and case.recipe.options.__doc__
    for field in dataclasses.fields(case.recipe.options):
        assert field.default is not dataclasses.MISSING, f"--{field.name} has no default"
    assert case.recipe.free <= {f.name for f in dataclasses.fields(case.recipe.options)}


def test_it_plans(case):
    assert case.name in case.recipe.plan(case.recipe.options())


def test_it_trains_and_leaves_a_checkpoint_a_card_with_the_command_and_curves(case):
    card = (case.whole / "README.md").read_text()
    assert f"uv run train {case.name} " in card
    assert (case.whole / "model.safetensors").exists() and (case.whole / "curves.csv").exists()
    assert not list(case.whole.rglob("*.part"))


def test_a_dry_run_needs_nothing_else_and_stands_apart(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = dataclasses.replace(case.example, dry_run=True, out=None)
    folder = running.train(case.name, case.recipe, told)
    assert folder.parent == Path("runs/train") and folder.name.endswith("-dry")
    assert (folder / "model.safetensors").exists()


class Killed(BaseException):
    """What happens right after the first snapshot."""


def killed(case: Case, folder: Path) -> None:
    """Train until the first snapshot is on the disk, and leave a part of the next."""
    write = snapshot.write

    def last(*args: Any) -> None:
        write(*args)
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(snapshot, "write", last)
        with pytest.raises(Killed):
            case.train(folder)
    (folder / f".{snapshot.SNAPSHOT}.1.part").write_bytes(b"half")


def unlike(one: Path, other: Path) -> list[str]:
    """Return which files of two runs differ in a tensor or a curve."""
    wrong = []
    for file in sorted({f.name for f in (*one.glob("*.safetensors"), *other.glob("*.safetensors"))}):
        first, second = (load_file(f / file) if (f / file).exists() else {} for f in (one, other))
        same = first.keys() == second.keys() and all(np.array_equal(first[k], second[k], True) for k in first)
        wrong += [] if same else [file]
    return wrong + (["curves.csv"] if curves(one) != curves(other) else [])


def curves(folder: Path) -> list[dict[str, str]]:
    return [{k: v for k, v in row.items() if k not in TIMES} for row in Curves(folder, 10**9)._rows]


def test_a_run_that_is_killed_at_a_snapshot_goes_on_to_the_last_bit(case, tmp_path):
    killed(case, tmp_path / "cut")
    assert unlike(case.whole, tmp_path / "cut"), "the first snapshot is not the last"
    case.train(tmp_path / "cut")
    assert unlike(case.whole, tmp_path / "cut") == []
    assert not list((tmp_path / "cut").glob(".*.part")), "what a killed process left half written is gone"


def other(value: Any, kind: Any) -> Any:
    """Return another value of an option's type."""
    members = typing.get_args(kind) if typing.get_origin(kind) in (types.UnionType, typing.Union) else (kind,)
    if typing.get_origin(kind) is typing.Literal:
        return next(v for v in typing.get_args(kind) if v != value)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value * 2 + 1
    if isinstance(value, tuple):
        inner = typing.get_args(kind)[0]
        return (*value, other(inner(), inner)) if inner in (int, float) else (*value, inner("another"))
    plain = next(m for m in members if m is not type(None))
    if typing.get_origin(plain) is typing.Literal:
        return typing.get_args(plain)[0]
    if typing.get_origin(plain) is tuple:
        return tuple(other(None, m) for m in typing.get_args(plain) if m is not Ellipsis)
    return {int: 3, float: 0.5, str: "base" if value == "tiny" else "another", Path: Path("another")}[plain]


def accepted(case: Case, free: frozenset[str]) -> list[str]:
    """Return the options that may change in the folder of a finished run, though they ought not to be free:
    there must be none."""
    types_of = typing.get_type_hints(case.recipe.options)
    found = []
    for field in dataclasses.fields(case.recipe.options):
        if field.name in free:
            continue
        changed = {field.name: other(getattr(case.example, field.name), types_of[field.name])}
        try:
            refused(case, **changed)
        except CrossbodyError as error:
            said = "started differently" in str(error) and field.name in str(error)
            named = isinstance(changed[field.name], str)  # a name that is none may be refused as such
            assert said or named, f"{field.name}: {error}"
        else:
            found.append(field.name)
    return found


def refused(case: Case, **changed: Any) -> None:
    """Raise what `train` raises before it opens any data."""
    told = dataclasses.replace(case.example, out=case.whole, **changed)
    run = Run(case.name, case.whole, told, case.recipe.resolve(told))
    identity.refuse_other(run, identity.identity(run, case.recipe.free), None)


def test_a_finished_run_refuses_every_other_option_that_is_not_free(case):
    before = {f: f.read_bytes() for f in case.whole.iterdir()}
    assert accepted(case, case.recipe.free) == []
    refused(case)  # the same options are none of another training
    assert before == {f: f.read_bytes() for f in case.whole.iterdir()}


def test_other_data_under_the_same_name_are_refused(case, tmp_path):
    paths = [
        f.name
        for f in dataclasses.fields(case.recipe.options)
        if f.name != "out" and isinstance(np.atleast_1d(np.array(getattr(case.example, f.name), object))[0], Path)
    ]
    more = case.recipe.example(tmp_path / "data", 1) if paths else None
    for name in paths:
        with pytest.raises(CrossbodyError, match=rf"started differently:\n  {name}"):
            case.train(case.whole, **{name: getattr(more, name)})


def test_the_same_command_leaves_a_finished_run_as_it_is(case, tmp_path):
    shutil.copytree(case.whole, tmp_path / "copy")
    case.train(tmp_path / "copy")
    assert unlike(case.whole, tmp_path / "copy") == []
    assert (tmp_path / "copy" / "README.md").read_bytes() == (case.whole / "README.md").read_bytes()


def test_an_option_that_is_free_without_a_reason_would_be_found(tmp_path):
    free = catalog.resolve("recipes", "base_policy").free
    careless = Case("base_policy", tmp_path, free=free | {"learning_rate", "state_noise"})
    assert accepted(careless, free) == ["learning_rate", "state_noise"]


def test_a_resume_that_forgets_the_optimiser_would_be_found(tmp_path):
    case = Case("base_policy", tmp_path)
    killed(case, tmp_path / "cut")
    stored = snapshot.read(tmp_path / "cut")
    assert stored
    snapshot.write(tmp_path / "cut", {k: v for k, v in stored.tensors.items() if "optimizer" not in k}, stored.facts)
    case.train(tmp_path / "cut")
    assert "model.safetensors" in unlike(case.whole, tmp_path / "cut")
