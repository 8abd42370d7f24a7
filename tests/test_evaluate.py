"""The command ``evaluate``: names, options, queue, folders and exit codes."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from crossbody.errors import CrossbodyError, RunFolderError
from crossbody.runs import RunFolder
from evaluators.commands import evaluate
from evaluators.commands.finish import finish
from evaluators.loop.scenes import check_recorded, run_folder
from evaluators.loop.worker import Job, Station
from tests.running import make_plan, run

FAKE = ("--agent", "bernoulli", "--suite", "fake")
HEAVY = {
    "numpy",
    "torch",
    "mujoco",
    "pandas",
    "gymnasium",
    "robosuite",
    "robocasa_gr1",
    "scipy",
    "matplotlib",
    "pyarrow",
}


def test_a_run_writes_its_folder_prints_its_table_and_returns_zero(tmp_path, capsys):
    out = tmp_path / "r"
    assert evaluate.main([*FAKE, "--limit", "2", "--out", str(out), "--options.p", "1"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("bernoulli on fake: 2 tasks, 2 episodes,")
    assert "protocol quick: One episode per task" in printed
    assert re.search(r"2/2 episodes · success 100.0% \[34.2%, 100.0%\] · [\d.]+/min\n", printed)
    assert {p.name for p in out.iterdir()} >= {
        "manifest.json",
        "episodes.jsonl",
        "metrics.parquet",
        "traces",
        "scenes",
        "table.md",
        "table.csv",
        "report.html",
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--agent", "bernouli", "--suite", "fake"),
            "unknown agent 'bernouli'. Did you mean 'bernoulli'? Known: bernoulli, ",
        ),
        (
            ("--agent", "zero", "--suite", "robocas_ood"),
            "unknown suite 'robocas_ood'. Did you mean 'robocasa_ood'? Known: ",
        ),
        ((*FAKE, "--protocol", "unitt"), "unknown protocol 'unitt'. Did you mean 'unit'? Known: "),
        ((*FAKE, "--tasks", "FakeReachLeft,Nothing*"), "unknown task 'Nothing*'. "),
        ((*FAKE, "--episode", "3"), "unknown option '--episode'. Did you mean '--episodes'? Known: --agent, "),
        ((*FAKE, "--options.q=0.1"), "unknown option '--options.q'. Did you mean '--options.p'? Known: "),
        ((*FAKE, "--episodes", "0"), "--episodes is 0; it must be at least 1\n"),
        ((*FAKE, "--limit", "0"), "--limit is 0; it must be at least 1\n"),
        ((*FAKE, "--workers", "0"), "--workers is 0; it must be at least 1\n"),
        ((*FAKE, "--retries", "-1"), "--retries is -1; it must be at least 0\n"),
        ((*FAKE, "--shard", "two"), "--shard takes k/n, such as 2/8; it got 'two'\n"),
        ((*FAKE, "--shard", "9/9"), "--shard 9/9 of this queue is empty: it has fewer episodes than shards\n"),
        ((*FAKE, "--options.p", "2"), "--options.p is 2.0; a probability is from 0 to 1\n"),
        (
            (*FAKE, "--scenes", "nowhere"),
            "--scenes nowhere: there is no folder nowhere/scenes. Give the folder of a run, or canonical, or fresh.\n",
        ),
        (
            ("--agent", "replay", "--suite", "fake", "--options.run", "nowhere"),
            "nowhere is not a run folder: it has no ",
        ),
    ],
)
def test_a_mistake_is_one_message_on_stderr_without_a_traceback_and_exit_code_2(
    tmp_path, capsys, monkeypatch, arguments, message
):
    monkeypatch.chdir(tmp_path)
    assert evaluate.main(list(arguments)) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(f"error: {message}")
    assert captured.err.count("\n") == 1
    assert not (tmp_path / "runs").exists(), "nothing is left behind"


def test_a_missing_argument_is_named_and_exits_with_2(capsys):
    with pytest.raises(SystemExit) as caught:
        evaluate.main(["--agent", "zero"])
    assert caught.value.code == 2
    assert "--suite" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [("--help",), ("--agent", "bernoulli", "--help"), ("--agent", "expert", "--help")]
)
def test_help_imports_no_simulator_and_nothing_else_heavy(arguments):
    code = (
        "import sys\nfrom evaluators.commands.evaluate import main\n"
        "try: main(sys.argv[1:])\nexcept SystemExit as end: assert end.code == 0\n"
        "print('modules', *sys.modules)"
    )
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(p or os.getcwd() for p in sys.path)}
    done = subprocess.run([sys.executable, "-c", code, *arguments], env=environ, capture_output=True, text=True)
    text, _, modules = done.stdout.partition("\nmodules ")
    assert not HEAVY & set(modules.split()), done.stderr
    assert "--suite" in text
    assert ("--options.spread" in text) == ("bernoulli" in arguments)


def test_the_default_folder_has_time_agent_and_suite():
    _, folder = evaluate.parse(FAKE)
    assert re.fullmatch(r"runs/\d{8}-\d{6}-bernoulli-fake", str(folder))


def test_tasks_limit_and_episodes_choose_the_queue():
    plan, _ = evaluate.parse([*FAKE, "--tasks", "*Left", "--episodes", "3"])
    assert [e.id for e in plan.episodes] == ["FakeReachLeft/0000", "FakeReachLeft/0001", "FakeReachLeft/0002"]
    plan, _ = evaluate.parse([*FAKE, "--episodes", "2", "--limit", "5"])
    assert [e.id.rpartition("/")[2] for e in plan.episodes] == ["0000"] * 4 + ["0001"]


def test_shards_are_disjoint_and_together_the_whole_queue():
    whole = evaluate.parse([*FAKE, "--episodes", "5"])[0].episodes
    shards = [evaluate.parse([*FAKE, "--episodes", "5", "--shard", f"{k}/3"])[0].episodes for k in (1, 2, 3)]
    ids = [e.id for part in shards for e in part]
    assert len(ids) == len(set(ids))
    assert set(ids) == {e.id for e in whole}


def test_an_episode_has_the_same_seed_in_every_subset_of_the_queue():
    whole = {e.id: e.seed for e in evaluate.parse([*FAKE, "--episodes", "5"])[0].episodes}
    part = evaluate.parse([*FAKE, "--episodes", "2", "--tasks", "*Right*", "--shard", "2/2"])[0].episodes
    assert part and all(whole[e.id] == e.seed for e in part)
    other = evaluate.parse([*FAKE, "--episodes", "5", "--seed", "1"])[0].episodes
    assert not {e.seed for e in other} & set(whole.values())


@pytest.mark.parametrize("option", ["--render-preset", "--look"])  # the old name stands in recorded commands
def test_render_preset_and_assets_become_options_of_every_environment_and_so_part_of_the_manifest(option):
    plan, _ = evaluate.parse(["--agent", "zero", "--suite", "robocasa_ood", option, "faithful", "--assets", "official"])
    assert {(e.task.options["look"], e.task.options["assets"]) for e in plan.episodes} == {("faithful", "official")}
    plan, _ = evaluate.parse(["--agent", "zero", "--suite", "robocasa_ood"])
    assert {tuple(e.task.options) for e in plan.episodes} == {("task", "scenes")}


def test_a_run_without_a_single_outcome_returns_one_and_the_last_error(tmp_path, capsys):
    folder = run(tmp_path / "r", env={"faults": {"0": "raise"}, "fault_attempts": 9}, limit=1)
    assert finish(folder.path, Console()) == 1
    assert (
        "no episode has an outcome; the last error: RuntimeError: the fake simulator raised" in capsys.readouterr().out
    )


def test_a_full_disk_under_the_rows_ends_the_run_with_what_to_do_and_loses_nothing(tmp_path, monkeypatch):
    real = os.fsync

    def full(fd: int) -> None:
        if (tmp_path / "r" / "episodes.jsonl").exists() and os.path.samestat(
            os.fstat(fd), os.stat(tmp_path / "r" / "episodes.jsonl")
        ):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(fd)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunFolderError) as caught:
        run(tmp_path / "r")
    file = tmp_path / "r" / "episodes.jsonl"
    assert str(caught.value) == (
        f"cannot write {file}: No space left on device. Nothing recorded is lost; free the disk and "
        f"`uv run crossbody resume {tmp_path / 'r'}`."
    )


def test_a_full_disk_under_a_worker_ends_the_run_with_what_to_do():
    station = Station(link=None)  # type: ignore[arg-type]
    run_folder = Path("runs/x")
    station._job = Job(make_plan().episodes[0], 1, run_folder / "traces" / "t.npz", Path("s"), Path("v"))
    error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "runs/x/traces/t.npz")
    assert station.verdict(error) == (
        "fatal",
        "cannot write runs/x/traces/t.npz: No space left on device. Nothing recorded is lost; free the disk and "
        "`uv run crossbody resume runs/x`.",
    )
    assert station.verdict(OSError(errno.EIO, "other trouble"))[0] == "failed"


def test_a_folder_that_cannot_be_made_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CrossbodyError) as caught:
        run(tmp_path / "file" / "r")
    assert str(caught.value) == (
        f"cannot write the run folder {tmp_path / 'file' / 'r'}: Not a directory. Give another --out, or free the disk."
    )


def test_the_scenes_of_another_run_are_replayed_even_under_another_seed(tmp_path):
    first = run(tmp_path / "a")
    second = run(tmp_path / "b", seed=7, scenes=first.path)
    assert [r.scene_hash for r in first.final_rows().values()] == [r.scene_hash for r in second.final_rows().values()]
    assert [r.scene_hash for r in first.final_rows().values()] != [
        r.scene_hash for r in run(tmp_path / "c", seed=7).final_rows().values()
    ]


@pytest.mark.parametrize("given", ["", "scenes", "manifest.json"])
def test_scenes_that_are_missing_are_refused_before_the_run(tmp_path, given):
    episodes = make_plan(tasks=("A", "B", "C")).episodes
    folder = run(tmp_path / "a")
    with pytest.raises(CrossbodyError) as caught:
        check_recorded(run_folder(folder.path / given), episodes)
    assert str(caught.value).startswith(
        f"--scenes {folder.path}: 3 of 9 episodes have no scene there (the first is C/0000)."
    )
    check_recorded(run_folder(folder.path / given), [e for e in episodes if e.task.name != "C"])


def test_a_scene_that_is_no_longer_the_recorded_one_is_refused(tmp_path):
    folder = run(tmp_path / "a")
    episodes = folder.manifest().episodes
    file = folder.scene_file(episodes[1].id)
    file.write_text(file.read_text().replace(":", ": ", 1))
    check_recorded(folder.path, episodes)  # another spelling of the same
    file.write_text('{"seed": 3}')
    with pytest.raises(
        CrossbodyError, match=f"1 scenes are not those that its rows record .the first is {episodes[1].id}"
    ):
        check_recorded(folder.path, episodes)


def test_a_command_line_with_an_agents_required_option_reads_it(tmp_path):
    folder = run(tmp_path / "a")
    plan, _ = evaluate.parse(["--agent=replay", "--suite", "fake", f"--options.run={folder.path}"])
    assert plan.options.run == folder.path
    assert RunFolder(plan.options.run).manifest().agent == "bernoulli"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--seed", "-1"), "--seed is -1; it must be at least 0\n"),
        (("--tasks", ""), "--tasks '' names no task. Leave it out for all 4 of fake.\n"),
        (("--tasks", " , "), "--tasks ' , ' names no task. Leave it out for all 4 of fake.\n"),
        (("--episodes", "-1"), "--episodes is -1; it must be at least 1\n"),
        (
            ("--episodes", "1000000000"),
            "1,000,000,000 episodes of 4 tasks are 4,000,000,000; one run has at most 1,000,000. Give fewer "
            "--episodes.\n",
        ),
        (
            ("--tasks", "left"),
            "no task of fake is called 'left', but 2 have it in their names (the first is FakeReachLeft): "
            "--tasks '*Left*'\n",
        ),
        (("--engine", "ray2"), "unknown engine 'ray2'. Known: processes.\n"),
    ],
)
def test_a_number_or_a_name_that_cannot_be_is_a_true_sentence(tmp_path, capsys, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert evaluate.main([*FAKE, *arguments]) == 2
    assert capsys.readouterr().err == f"error: {message}"
    assert not (tmp_path / "runs").exists()


def test_a_home_folder_in_quotes_is_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert evaluate.parse([*FAKE, "--out", "~/x"])[1] == tmp_path / "x"


@pytest.mark.parametrize("name", ["evaluate", "train", "report"])
def test_the_commands_of_every_day_are_subcommands_too(capsys, name):
    from crossbody.main import main

    with pytest.raises(SystemExit) as ended:
        raise SystemExit(main([name, "--help"]))
    assert ended.value.code == 0
    assert "usage" in capsys.readouterr().out.lower()


def test_an_agent_of_another_robot_is_told_of_the_channels_not_of_the_protocol(tmp_path):
    from agents.humanoid_tracker import Options as Tracker

    with pytest.raises(CrossbodyError) as caught:
        run(tmp_path / "r", "humanoid_tracker", Tracker())
    assert "which the environment does not have" in str(caught.value)
    assert "--protocol" not in str(caught.value)
    assert not (tmp_path / "r").exists()
