"""Another success rule from the stored bits."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys

import numpy as np
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossbody.contracts import SUCCESS_RULES
from crossbody.runs import RunFolder, judge, load_trace
from evaluators.commands import rescore
from evaluators.commands.rescore import knowable
from tests.running import SHORT, records, run

LONG = dataclasses.replace(SHORT, early_stop=False)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return run(tmp_path_factory.mktemp("whole") / "r", protocol=LONG)


@pytest.mark.parametrize("rule", SUCCESS_RULES)
def test_a_rescored_run_has_the_outcomes_of_a_run_under_that_rule(tmp_path, whole, rule):
    there = run(tmp_path / "there", protocol=dataclasses.replace(LONG, success_rule=rule))
    rescored = rescore.rescore(whole, rule, tmp_path / "here")
    assert records(rescored) == records(there)
    assert rescored.manifest().protocol_hash == there.manifest().protocol_hash
    for row in rescored.final_rows().values():
        bits, _ = load_trace(rescored.trace_file(row.episode, row.attempt))
        assert row.success == judge(bits, rule, LONG.chunk)


def test_the_command_needs_no_simulator_and_says_what_changed(tmp_path, whole):
    code = (
        "import sys\nfrom evaluators.commands.rescore import main\nrc = main(sys.argv[1:])\n"
        "assert not {'gymnasium', 'mujoco', 'robosuite', 'torch'} & set(sys.modules)\nsys.exit(rc)"
    )
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(p or os.getcwd() for p in sys.path)}
    arguments = [str(whole.path), "--rule", "any_step", "--out", str(tmp_path / "out")]
    done = subprocess.run([sys.executable, "-c", code, *arguments], env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    n = sum(bool(r.success) for r in whole.final_rows().values())
    assert done.stdout.startswith(f"{n} of 6 episodes succeed under any_step, {n} under chunk_end; 0 changed")
    assert pyarrow.parquet.read_table(tmp_path / "out" / "metrics.parquet").num_rows > 0


def test_what_early_stop_cut_off_is_refused_as_unknowable(tmp_path, capsys):
    folder = run(tmp_path / "r")
    n = sum(bool(r.success) for r in folder.final_rows().values())
    first = next(r for r in folder.final_rows().values() if r.success)
    assert 0 < n < 6
    assert rescore.main([str(folder.path), "--rule", "final"]) == 2
    assert capsys.readouterr().err == (
        f"error: {folder.path} cannot be rescored under final: {n} of 6 episodes were ended at their success "
        "under chunk_end "
        f"(such as {first.episode} at step {first.steps} of 40), and what would have followed is unknown. Run "
        "again with a "
        "protocol that does not stop early, such as --protocol unit.\n"
    )
    assert not (tmp_path / "r-final").exists()
    assert rescore.main([str(folder.path), "--rule", "any_step"]) == 0
    assert RunFolder(tmp_path / "r-any_step").manifest().protocol.success_rule == "any_step"


def test_an_unknown_rule_gets_the_nearest_and_the_list(whole, capsys):
    assert rescore.main([str(whole.path), "--rule", "any"]) == 2
    assert capsys.readouterr().err == (
        "error: unknown success rule 'any'. Did you mean 'any_step'? Known: any_step, chunk_end, final.\n"
    )


def test_an_episode_whose_trace_is_gone_is_missing_with_its_reason(tmp_path, capsys):
    folder = run(tmp_path / "r", protocol=LONG)
    trace = folder.trace_file("A/0001")
    trace.unlink()
    assert rescore.main([str(folder.path), "--rule", "final", "--out", str(tmp_path / "out")]) == 1
    printed = capsys.readouterr().out
    assert f"A/0001 is missing: the trace {trace} is absent, so it cannot be judged again.\n" in printed
    assert "UNFINISHED: 1 of 6 episodes are missing" in printed
    assert set(folder.final_rows()) - set(RunFolder(tmp_path / "out").final_rows()) == {"A/0001"}


@given(
    bits=st.lists(st.booleans(), min_size=24, max_size=24),
    run_under=st.sampled_from(["any_step", "chunk_end"]),
    rule=st.sampled_from(SUCCESS_RULES),
)
def test_whatever_is_called_knowable_is_judged_as_if_the_episode_had_run_on(bits, run_under, rule):
    protocol = dataclasses.replace(SHORT, max_steps=24, success_rule=run_under)
    whole = np.array(bits)
    every = 1 if run_under == "any_step" else protocol.chunk
    stops = [k + 1 for k in range(every - 1, 24, every) if whole[k]]
    cut = whole[: stops[0]] if stops else whole
    if knowable(cut, protocol, rule):
        assert judge(cut, rule, protocol.chunk) == judge(whole, rule, protocol.chunk)
    else:
        assert rule != run_under and len(cut) < 24
