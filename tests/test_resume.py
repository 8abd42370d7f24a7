"""A run that is stopped at any moment continues to the same records."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from crossbody.errors import CrossbodyError, RunFolderError
from crossbody.runs import RunFolder
from evaluators.commands import evaluate, resume
from evaluators.loop.session import go_on
from tests.running import make_plan, records, run

COMMAND = ("--agent", "bernoulli", "--suite", "fake", "--episodes", "30", "--workers", "2")
MOMENTS = 20


def start_process(*arguments: str) -> subprocess.Popen:
    """Start ``python`` with arguments in a process of its own, to be ended."""
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(p or os.getcwd() for p in sys.path)}
    return subprocess.Popen(
        [sys.executable, *arguments],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a test run in the background ignores Ctrl-C
    )


def recorded(folder: Path) -> int:
    file = folder / "episodes.jsonl"
    return file.read_bytes().count(b"\n") if file.exists() else 0


def start_or_resume(folder: Path) -> subprocess.Popen:
    if (folder / "manifest.json").exists():
        return start_process("-m", "evaluators.commands.resume", str(folder))
    return start_process("-m", "evaluators.commands.evaluate", *COMMAND, "--out", str(folder))


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("uninterrupted") / "r"
    assert evaluate.main([*COMMAND, "--out", str(folder)]) == 0
    return RunFolder(folder)


@pytest.mark.slow
def test_killed_at_twenty_random_moments_and_resumed_a_run_has_the_records_of_an_uninterrupted_one(
    tmp_path, uninterrupted
):
    """The moment is drawn in records and, after the last of them, in milliseconds;
    a killed process takes its workers along."""
    folder, rng = tmp_path / "r", random.Random(0)
    kills = during_episodes = 0
    while kills < MOMENTS:
        process, before = start_or_resume(folder), recorded(folder)
        more = rng.randrange(1, 4) if before < 100 else 0
        while process.poll() is None and recorded(folder) < before + more:
            time.sleep(0.002)
        time.sleep(rng.uniform(0.0, 0.02))
        if process.poll() is None:
            process.kill()
            kills += 1
            during_episodes += 0 < recorded(folder) < 120
        process.communicate()
    assert during_episodes >= MOMENTS // 2
    process = start_or_resume(folder)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert records(RunFolder(folder)) == records(uninterrupted)
    assert not list(folder.glob("*/.*part*")), "files that were being written are gone"


def test_ctrl_c_stops_cleanly_says_how_to_continue_and_continuing_gives_the_same_records(tmp_path, uninterrupted):
    folder = tmp_path / "r"
    process = start_or_resume(folder)
    while recorded(folder) < 2:
        time.sleep(0.002)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"stopped; everything recorded is kept. Continue with `uv run crossbody resume {folder}`." in output
    assert "Traceback" not in output
    assert resume.main([str(folder)]) == 0
    assert records(RunFolder(folder)) == records(uninterrupted)


def test_workers_end_with_a_runner_that_is_killed_in_the_middle_of_a_step(tmp_path):
    script = (
        "from tests.running import run; from pathlib import Path; import sys;"
        "run(Path(sys.argv[1]), env={'faults': {'0': 'hang'}})"
    )
    process = start_process("-c", script, str(tmp_path / "r"))
    children: list[str] = []
    while not children:
        time.sleep(0.05)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    time.sleep(0.5)
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{child}").exists() and not _is_zombie(child) for child in children):
        assert time.monotonic() < deadline, "a worker outlived its runner"
        time.sleep(0.05)


def _is_zombie(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_a_half_written_last_line_is_cut_and_its_episode_runs_again(tmp_path):
    plan = make_plan()
    folder = run(tmp_path / "r")
    whole = records(folder)
    file = folder.path / "episodes.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:-2]) + lines[-2][:70])
    go_on(plan, folder, Console(file=io.StringIO()))
    assert records(folder) == whole


def test_a_failed_attempt_before_the_stop_still_counts_after_it(tmp_path):
    plan = make_plan(env={"faults": {"1": "raise"}, "fault_attempts": 2})
    folder = run(tmp_path / "r", env={"faults": {"1": "raise"}, "fault_attempts": 2})
    whole = records(folder)
    file = folder.path / "episodes.jsonl"
    first_only = [line for line in file.read_bytes().splitlines(keepends=True) if json.loads(line)["attempt"] == 1]
    file.write_bytes(b"".join(first_only))
    go_on(plan, folder, Console(file=io.StringIO()))
    assert records(folder) == whole


def test_nothing_is_run_twice(tmp_path):
    folder = run(tmp_path / "r")
    before = (folder.path / "episodes.jsonl").read_bytes()
    go_on(make_plan(), folder, Console(file=io.StringIO()))
    assert (folder.path / "episodes.jsonl").read_bytes() == before


def test_a_run_in_progress_is_not_continued_by_a_second_process(tmp_path):
    import fcntl

    plan = make_plan()
    folder = run(tmp_path / "r")
    (folder.path / "episodes.jsonl").unlink()
    with (folder.path / "manifest.json").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(RunFolderError, match="another process is running .* Wait for it, or end it first."):
            go_on(plan, folder, Console(file=io.StringIO()))


def test_an_environment_that_has_changed_is_refused_with_what_changed(tmp_path):
    plan = make_plan()
    folder = run(tmp_path / "r")
    (folder.path / "episodes.jsonl").unlink()
    manifest = json.loads((folder.path / "manifest.json").read_text())
    manifest["environment"]["assets"] = "generated 1"
    (folder.path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(RunFolderError) as caught:
        go_on(plan, folder, Console(file=io.StringIO()))
    assert str(caught.value) == (
        f"{folder.path} cannot be continued: its environment has changed.\n"
        "  assets: was generated 1, is None\nStart a new run."
    )


def test_a_command_that_now_means_something_else_is_refused(tmp_path, uninterrupted):
    manifest = uninterrupted.manifest()
    other = dataclasses.replace(manifest, episodes=manifest.episodes[1:])
    with pytest.raises(CrossbodyError) as caught:
        resume.recorded_plan(Path("r"), other)
    assert str(caught.value) == (
        "r cannot be continued: its command now gives other episodes "
        "(a suite or protocol file has changed since). Start a new run."
    )
    rescored = dataclasses.replace(manifest, command=("crossbody", "rescore", "r", "--rule", "final"))
    with pytest.raises(CrossbodyError, match="r was made by `crossbody rescore r --rule final`, not by `evaluate`"):
        resume.recorded_plan(Path("r"), rescored)


def test_what_is_no_run_folder_says_so(tmp_path, capsys):
    assert resume.main([str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        f"error: {tmp_path} is not a run folder: it has no manifest.json. Runs are listed by `ls runs`.\n"
    )


def test_the_manifest_has_everything_to_run_it_again(uninterrupted):
    manifest = uninterrupted.manifest()
    assert manifest.command[:5] == ("evaluate", "--agent", "bernoulli", "--suite", "fake")
    assert manifest.agent_options == {"p": 0.5, "spread": 0.0, "first": 150, "last": 450}
    assert manifest.environment == {"env": "crossbody/Fake-v1", "PYTHONHASHSEED": "0", "control_hz": 20.0}
    assert manifest.protocol_hash == manifest.protocol.hash(manifest.environment)
    assert set(manifest.host) == {"system", "cpu", "cores", "python", "arithmetic"}
    assert set(manifest.host["arithmetic"]) == {"workers", "agent"}
    assert {"numpy", "gymnasium"} <= set(manifest.packages)
    assert [e.id for e in manifest.episodes] == list(uninterrupted.final_rows())
