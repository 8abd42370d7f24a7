"""Contracts, catalog, seeds, suites, protocols and run folders."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossbody import catalog, runs
from crossbody.contracts import Channel, Contract, EpisodeRow, check_contract
from crossbody.errors import ContractMismatch, CrossbodyError, RunFolderError, UnknownName
from crossbody.seeds import episode_seed, generator
from tasks.suite import load_protocol, load_suite, parse_suite, queue, select, shard

ARM = Channel("action.left_arm", (7,), "float32", "rad", "absolute_position")
HAND = Channel("action.left_hand", (6,), "float32", "rad", "absolute_position")
STATE = Channel("state.left_arm", (7,), "float32", "rad", "joint_position")


def test_every_difference_between_agent_and_environment_is_listed():
    offers = Contract((STATE,), (ARM, HAND))
    reads = (dataclasses.replace(STATE, unit="deg"), Channel("video.wrist", (1,), "uint8", "intensity", "rgb_hwc"))
    gives = (dataclasses.replace(ARM, shape=(8,), convention="delta_position"),)
    with pytest.raises(ContractMismatch) as error:
        check_contract(offers, reads, gives)
    assert str(error.value).splitlines() == [
        "agent and environment do not fit:",
        "  state.left_arm: the agent reads unit deg, the environment has rad",
        "  the agent reads video.wrist, which the environment does not have (it has: state.left_arm)",
        "  action.left_arm: the agent gives shape (8,), the environment has (7,)",
        "  action.left_arm: the agent gives convention delta_position, the environment has absolute_position",
        "  the environment needs action channel action.left_hand, which the agent does not give",
    ]


def test_equal_contracts_pass():
    check_contract(Contract((STATE,), (ARM,)), (), (ARM,))


def test_an_unknown_name_gets_the_nearest_and_the_list():
    with pytest.raises(
        UnknownName,
        match=r"unknown protocol 'unti'. Did you mean 'unit'\? Known: " + ", ".join(catalog.entries("protocols")),
    ):
        catalog.find("protocols", "unti")


def test_two_of_one_name_raise(monkeypatch):
    catalog.entries.cache_clear()
    twin = catalog.Entry("quick", "elsewhere:QUICK", "")
    monkeypatch.setattr(catalog, "_toml_entries", lambda where: [twin, twin])
    with pytest.raises(CrossbodyError, match="two protocols are called 'quick': elsewhere:QUICK and elsewhere:QUICK"):
        catalog.entries("protocols")
    catalog.entries.cache_clear()


def test_the_suites_have_the_published_numbers_of_tasks():
    in_domain, ood = load_suite("robocasa_gr1").tasks, load_suite("robocasa_ood").tasks
    count = lambda tasks, **want: sum(all(getattr(t, k) == v for k, v in want.items()) for t in tasks)  # noqa: E731
    assert (len(in_domain), count(in_domain, family="articulated"), count(in_domain, family="pick_and_place")) == (
        24,
        6,
        18,
    )
    assert len(ood) == 73
    assert count(ood, split="unseen_appearance") == 18
    assert (
        count(ood, split="unseen_combinations", family="pick_and_place"),
        count(ood, split="unseen_combinations", family="articulated"),
    ) == (14, 9)
    assert count(ood, split="unseen_object_types") == 32


def test_every_unseen_appearance_task_has_its_in_domain_twin():
    in_domain = {t.name for t in load_suite("robocasa_gr1").tasks}
    pairs = [t.pair for t in load_suite("robocasa_ood").tasks if t.split == "unseen_appearance"]
    assert len(set(pairs)) == 18 and set(pairs) <= in_domain


def test_a_task_that_is_listed_twice_is_refused():
    group = {"env": "x", "family": "f", "split": "s", "tasks": ["A", "A"]}
    with pytest.raises(CrossbodyError, match="suite 'twice' lists tasks twice: A"):
        parse_suite("twice", {"title": "", "source": "", "groups": [group]})


def test_published_protocols_differ_where_the_papers_differ():
    assert (load_protocol("unit").chunk, load_protocol("groot_n16").chunk, load_protocol("starvla").chunk) == (
        16,
        8,
        12,
    )
    assert load_protocol("groot_n16").success_rule == "any_step" and load_protocol("unit").success_rule == "chunk_end"
    assert {load_protocol(p).max_steps for p in ("unit", "groot_n15", "groot_n16", "starvla", "quick")} == {720}


@pytest.mark.parametrize(
    "change", [{"chunk": 8}, {"max_steps": 300}, {"success_rule": "any_step"}, {"early_stop": True}]
)
def test_whatever_can_move_a_number_moves_the_hash(change):
    assert load_protocol("unit", **change).hash({}) != load_protocol("unit").hash({})


def test_the_hash_covers_the_environment_but_not_the_number_of_episodes():
    unit = load_protocol("unit")
    assert unit.hash({"look": "fast"}) != unit.hash({"look": "faithful"})
    assert load_protocol("unit", episodes_per_task=3).hash({}) == unit.hash({}) == load_protocol("groot_n15").hash({})


def test_impossible_protocols_are_refused():
    with pytest.raises(CrossbodyError, match="protocol 'unit': chunk is 0; it must be at least 1"):
        load_protocol("unit", chunk=0)
    with pytest.raises(CrossbodyError, match="early_stop ends an episode before its final step"):
        load_protocol("quick", success_rule="final")
    with pytest.raises(UnknownName, match="unknown success rule 'any'. Did you mean 'any_step'"):
        load_protocol("quick", success_rule="any")


def test_a_cut_queue_covers_all_tasks_before_it_repeats_one():
    episodes = queue(load_suite("robocasa_gr1"), load_protocol("unit"), seed=0)
    assert len(episodes) == 24 * 50
    assert len({e.task.name for e in episodes[:24]}) == 24


def test_task_globs_pick_tasks_and_an_empty_pick_is_an_error():
    suite = load_suite("robocasa_gr1")
    assert len(select(suite, "PnP*Close")) == 6
    assert len(select(suite, "PnPCup*, *PlateToBowl*")) == 2
    with pytest.raises(UnknownName, match="unknown task 'PnPCupToDrawerClos'. Did you mean 'PnPCupToDrawerClose'"):
        select(suite, "PnPCupToDrawerClos")


@given(st.integers(1, 9))
def test_shards_are_disjoint_and_together_complete(n):
    episodes = queue(load_suite("robocasa_ood"), load_protocol("quick"), seed=0)
    parts = [shard(episodes, f"{k}/{n}") for k in range(1, n + 1)]
    assert sorted(e.id for part in parts for e in part) == sorted(e.id for e in episodes)


@pytest.mark.parametrize("text", ["0/4", "5/4", "1", "a/b"])
def test_a_bad_shard_is_explained(text):
    with pytest.raises(CrossbodyError, match="--shard"):
        shard((), text)


def test_episode_seeds_depend_on_run_task_and_index_only():
    seeds = {episode_seed(run, task, i) for run in range(3) for task in ("a", "b") for i in range(50)}
    assert len(seeds) == 300
    assert episode_seed(0, "PnPCupToDrawerClose", 0) == 3438883267, (
        "a changed seed is another set of episodes: bump the version"
    )


def test_generators_of_two_purposes_are_independent():
    a, b = generator(1, "actions").random(4), generator(1, "noise").random(4)
    assert not np.allclose(a, b)
    assert np.array_equal(a, generator(1, "actions").random(4))


def row(**changes) -> EpisodeRow:
    fields = dict(
        episode="T/0000",
        task="T",
        split="s",
        family="f",
        index=0,
        seed=1,
        attempt=1,
        status="ok",
        success=True,
        first_success_step=3,
        steps=16,
        instruction="",
        scene_hash="",
        trace_hash="",
        error="",
        worker=0,
        elapsed_s=1.0,
    )
    return EpisodeRow(**fields | changes)


def test_rows_come_back_as_they_were_written(tmp_path):
    folder = runs.RunFolder(tmp_path)
    written = [row(attempt=1, status="crashed", success=None), row(attempt=2)]
    for r in written:
        folder.append(r)
    assert folder.attempts() == written


def test_a_torn_last_line_is_left_out_and_cut_off_by_the_next_row(tmp_path):
    folder = runs.RunFolder(tmp_path)
    folder.append(row())
    with (tmp_path / "episodes.jsonl").open("ab") as out:
        out.write(json.dumps(dataclasses.asdict(row(episode="T/0001", index=1))).encode()[:40])
    assert len(folder.attempts()) == 1
    folder.append(row(episode="T/0002", index=2))
    assert [r.index for r in folder.attempts()] == [0, 2]


def test_a_broken_line_in_the_middle_is_an_error_that_names_it(tmp_path):
    (tmp_path / "episodes.jsonl").write_text("{}\nnot json\n")
    with pytest.raises(RunFolderError, match="episodes.jsonl, line 1 is not an episode row"):
        runs.RunFolder(tmp_path).attempts()


def test_a_folder_without_a_manifest_is_not_a_run(tmp_path):
    with pytest.raises(RunFolderError, match=r"is not a run folder: it has no manifest\.json"):
        runs.RunFolder(tmp_path).manifest()


def test_a_manifest_of_another_format_says_which_version_wrote_it(tmp_path):
    (tmp_path / "manifest.json").write_text(json.dumps({"format": 99, "packages": {"crossbody": "9.1"}}))
    with pytest.raises(
        RunFolderError, match=r"has format 99; this version reads format 1. Use the version that wrote it \(9\.1\)"
    ):
        runs.RunFolder(tmp_path).manifest()


def test_traces_come_back_and_their_hash_follows_every_value(tmp_path):
    signals = {"state": np.arange(6, dtype=np.float32).reshape(2, 3)}
    first = runs.save_trace(tmp_path / "a.npz", [False, True], signals)
    success, read = runs.load_trace(tmp_path / "a.npz")
    assert success.tolist() == [False, True] and np.array_equal(read["state"], signals["state"])
    assert first == runs.save_trace(tmp_path / "b.npz", [False, True], signals)
    assert first != runs.save_trace(tmp_path / "c.npz", [True, True], signals)
    signals["state"][1, 2] += 1e-6
    assert first != runs.save_trace(tmp_path / "d.npz", [False, True], signals)


@pytest.mark.parametrize(
    ("bits", "any_step", "chunk_end", "final"),
    [
        ("0000 0000", False, False, False),
        ("0010 0000", True, False, False),  # touched and lost between two looks
        ("0001 0000", True, True, False),  # seen at a chunk's end, then lost
        ("0000 0001", True, True, True),
        ("0000 01", True, True, True),  # the last chunk is cut where the episode ends
        ("", False, False, False),
    ],
)
def test_the_three_success_rules_differ_as_the_papers_do(bits, any_step, chunk_end, final):
    success = np.array([b == "1" for b in bits.replace(" ", "")], dtype=bool)
    assert [runs.judge(success, rule, 4) for rule in ("any_step", "chunk_end", "final")] == [any_step, chunk_end, final]
