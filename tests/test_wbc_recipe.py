"""`train wbc`: what it writes is what the agent loads; it resumes exactly on the real robot,
and says what it refuses."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from agents import humanoid_tracker
from crossbody.errors import ContractMismatch
from envs.humanoid.episode import contract
from evaluators.loop.acting import fit
from tasks.suite import load_protocol
from tests.humanoid_backends import standin_on_path, worker_python
from training import running
from training.recipes.wbc import RECIPE, WbcOptions, load_size
from training.show import Curves
from training.train import main


def train(options: WbcOptions) -> Path:
    return running.train("wbc", RECIPE, options)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A checkpoint of two short iterations."""
    return train(WbcOptions(dry_run=True, kinds=("stand",), threads=1, out=tmp_path_factory.mktemp("wbc") / "c"))


def small(folder, iterations: int, **changes) -> WbcOptions:
    return WbcOptions(
        dry_run=True,
        kinds=("stand", "wave"),
        threads=1,
        out=folder,
        iterations=iterations,
        save_every=1,
        log_every=1,
        **changes,
    )


@pytest.mark.sim
def test_what_is_written_is_what_the_agent_loads(folder):
    assert {f.name for f in folder.iterdir()} >= {
        "config.json",
        "model.safetensors",
        "README.md",
        "curves.csv",
        "curves.png",
        "snapshot.safetensors",
        "recipe.json",
    }
    agent = humanoid_tracker.make(humanoid_tracker.Options(folder))
    offer = contract("g1_23")
    fit(agent, offer, load_protocol("tracking").chunk)
    rng = np.random.default_rng(0)
    seen = {c.name: rng.normal(size=c.shape).astype(np.float32) for c in agent.reads}
    both = {"a/0": seen, "b/0": {k: v + 1 for k, v in seen.items()}}
    targets = agent.act({"a/0": seen})["a/0"]["action.joints"]
    assert targets.shape == (1, 23)
    # Untrained, it plays the reference back and adds next to nothing.
    assert np.abs(targets[0] - seen["reference.joints"]).max() < 0.2
    np.testing.assert_array_equal(agent.act(both)["a/0"]["action.joints"], targets)
    with pytest.raises(ContractMismatch, match="tracking.joint_position: the agent reads shape"):
        fit(humanoid_tracker.make(humanoid_tracker.Options(folder)), contract("g1_29"), 1)
    with pytest.raises(ContractMismatch, match="use --protocol tracking"):
        fit(agent, offer, 16)


@pytest.mark.sim
def test_the_card_has_the_command_and_what_was_measured_while_training(folder):
    card = (folder / "README.md").read_text()
    assert "uv run train wbc --seed 0 --threads 1 --dry-run --size tiny --backend mujoco --kinds stand\n" in card
    assert "| error_mm_stand |" in card and "Not evaluated yet." in card and "nan" not in card
    made = json.loads((folder / "config.json").read_text())
    assert made["training"]["samples"] == 2 * 4 * 8
    assert made["config"]["terms"]["goal_joints"] == 3 * 23
    assert made["config"]["robot"] == "g1_23"


@pytest.mark.sim
def test_a_resumed_training_of_the_robot_has_the_same_weights(tmp_path, monkeypatch):
    monkeypatch.setattr(Curves, "draw", lambda curves: None)
    whole = train(small(tmp_path / "whole", 3))
    stopped = tmp_path / "stopped"
    saved: list[int] = []

    def stop(*_: object) -> None:
        saved.append(1)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("training.recipes.wbc.write_card", stop)
        train(small(stopped, 3))
    assert saved == [1]
    train(small(stopped, 3))
    weights = [(f / "model.safetensors").read_bytes() for f in (whole, stopped)]
    assert weights[0] == weights[1]


def elsewhere(out, backend: str, *words: str) -> dict:
    """Train for two short iterations on another backend by the command, and return the checkpoint's record."""
    told = ["wbc", "--backend", backend, "--dry-run", "--kinds", "stand", "--iterations", "2", "--log-every", "1"]
    assert main([*told, *words, "--out", str(out)]) == 0
    humanoid_tracker.make(humanoid_tracker.Options(out))
    return json.loads((out / "config.json").read_text())["training"]


@pytest.mark.sim
def test_the_same_recipe_trains_on_isaac_gym_s_calls(tmp_path, monkeypatch, capsys):
    """In a worker: the stand-in for the package, under Python 3.8 where CROSSBODY_ISAACGYM_PYTHON names one,
    else under this one."""
    monkeypatch.setattr(Curves, "draw", lambda curves: None)
    monkeypatch.setenv("CROSSBODY_ISAACGYM_PYTHON", worker_python())
    with standin_on_path():
        made = elsewhere(tmp_path / "c", "isaacgym", "--device", "cpu")
    assert made["options"]["backend"] == "isaacgym" and made["samples"] == 2 * 4 * 8
    # The untrained policy plays the reference back; in eight steps a robot that stands is not lost.
    assert 0 < made["last"]["error_mm"] < 60 and made["last"]["lost_per_s_stand"] == 0


@pytest.mark.sim
@pytest.mark.slow
@pytest.mark.skipif(
    not importlib.util.find_spec("mujoco.mjx"), reason="mujoco-mjx and jax are absent: `uv sync --extra mjx`"
)
def test_the_same_recipe_trains_on_mjx_with_two_robots(tmp_path, monkeypatch):
    monkeypatch.setattr(Curves, "draw", lambda curves: None)
    made = elsewhere(tmp_path / "c", "mjx", "--environments", "2")
    assert made["options"]["backend"] == "mjx" and made["samples"] == 2 * 4 * 2
    assert 0 < made["last"]["error_mm"] < 60


def test_a_device_is_for_isaac_gym_only(tmp_path, capsys):
    assert main(["wbc", "--dry-run", "--device", "cuda:1", "--out", str(tmp_path / "c")]) == 2
    assert "--device cuda:1: it is for --backend isaacgym; mujoco simulates on the CPU" in capsys.readouterr().err


def test_solver_rounds_are_for_mjx_only(tmp_path, capsys):
    assert main(["wbc", "--dry-run", "--solver-rounds", "5", "8", "--out", str(tmp_path / "c")]) == 2
    assert "--solver-rounds: it is for --backend mjx; this run has mujoco" in capsys.readouterr().err


@pytest.mark.sim
def test_a_folder_of_another_run_is_refused_with_what_differs(folder, capsys):
    assert main(["wbc", "--dry-run", "--kinds", "wave", "--threads", "1", "--out", str(folder)]) == 2
    said = capsys.readouterr().err
    assert "holds a training run that was started differently" in said and "kinds[0]: was stand, is wave" in said


@pytest.mark.sim
def test_a_warm_start_begins_with_the_weights_of_another(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(Curves, "draw", lambda curves: None)
    seen = {}

    def look(learner, saved):
        seen.update({k: v.clone() for k, v in learner.actor.state_dict().items()})
        return {}

    monkeypatch.setattr("training.wbc.learning.Learner.run", look)
    train(small(tmp_path, 1, warm_start=folder))
    agent = humanoid_tracker.make(humanoid_tracker.Options(folder))
    for name, value in agent._actor.state_dict().items():
        assert torch.equal(value, seen[name]), name


def test_the_plan_counts_and_allocates_nothing(capsys):
    assert main(["wbc", "--plan"]) == 0
    said = capsys.readouterr().out
    assert "24.6 M" in said and "g1_23" in said and "Time:" in said
    assert main(["wbc", "--plan", "--size", "base", "--backend", "mjx"]) == 0
    assert "not timed on this backend" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--size", "huge"], "unknown size 'huge'. Known: base, tiny."),
        (["--kinds", "jump"], "unknown kind of motion to train on 'jump'"),
    ],
)
def test_what_there_is_not_is_said_with_what_there_is(words, said, capsys):
    assert main(["wbc", "--plan", *words]) == 2
    assert said in capsys.readouterr().err


def test_options_change_the_size_they_name():
    size = load_size(WbcOptions(robot="g1_29", environments=7, iterations=9, learning_rate=1.0, minibatches=12))
    assert (size["world"]["robot"], size["world"]["environments"]) == ("g1_29", 7)
    assert (size["learning"]["iterations"], size["ppo"]["learning_rate"]) == (9, 1.0)
    assert (size["ppo"]["minibatches"], load_size(WbcOptions())["ppo"]["minibatches"]) == (12, 4)
    assert load_size(WbcOptions())["world"]["environments"] == 256
    # What is told goes before what a dry run would take.
    dry = load_size(WbcOptions(dry_run=True, iterations=9))
    assert (dry["learning"]["iterations"], dry["world"]["environments"]) == (9, 8)
