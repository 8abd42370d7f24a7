"""The analyses: one command each, with numbers that can be checked by hand, and a figure."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from agents.nets.checkpoint import load_checkpoint
from agents.nets.embodiments import Scaling
from agents.unit.context import SmallContext
from agents.unit.policy import Policy
from reports.statistics import wilson
from tests.running import run
from tests.unit_synthetic import SquareChunks, train_on
from training.unit import analyse, policy_analyses, tokenizer_analyses


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


def test_a_tokenizer_is_looked_into_by_one_command_each(tmp_path, unit, sets, monkeypatch):
    names = ("codebook", "alignment", "denoising")
    monkeypatch.setattr(tokenizer_analyses, "open_chunks", lambda folder: [sets[int(folder.name)]])
    common = ["--data", "0", "2", "--tokenizer", str(unit), "--samples", "40", "--out", str(tmp_path)]
    for name in names:
        assert analyse.main([name, *common]) == 0
        assert (tmp_path / f"{name}.png").stat().st_size > 5000
    rows = {name: json.loads((tmp_path / f"{name}.json").read_text()) for name in names}
    assert [r["space"] for r in rows["alignment"]] == ["raw action", "vision", "action", "fusion"]
    assert {(r["body"], r["branch"]) for r in rows["codebook"]} == {
        (body, branch) for body in ("gr1", "human_egodex") for branch in ("vision", "action", "fusion")
    }
    assert all(r["agreement"] == 1 for r in rows["codebook"] if r["branch"] == "fusion")
    assert rows["denoising"][0]["noise itself"] == 0
    assert rows["denoising"][-1]["noise itself"] == pytest.approx(0.25, rel=0.2)


class Part(SquareChunks):
    """The first episodes of others."""

    def __init__(self, whole: SquareChunks, episodes: int):
        super().__init__(episodes)
        rows = len(self.last)
        self.where = whole.where[:rows]
        self.values = {name: value[:rows] for name, value in whole.values.items()}
        self._videos = whole.videos()[:episodes]

    def videos(self) -> list[str]:
        return self._videos


@pytest.fixture(scope="module")
def policies(tmp_path_factory, sets):
    """Two policies; the second knows other statistics, because it saw other data."""
    folder = tmp_path_factory.mktemp("p")
    known = {"all": sets, "some": [SquareChunks(2, seed=5)]}
    return [train_on("gr00t", s, out=folder / n, dry_run=True, threads=1, base_policy="none") for n, s in known.items()]


def imitation(folder, policies, more=()):
    command = ["imitation", "--data", "any", "--policies", *map(str, policies), "--out", str(folder), *more]
    assert analyse.main(command) == 0
    return json.loads((folder / "imitation.json").read_text())


@pytest.fixture
def fresh(monkeypatch):
    """Demonstrations that no policy was trained on."""
    sets = [SquareChunks(seed=9)]
    monkeypatch.setattr(policy_analyses, "open_chunks", lambda folder, share=1.0: sets)
    return sets[0]


def test_policies_are_compared_on_the_same_chunks(tmp_path, policies, fresh, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "200")
    first, other = imitation(tmp_path, policies)
    said = capsys.readouterr()
    assert said.err.count("not trained on --data") == 2
    assert f"{first['error']:.3g} [{first['low']:.3g}," in said.out and "…" not in said.out
    assert first["chunks"] == other["chunks"] == 30 and first["episodes"] == 3
    assert first["difference"] == first["difference_low"] == first["difference_high"] == 0
    assert other["difference"] == pytest.approx(other["error"] - first["error"], abs=1e-6)
    assert first["low"] <= first["error"] <= first["high"]
    assert (tmp_path / "imitation.png").stat().st_size > 5000


def test_whoever_repeats_the_expert_has_no_error(tmp_path, policies, fresh, monkeypatch):
    monkeypatch.setattr(Policy, "act", lambda self, seen, noise: seen["action"])
    for row in imitation(tmp_path, policies[:1]):
        assert row["error"] == pytest.approx(0, abs=0.01), "all but what lies outside the range that it was trained on"


def test_places_are_off_by_their_horizontal_distance(tmp_path, policies, fresh, monkeypatch):
    """3 cm and 4 cm to the sides and any height are 5 cm; the squares have no container."""
    find = SmallContext.forward

    def elsewhere(self, seen):
        off = torch.tensor([0.03, 0.04, 9.0]) / seen["positions_metres"]
        return find(self, seen)._replace(positions=seen["positions"] + off)

    monkeypatch.setattr(SmallContext, "forward", elsewhere)
    row = imitation(tmp_path, policies[:1])[0]
    assert row["object_cm"] == pytest.approx(5, abs=1e-3) and row["container_cm"] is None


def test_an_error_is_the_distance_in_standard_deviations(tmp_path, policies, fresh, monkeypatch):
    """Off by 0.1 everywhere: over the deviation of the one joint that moves,
    and over the least deviation of 28 others."""
    monkeypatch.setattr(Policy, "act", lambda self, seen, noise: seen["action"])
    unscale = Scaling.unscale
    monkeypatch.setattr(Scaling, "unscale", lambda *args: unscale(*args) + 0.1)
    source = fresh
    starts = np.flatnonzero((np.arange(120) - source.first) % 4 == 0)
    steps = starts[:, None] + np.arange(16)
    part = next(name for name, values in source.values.items() if name.startswith("action.") and values.std() > 0)
    joint = source.values[part][:, 0][steps[steps <= source.last[starts][:, None]]]
    expected = (0.1 / joint.std() + 28 * 0.1 / policy_analyses.LEAST_STD) / 29
    assert imitation(tmp_path, policies[:1])[0]["error"] == pytest.approx(expected, rel=1e-3)


def test_no_policy_is_asked_for_what_one_of_them_was_trained_on(tmp_path, policies, monkeypatch, capsys):
    """Of 45 episodes the first keeps the 20th and the 40th out; the second was trained on the first 21 but for the
    20th."""
    whole = SquareChunks(45)
    parts = {share: Part(whole, count) for share, count in {1.0: 45, 0.45: 21, 0.05: 3}.items()}
    monkeypatch.setattr(policy_analyses, "open_chunks", lambda folder, share=1.0: [parts[share]])
    made = {share: tmp_path / str(share) for share in parts}
    stored = load_checkpoint(policies[0], "policy", "")
    for share, folder in made.items():
        data = [{"embodiment": "gr1", "actions": True, "fingerprint": parts[share].fingerprint()}]
        options = stored.training["options"] | {"episodes": [str(share)]}
        replace(stored, training=stored.training | {"options": options, "data": data}).save(folder)
    both = imitation(tmp_path, [made[1.0], made[0.45]])
    assert [row["episodes"] for row in both] == [2, 2] and not capsys.readouterr().err
    assert [row["episodes"] for row in imitation(tmp_path, [made[0.45]])] == [25], "the 20th and 24 that it never had"
    assert [row["episodes"] for row in imitation(tmp_path, [made[0.05]])] == [42], "of three none is kept out"


def test_demonstrations_that_were_all_trained_on_are_refused(tmp_path, policies, sets, monkeypatch, capsys):
    monkeypatch.setattr(policy_analyses, "open_chunks", lambda folder, share=1.0: sets)
    command = ["imitation", "--data", "any", "--policies", str(policies[0]), "--out", str(tmp_path)]
    assert analyse.main(command) == 2
    assert "trained on all demonstrations of --data: collect others" in capsys.readouterr().err


def test_a_policy_of_another_body_and_no_policy_are_refused(tmp_path, policies, fresh, capsys):
    assert analyse.main(["imitation", "--data", "any"]) == 2
    assert "which policies?" in capsys.readouterr().err
    command = ["imitation", "--data", "any", "--policies", str(policies[1]), "--embodiment", "human_egodex"]
    assert analyse.main([*command, "--out", str(tmp_path)]) == 2
    assert "never saw human_egodex, only gr1" in capsys.readouterr().err


def trained_on(folder, robot, human=0):
    """Change a run's manifest as if its agent had been trained on so many demonstrations."""
    file = folder / "manifest.json"
    manifest = json.loads(file.read_text())
    data = [{"embodiment": "gr1", "actions": True, "episodes": robot}]
    data += [{"embodiment": "gr1", "actions": False, "episodes": 99}]
    data += [{"embodiment": "human_egodex", "actions": True, "episodes": human}] if human else []
    file.write_text(json.dumps(manifest | {"agent_card": {"training": {"data": data}}}))


def test_success_stands_over_the_number_of_demonstrations(tmp_path, capsys):
    runs = [tmp_path / name for name in ("all", "tenth", "both", "scripted")]
    for folder in runs:
        run(folder)
    for folder, demonstrations in zip(runs, ((1200, 0), (120, 0), (1200, 624)), strict=False):
        trained_on(folder, *demonstrations)
    command = ["efficiency", "--out", str(tmp_path), "--runs"]
    assert analyse.main([*command, *map(str, runs[:3])]) == 0
    rows = json.loads((tmp_path / "efficiency.json").read_text())
    assert [(r["policy"], r["demonstrations"], r["n"]) for r in rows] == [
        ("bernoulli", 120, 6),
        ("bernoulli", 1200, 6),
        ("bernoulli + human_egodex", 1200, 6),
    ]
    kept = sum(json.loads(line)["success"] for line in (runs[1] / "episodes.jsonl").read_text().splitlines())
    assert rows[0]["success"] == pytest.approx(kept / 6)
    assert (rows[0]["low"], rows[0]["high"]) == pytest.approx(wilson(kept, 6), abs=0.1)
    assert analyse.main([*command, str(runs[3])]) == 2
    assert "does not say what its agent was trained on" in capsys.readouterr().err
