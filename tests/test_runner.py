"""The episode loop: what fails costs an attempt, and nothing depends on the number of workers."""

from __future__ import annotations

import dataclasses
import json

import pytest

from crossbody.contracts import EpisodeRow
from crossbody.errors import ContractMismatch, CrossbodyError
from crossbody.runs import RunFolder, judge, load_trace
from evaluators.loop.runner import remaining
from tests.faulty_agents import Options
from tests.running import SHORT, by_index, impatient, make_plan, records, run


def test_records_are_the_same_to_the_byte_for_one_two_and_four_workers(tmp_path):
    env = {"faults": {"0": "sleep", "1": "kill", "2": "raise"}}  # sleep: the first to start is not the first to end
    runs = [run(tmp_path / str(n), workers=n, env=env, tasks=("A", "B", "C")) for n in (1, 2, 4)]
    assert records(runs[0]) == records(runs[1]) == records(runs[2])
    assert len(records(runs[0])) == 3 * (1 + 2 + 2)
    finals = [json.dumps([r.comparable() for r in f.final_rows().values()]) for f in runs]
    assert finals[0] == finals[1] == finals[2]
    orders = {tuple(r.episode for r in f.attempts()) for f in runs}
    assert len(orders) > 1, "all runs ended in the same order, so this shows nothing about order"


def test_each_way_to_fail_costs_an_attempt_and_the_same_episode_runs_again(tmp_path):
    faults = ["raise", "kill", "nan", "hang", "raise_in_reset", "hang_in_reset"]
    protocol = dataclasses.replace(SHORT, episodes_per_task=len(faults))
    env = {"faults": {str(i): fault for i, fault in enumerate(faults)}}
    folder = run(
        tmp_path / "r", env=env, protocol=protocol, tasks=("A",), workers=3, timeouts=impatient(step_s=1.0, reset_s=1.0)
    )
    undisturbed = run(tmp_path / "u", protocol=protocol, tasks=("A",))
    raised = "RuntimeError: the fake simulator raised, as it was told to"
    killed = "the worker was killed (SIGKILL); when nobody did it, the machine ran out of memory: use fewer --workers"
    first = {fault: by_index(folder)[i][0] for i, fault in enumerate(faults)}
    assert {fault: (row.status, row.error, row.steps) for fault, row in first.items()} == {
        "raise": ("error", raised, 3),
        "kill": ("crashed", killed, 3),
        "nan": ("error", "the simulation diverged: state.position is not finite at control step 4", 8),
        "hang": ("timeout", "a control step took longer than 1 s; a longer limit is --timeouts.step-s", 3),
        "raise_in_reset": ("error", raised, 0),
        "hang_in_reset": (
            "timeout",
            "building the scene took longer than 1 s; a longer limit is --timeouts.reset-s",
            0,
        ),
    }
    for i, clean in by_index(undisturbed).items():
        again = by_index(folder)[i][1]
        assert (again.status, again.attempt) == ("ok", 2)
        assert (again.success, again.trace_hash, again.scene_hash) == (
            clean[0].success,
            clean[0].trace_hash,
            clean[0].scene_hash,
        )
    assert first["raise"].instruction and not first["raise_in_reset"].instruction


def test_an_episode_that_never_has_an_outcome_ends_after_its_retries_and_the_others_do_not_care(tmp_path):
    folder = run(tmp_path / "r", env={"faults": {"1": "kill"}, "fault_attempts": 9}, retries=1)
    rows = by_index(folder)
    assert [(r.attempt, r.status, r.success) for r in rows[1]] == [(1, "crashed", None), (2, "crashed", None)]
    assert [r.status for i in (0, 2) for r in rows[i]] == ["ok", "ok"]
    assert folder.final_rows()["A/0001"].status == "crashed"


def test_an_agent_that_raises_on_one_episode_costs_that_episode_alone_however_many_are_batched(tmp_path):
    options = Options(episode="A/0001", attempts=1)
    one, four = (run(tmp_path / str(n), "tests.faulty_agents:raises", options, workers=n) for n in (1, 4))
    assert records(one) == records(four)
    bad = by_index(one)[1]
    assert [(r.status, r.error) for r in bad] == [
        ("error", "the agent raised ValueError: the model has no weights for this"),
        ("ok", ""),
    ]
    assert all(len(rows) == 1 for i, rows in by_index(four).items() if i != 1)


def test_an_agent_that_sleeps_is_interrupted_and_costs_its_attempt(tmp_path):
    options = Options(episode="A/0000", seconds=60.0, attempts=1)
    folder = run(tmp_path / "r", "tests.faulty_agents:sleeps", options, timeouts=impatient(act_s=0.3))
    first, second = by_index(folder)[0]
    assert (first.status, first.error) == (
        "timeout",
        "the agent took longer than 0.3 s; a longer limit is --timeouts.act-s",
    )
    assert second.status == "ok"


@pytest.mark.parametrize(
    ("factory", "value", "text"),
    [
        ("gives", float("nan"), "action.position is not finite at step 0 of the chunk: [nan nan]"),
        ("gives", 50.0, "action.position is [50.0, 50.0] m at step 0; the table ends at ±2 m"),
        ("gives_seven_steps", 0.0, "action.position has 7 steps; the protocol executes 8 before the next look"),
        ("forgets", 0.0, "the agent gave no chunk for A/0000"),
    ],
)
def test_an_action_that_does_not_fit_is_a_row_with_the_reason_and_bounded_retries(tmp_path, factory, value, text):
    options = Options(value=value)
    folder = run(tmp_path / "r", f"tests.faulty_agents:{factory}", options, retries=1, limit=1)
    assert [(r.status, r.error, r.success) for r in folder.attempts()] == [("error", text, None)] * 2


def test_an_agent_that_needs_the_simulator_acts_in_the_worker_on_the_protocols_clock(tmp_path):
    folder = run(tmp_path / "r", "tests.faulty_agents:in_worker", Options(episode="A/0001"), workers=2, retries=1)
    bad = by_index(folder)[1]
    assert [(r.status, r.error) for r in bad] == [("error", "the agent raised ValueError: no plan found")] * 2
    good = [r for r in folder.final_rows().values() if r.episode != "A/0001"]
    assert len(good) == 5
    for row in good:
        assert row.success
        assert row.steps % SHORT.chunk == 0, "chunk_end is settled at the end of a chunk only"
        assert row.steps - SHORT.chunk < (row.first_success_step or 0) <= row.steps


def test_an_agent_that_hangs_in_the_worker_is_ended_with_it(tmp_path):
    options = Options(episode="A/0000", seconds=60.0, attempts=1)
    timeouts = impatient(step_s=0.5)
    folder = run(tmp_path / "r", "tests.faulty_agents:in_worker", options, limit=1, retries=0, timeouts=timeouts)
    assert [(r.status, r.error) for r in folder.attempts()] == [
        ("timeout", "a control step took longer than 0.5 s; a longer limit is --timeouts.step-s")
    ]


def test_a_contract_that_does_not_fit_lists_every_difference_and_leaves_no_folder(tmp_path):
    with pytest.raises(ContractMismatch) as caught:
        run(tmp_path / "r", "tests.faulty_agents:needs_a_robot", Options())
    lines = str(caught.value).splitlines()
    assert lines[0] == "agent and environment do not fit:"
    assert [line.split(",")[0].strip() for line in lines[1:]] == [
        "the agent reads state.left_arm",
        "the agent gives action.left_arm",
        "the agent gives action.right_arm",
        "the environment needs action channel action.position",
    ]
    assert not (tmp_path / "r").exists()


def test_an_environment_that_cannot_be_made_says_why(tmp_path):
    with pytest.raises(CrossbodyError) as caught:
        run(tmp_path / "r", env={"colour": "red"})
    assert str(caught.value) == "the environment crossbody/Fake-v1 of task A takes no option 'colour'"
    with pytest.raises(CrossbodyError, match="unknown fault fall. Known: raise, hang, kill"):
        run(tmp_path / "r", env={"faults": {"0": "fall"}})
    assert not (tmp_path / "r").exists()


def test_a_row_agrees_with_its_trace_and_the_trace_was_there_first(tmp_path):
    folder = run(tmp_path / "r", workers=2)
    for row in folder.attempts():
        bits, signals = load_trace(folder.trace_file(row.episode, row.attempt))
        assert row.success == judge(bits, SHORT.success_rule, SHORT.chunk)
        assert row.steps == len(bits) == len(signals["action.position"]) == len(signals["state.position"])
        assert row.first_success_step == (int(bits.argmax()) + 1 if bits.any() else None)
        assert json.loads(folder.scene_file(row.episode).read_text())["goal"]


def test_early_stop_under_chunk_end_changes_no_outcome_and_any_step_stops_at_once(tmp_path):
    stop, go_on, any_step = (
        run(tmp_path / name, protocol=dataclasses.replace(SHORT, **changes))
        for name, changes in (
            ("stop", {}),
            ("on", {"early_stop": False}),
            ("any", {"success_rule": "any_step"}),
        )
    )
    outcomes = [[r.success for r in f.final_rows().values()] for f in (stop, go_on)]
    assert outcomes[0] == outcomes[1]
    assert {r.steps for r in go_on.final_rows().values()} == {SHORT.max_steps}
    assert all(r.steps == r.first_success_step for r in any_step.final_rows().values() if r.success)


def test_what_remains_is_the_next_attempt_of_every_episode_without_outcome():
    episodes = make_plan(tasks=("A",)).episodes
    row = EpisodeRow("", "A", "", "", 0, 0, 1, "ok", True, 1, 1, "", "", "", "", 0, 0.0).__dict__
    rows = [EpisodeRow(**{**row, "episode": "A/0000"})]
    rows += [EpisodeRow(**{**row, "episode": "A/0001", "status": "crashed", "attempt": n}) for n in (1, 2)]
    assert [(a.spec.id, a.number) for a in remaining(episodes, rows, retries=2)] == [("A/0001", 3), ("A/0002", 1)]
    assert [(a.spec.id, a.number) for a in remaining(episodes, rows, retries=1)] == [("A/0002", 1)]


def test_a_folder_that_holds_a_run_is_refused_before_anything_starts(tmp_path):
    run(tmp_path / "r", limit=1)
    with pytest.raises(CrossbodyError, match="already holds a run. Continue it with `uv run crossbody resume"):
        run(tmp_path / "r")
    assert len(RunFolder(tmp_path / "r").attempts()) == 1
