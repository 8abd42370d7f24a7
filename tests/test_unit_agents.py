"""The agents and their checkpoints: the contract, repeatability, and every way in which a checkpoint can be wrong."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch

from agents import gr00t, vla_unit
from agents.nets.checkpoint import CONFIG, WEIGHTS, Checkpoint, CheckpointError, load_checkpoint, rounded_weights
from agents.nets.embodiments import EMBODIMENTS, Scaling
from agents.unit.config import to_dict
from agents.unit.policy import Policy
from crossbody.contracts import check_contract
from crossbody.errors import CrossbodyError
from envs.chunked import check_chunk
from tasks import gr1
from tests.running import make_plan
from tests.unit_small import small

EPISODES = make_plan().episodes[:2]


def save(folder, **changes) -> Policy:
    """Write a policy with random weights and return it."""
    config = small(policy=changes).policy
    torch.manual_seed(0)
    policy = Policy(config).eval()
    rng = np.random.default_rng(0)
    chunks = rng.normal(size=(50, 16, 29)).astype(np.float32)
    scaling = Scaling.fit(EMBODIMENTS["gr1"], chunks[:, 0], chunks, np.ones((50, 16), bool))
    v = config.visual
    features = {
        f"{g}_{k}": np.full(n, i, np.float32)
        for g, n in (("coarse", v.width), ("fine", v.fine_width))
        for k, i in (("mean", 0), ("std", 1))
    }
    features |= {"position_mean": np.zeros((2, 3), np.float32), "position_std": np.ones((2, 3), np.float32)}
    Checkpoint("policy", to_dict(config), rounded_weights(policy), {"gr1": scaling}, features, {"seed": 0}).save(folder)
    return policy


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("policy") / "vla_unit"
    save(path)
    return path


@pytest.fixture(scope="module")
def agent(folder):
    return vla_unit.make(vla_unit.Options(folder))


@pytest.fixture(scope="module")
def seen():
    rng = np.random.default_rng(1)
    return {
        e.id: {
            **{c.name: rng.normal(size=c.shape).astype(np.float32) for c in gr1.STATE},
            gr1.EGO.name: rng.integers(0, 256, gr1.EGO.shape, dtype=np.uint8),
            gr1.LANGUAGE.name: "unlocked_waist: pick the can from the plate and place it in the pot",
        }
        for e in EPISODES
    }


def answers(agent, seen):
    agent.reset(EPISODES)
    return [agent.act(seen), agent.act(seen)]


def test_they_fit_the_robot_and_give_chunks_of_sixteen(agent, seen):
    check_contract(gr1.CONTRACT, agent.reads, agent.gives)
    chunk = check_chunk(answers(agent, seen)[0][EPISODES[0].id], gr1.ACTION, 16)
    assert {n: a.shape for n, a in chunk.items()} == {f"action.{p}": (16, n) for p, n in gr1.PARTS.items()}


def test_the_same_episode_gets_the_same_actions_alone_or_in_a_batch_and_after_a_reset(agent, seen):
    first, again = answers(agent, seen), answers(agent, seen)
    np.testing.assert_equal(first, again)
    agent.reset(EPISODES)
    for step in range(2):
        alone = [agent.act({e.id: seen[e.id]})[e.id] for e in EPISODES]
        np.testing.assert_equal(alone, [first[step][e.id] for e in EPISODES])


def test_every_chunk_draws_fresh_noise(agent, seen):
    first, second = answers(agent, seen)
    assert all((first[e.id]["action.waist"] != second[e.id]["action.waist"]).any() for e in EPISODES)


def test_without_noise_a_chunk_follows_from_what_is_seen_alone(folder, seen):
    first, second = answers(vla_unit.make(vla_unit.Options(folder, temperature=0.0)), seen)
    np.testing.assert_equal(first, second)


def test_a_blind_policy_does_not_see_the_picture(folder, agent, seen):
    blind = vla_unit.make(vla_unit.Options(folder, blind=True))
    changed = {e: s | {gr1.EGO.name: 255 - s[gr1.EGO.name]} for e, s in seen.items()}
    np.testing.assert_equal(answers(blind, seen), answers(blind, changed))
    with pytest.raises(AssertionError):
        np.testing.assert_equal(answers(agent, seen), answers(agent, changed))


def test_a_policy_that_is_saved_and_loaded_acts_the_same_to_the_last_bit(tmp_path, folder, agent, seen):
    stored = load_checkpoint(folder, "policy", "")
    stored.save(tmp_path / "copy")
    again = vla_unit.make(vla_unit.Options(tmp_path / "copy"))
    np.testing.assert_equal(answers(agent, seen), answers(again, seen))
    trained = save(tmp_path / "trained")
    assert all(torch.equal(v, again._infer._policy.state_dict()[k]) for k, v in trained.state_dict().items())


def test_a_damaged_foreign_or_future_checkpoint_is_one_clear_sentence(tmp_path, folder):
    def load(change) -> str:
        path = tmp_path / "c"
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(folder, path)
        change(path)
        with pytest.raises(CheckpointError) as caught:
            load_checkpoint(path, "policy", "Train one.")
        return str(caught.value).replace(str(path), "DIR")

    def edit(**changes):
        def change(path):
            (path / CONFIG).write_text(json.dumps(json.loads((path / CONFIG).read_text()) | changes))

        return change

    assert load(lambda p: (p / CONFIG).unlink()) == "there is no checkpoint in DIR (no config.json). Train one."
    assert (
        load(edit(format=3))
        == "DIR/config.json has format 3; this version reads formats 1 and 2. Update crossbody, or train again."
    )
    assert load(edit(kind="tokenizer")) == "DIR holds a tokenizer, not a policy."
    assert load(lambda p: (p / CONFIG).write_text("{")).startswith("DIR/config.json is damaged: it is not JSON (")
    assert load(lambda p: (p / CONFIG).write_text('{"model_type": "llama"}')) == (
        "DIR/config.json is not one of ours: it names no format. `uv run train` makes checkpoints that are."
    )
    assert load(lambda p: (p / WEIGHTS).write_bytes((p / WEIGHTS).read_bytes()[:-1])) == (
        "DIR/model.safetensors is damaged: its digest is not the one in config.json. Copy or train it again."
    )
    assert load(lambda p: (p / WEIGHTS).unlink()).startswith("DIR/model.safetensors cannot be read: ")
    assert load(edit(embodiments={"gr1": {}})).startswith("DIR/config.json is damaged: ")


def test_weights_that_do_not_fit_the_configuration_are_refused(folder):
    stored = load_checkpoint(folder, "policy", "")
    with pytest.raises(CheckpointError, match="does not fit its own configuration"):
        stored.restore(Policy(small(policy={"width": 64}).policy), folder)


def test_a_missing_checkpoint_says_what_to_type_and_the_wrong_kind_of_policy_is_refused(tmp_path, folder):
    with pytest.raises(CrossbodyError) as caught:
        gr00t.make(gr00t.Options(tmp_path))
    assert str(caught.value) == (
        f"there is no checkpoint in {tmp_path} (no config.json). Train one with `uv run train gr00t --data DIR --out "
        f"{tmp_path}`, or give --options.checkpoint DIR."
    )
    with pytest.raises(CrossbodyError, match="predicts codes, so it is no gr00t checkpoint"):
        gr00t.make(gr00t.Options(folder))


def test_scaling_there_and_back_gives_the_same_chunk():
    rng = np.random.default_rng(0)
    for body in EMBODIMENTS.values():
        state = rng.normal(size=(40, body.width)).astype(np.float32)
        chunk = rng.normal(size=(40, 16, body.width)).astype(np.float32)
        scaling = Scaling.fit(body, state, chunk, np.ones((40, 16), bool))
        np.testing.assert_allclose(scaling.unscale(scaling.action(chunk, state), state), chunk, atol=1e-5)
        again = Scaling.from_arrays(json.loads(json.dumps(vars(body))), scaling.to_arrays())
        np.testing.assert_equal(again.action(chunk, state), scaling.action(chunk, state))


def test_actions_stay_inside_the_range_of_the_data():
    body = EMBODIMENTS["gr1"]
    chunk = np.linspace(-1, 1, 16, dtype=np.float32)[None, :, None].repeat(29, 2)
    scaling = Scaling.fit(body, chunk[:, 0], chunk, np.ones((1, 16), bool))
    wild = scaling.unscale(np.full((1, 16, 29), 1e6, np.float32), chunk[:, 0])
    np.testing.assert_array_equal(wild, np.ones((1, 16, 29)))


def test_the_order_of_parts_does_not_matter_and_a_missing_one_is_named():
    body, rng = EMBODIMENTS["gr1"], np.random.default_rng(0)
    parts = {p: rng.normal(size=(5, n)) for p, n in body.parts.items()}
    np.testing.assert_array_equal(body.join(parts), body.join(dict(reversed(parts.items()))))
    del parts["waist"]
    with pytest.raises(CrossbodyError, match="gr1 needs waist of width 3; there is only right_arm, right_hand"):
        body.join(parts)


def test_of_the_state_only_the_camera_s_joints_are_in_the_view():
    body = EMBODIMENTS["gr1"]
    state = np.ones((1, 29), np.float32)
    scaling = Scaling.fit(body, state, np.ones((1, 16, 29), np.float32), np.ones((1, 16), bool))
    view = scaling.state(state, body.view)[0]
    assert np.flatnonzero(view).tolist() == [26, 27, 28, 55, 56, 57]
    assert view[[26, 55]] == pytest.approx([np.sin(1), np.cos(1)])
