"""The canonical scenes that ship: whole, exact on their grid, chosen by number, part of the protocol's hash."""

from __future__ import annotations

import numpy as np
import pytest

from crossbody.errors import CrossbodyError
from crossbody.seeds import episode_seed
from envs.robocasa import canonical
from envs.robocasa.state import SceneMismatch, State
from evaluators.commands import evaluate
from evaluators.loop.scenes import sentence
from tasks.suite import canonical_scenes, load_suite

SUITES = ("robocasa_gr1", "robocasa_ood")
TASKS = [t.name for suite in SUITES for t in load_suite(suite).tasks]
NUMBER = canonical_scenes("robocasa_gr1")
TASK = "PosttrainPnPNovelFromPlateToBowlSplitA"


def plan(*options: str, suite: str = "robocasa_gr1"):
    return evaluate.parse(["--agent", "hold", "--suite", suite, *options])[0]


@pytest.mark.parametrize("task", TASKS)
def test_every_task_has_its_scenes_and_they_are_those_of_seed_0(task):
    found = canonical.starts(task)
    assert len(found) == NUMBER
    assert [s.seed for s in found] == [episode_seed(0, task, i) for i in range(NUMBER)]
    assert len({s.model for s in found}) > 1 or NUMBER == 1
    for s in found:
        assert np.array_equal(s.qpos, canonical.on_grid(s.qpos, canonical.POSITION)) and np.isfinite(s.qpos).all()
        assert np.array_equal(s.qvel, canonical.on_grid(s.qvel, canonical.SPEED)) and np.abs(s.qvel).max() < 50


def test_both_suites_have_the_same_number_and_the_index_names_no_other_task():
    assert canonical_scenes("robocasa_ood") == NUMBER > 0 == canonical_scenes("fake")
    assert set(canonical.read_index()["tasks"]) == set(TASKS)


def test_a_file_keeps_every_bit(tmp_path):
    draw = np.random.default_rng(0)
    made = [
        canonical.Start(
            int(draw.integers(2**32)),
            f"{draw.integers(2**63):016x}",
            canonical.on_grid(draw.normal(0, 3, n), canonical.POSITION),
            canonical.on_grid(draw.normal(0, 9, n - 6), canonical.SPEED),
        )
        for n in (60, 94, 81)
    ]
    read = canonical.decode(canonical.encode(made))
    for a, b in zip(made, read, strict=True):
        assert (a.seed, a.model) == (b.seed, b.model)
        assert np.array_equal(a.qpos, b.qpos) and np.array_equal(a.qvel, b.qvel)
    with pytest.raises(SceneMismatch, match="beyond what the format holds"):
        canonical.encode([made[0]._replace(qvel=np.array([1e6]))])


def test_a_damaged_file_and_an_absent_folder_are_named(tmp_path):
    made = canonical.starts(TASK)[:2]
    canonical.write(tmp_path, TASK, made, {"assets": {"name": "generated", "sha256": "0"}})
    assert len(canonical.starts(TASK, tmp_path)) == 2
    with pytest.raises(SceneMismatch, match="there are no canonical scenes of Other. Give --scenes fresh"):
        canonical.starts("Other", tmp_path)
    canonical.starts.cache_clear()
    file = tmp_path / f"{TASK}.npz"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(SceneMismatch, match=f"{TASK}.npz is damaged: its digest is not the one in index.json"):
        canonical.starts(TASK, tmp_path)
    with pytest.raises(SceneMismatch, match="there are no canonical scenes in .*nowhere. Give --scenes fresh"):
        canonical.read_index(tmp_path / "nowhere")
    with pytest.raises(SceneMismatch, match="made with asset pack generated .*, this is ffff. Give --scenes fresh"):
        canonical.check_pack("ffff")


def test_seed_0_means_canonical_scenes_and_any_other_fresh_ones_unless_told():
    def kinds(*options: str, **more: str) -> set[str]:
        return {e.task.options.get("scenes", "fresh") for e in plan(*options, **more).episodes}

    assert kinds() == kinds("--seed", "7", "--scenes", "canonical") == {"canonical"}
    assert kinds("--seed", "7") == kinds("--scenes", "fresh") == kinds("--assets", "official") == {"fresh"}
    assert kinds(suite="fake") == {"fresh"}
    with pytest.raises(
        CrossbodyError, match="--scenes canonical: suite fake has none. Give --scenes fresh, or the folder"
    ):
        plan("--scenes", "canonical", suite="fake")
    with pytest.raises(CrossbodyError, match="--scenes canonical: there are none of the official assets"):
        plan("--scenes", "canonical", "--assets", "official")


def test_the_command_says_which_scenes_it_meets():
    def said(*options: str, **more: str) -> str:
        p = plan(*options, **more)
        return sentence(p.suite, p.protocol, p.seed, p.scenes)

    one = f"scenes canonical, {NUMBER} per task"
    assert said("--episodes", "1") == f"{one}; the seed fixes only what agents draw"
    more = f"{one}; beyond them fresh ones of seed 0; the seed fixes only what agents draw"
    assert said("--episodes", str(NUMBER + 1)) == more
    assert said("--seed", "3") == "scenes fresh, drawn from seed 3" and said(suite="fake") == ""


@pytest.mark.sim
def test_the_environment_begins_in_the_shipped_state_and_beyond_the_last_draws_from_the_seed(pack):
    from envs.robocasa.env import RoboCasaGR1

    env, fresh = RoboCasaGR1(TASK, scenes="canonical"), RoboCasaGR1(TASK)
    try:
        scene = env.reset(seed=99, options={"index": 1, "observe": ()})[1]["scene"]
        start, state = canonical.starts(TASK)[1], State.read(env.simulator.data)
        assert (scene["seed"], scene["model"]) == (start.seed, start.model)
        assert np.array_equal(state.qpos, start.qpos) and np.array_equal(state.qvel, start.qvel)
        assert state.time == 0 and not state.ctrl.any() and not state.warmstart.any()
        assert env.reset(options={"scene": scene, "observe": ()})[1]["scene"] == scene
        drawn = fresh.reset(seed=start.seed, options={"observe": ()})[1]["scene"]
        assert [o["model"] for o in drawn["objects"]] == [o["model"] for o in scene["objects"]]
        assert np.abs(np.array(drawn["qpos"]) - start.qpos).max() < 1e-3
        beyond = env.reset(seed=5, options={"index": NUMBER, "observe": ()})[1]["scene"]
        assert beyond == fresh.reset(seed=5, options={"observe": ()})[1]["scene"]
        assert {k: v for k, v in env.fingerprint().items() if k != "scenes"} == fresh.fingerprint()
        assert env.fingerprint()["scenes"].startswith("canonical 1 ")
        with pytest.raises(SceneMismatch, match="chosen by number: give reset options={'index': k} with k from 0"):
            env.reset(seed=1)
        with pytest.raises(
            SceneMismatch, match=rf"a canonical scene of {TASK} \(seed {start.seed}\) has another model here"
        ):
            env.restore(start._replace(model="f" * 16))
        with pytest.raises(CrossbodyError, match="unknown kind of scenes 'canonicle'. Did you mean 'canonical'"):
            RoboCasaGR1(TASK, scenes="canonicle")
    finally:
        env.close(), fresh.close()
