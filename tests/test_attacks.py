"""Agents and machines that misbehave: every row is kept, the table of what there is is printed, and nothing hangs."""

from __future__ import annotations

import errno
import io
import os
import signal
import threading
import time
from pathlib import Path

import pytest
from rich.console import Console

from crossbody.errors import CrossbodyError, RunFolderError
from crossbody.main import guarded
from crossbody.runs import RunFolder
from envs.engines import processes
from envs.pool import PoolOrder, open_pool
from evaluators.commands.evaluate import carry_out
from evaluators.loop import actor, worker
from evaluators.loop.session import go_on, start
from tests.faulty_agents import Options
from tests.running import SHORT, by_index, impatient, make_plan, records, run
from tests.test_workers import PATIENT


@pytest.fixture(autouse=True)
def little_grace(monkeypatch):
    monkeypatch.setattr(actor, "GRACE_S", 0.5)


def evaluated(
    tmp_path: Path, capsys, agent: str, options: Options | None = None, **changes
) -> tuple[int, RunFolder, str]:
    """Run a plan as ``evaluate`` does; return exit code, folder and what was printed."""
    plan = make_plan(f"tests.faulty_agents:{agent}", options or Options(episode="A/0001"), **{"retries": 0, **changes})
    folder = tmp_path / "r"
    code = guarded(lambda: carry_out(lambda console: start(plan, folder, console) and None, folder))
    return code, RunFolder(folder), capsys.readouterr().out


@pytest.mark.parametrize(
    ("agent", "status", "words"),
    [
        ("leaves", "error", "the agent raised SystemExit: 0"),
        ("leaves_at_once", "crashed", "the agent’s process ended with exit code 0"),
        ("hostile_error", "error", "the agent raised Unspeakable: its message cannot be shown"),
        ("complex_numbers", "error", "action.position holds complex numbers; an action is real"),
        ("swallows", "timeout", "the agent took longer than 0.4 s; a longer limit is --timeouts.act-s"),
        ("loops_in_c", "timeout", "the agent took longer than 0.4 s; a longer limit is --timeouts.act-s"),
    ],
)
def test_an_agent_that_misbehaves_in_one_episode_costs_that_episode_alone_and_the_table_is_printed(
    tmp_path, capsys, agent, status, words
):
    seconds = 0.4 if status == "timeout" else 30.0
    code, folder, printed = evaluated(tmp_path, capsys, agent, timeouts=impatient(act_s=seconds), workers=2, limit=4)
    rows = folder.final_rows()
    assert code == 0
    assert (rows["A/0001"].status, rows["A/0001"].error) == (status, words)
    assert [r.status for e, r in rows.items() if e != "A/0001"] == ["ok"] * 3
    assert "1 ended in an error" in printed and "Written:" in printed


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("nothing", "the agent gave no chunk for A/0000"),
        ("a_generator", "the agent gave no chunk for A/0000"),
        ("leaves_in_reset", "the agent raised SystemExit: 0"),
        ("leaves_in_worker", "the agent raised SystemExit: 0"),
    ],
)
def test_an_agent_that_never_answers_ends_with_rows_a_table_and_exit_code_one(tmp_path, capsys, agent, words):
    code, folder, printed = evaluated(tmp_path, capsys, agent, Options(), limit=2)
    assert code == 1
    assert {(r.status, r.error) for r in folder.attempts()} >= {("error", words)}
    assert len(folder.attempts()) == 2
    assert "no episode has an outcome" in printed and "Written:" in printed


def test_an_answer_that_comes_late_is_late_although_the_interruption_was_swallowed(tmp_path):
    options = Options(episode="A/0000", seconds=30.0, attempts=1)
    folder = run(tmp_path / "r", "tests.faulty_agents:answers_late", options, timeouts=impatient(act_s=0.3), limit=1)
    assert [(r.status, r.attempt) for r in folder.attempts()] == [("timeout", 1), ("ok", 2)]


def test_episodes_that_lost_their_agent_start_over_with_the_rows_of_an_undisturbed_run(tmp_path):
    options = Options(episode="A/0001")
    disturbed = run(tmp_path / "a", "tests.faulty_agents:leaves_at_once", options, workers=3, retries=0)
    alone = run(tmp_path / "b", "tests.faulty_agents:leaves_at_once", options, workers=1, retries=0)
    assert records(disturbed) == records(alone)
    assert all(len(rows) == 1 for rows in by_index(disturbed).values())


def test_markup_surrogates_and_a_million_letters_in_an_error_end_nothing(tmp_path, capsys):
    code, folder, printed = evaluated(tmp_path, capsys, "hostile_text", limit=4)
    error = folder.final_rows()["A/0001"].error
    assert code == 0
    assert error.startswith("the agent raised ValueError: unexpected token [/INST] :smile: \\ud800 \\x1b[2Jxxx")
    assert len(error) < 2200 and error.endswith("characters in all)")
    assert "unexpected token [/INST] :smile: \\ud800" in printed
    assert (folder.path / "episodes.jsonl").stat().st_size < 10_000


def test_a_close_that_raises_costs_no_table(tmp_path, capsys):
    code, folder, printed = evaluated(tmp_path, capsys, "cannot_close", limit=2)
    assert code == 0 and len(folder.attempts()) == 2
    assert "the agent’s close() raised ZeroDivisionError: division by zero (after the last episode" in printed
    assert "Written:" in printed


def test_an_agent_that_cannot_be_made_is_one_sentence_and_leaves_no_folder(tmp_path):
    with pytest.raises(CrossbodyError) as caught:
        run(tmp_path / "r", "tests.faulty_agents:cannot_be_made", Options())
    text = str(caught.value)
    assert text.startswith("the agent tests.faulty_agents:cannot_be_made cannot be made: ValueError: no such model (")
    assert "faulty_agents.py, line" in text
    assert not (tmp_path / "r").exists()


def test_a_slow_reset_of_the_agent_makes_no_healthy_worker_hung_whatever_their_number(tmp_path):
    options = Options(seconds=1.2)
    changes = {"timeouts": impatient(step_s=0.5, reset_s=0.5), "retries": 0, "tasks": ("A",)}
    one, three = (
        run(tmp_path / str(n), "tests.faulty_agents:slow_to_reset", options, workers=n, **changes) for n in (1, 3)
    )
    assert records(one) == records(three)
    assert {r.status for r in three.attempts()} == {"ok"}


def test_a_runner_that_was_stopped_for_long_judges_nobody_by_that_time(tmp_path):
    with open_pool("processes", PoolOrder(1, "tests.test_workers:echo", {**PATIENT, "step": 1.0}, tmp_path)) as pool:
        pool.worker(0).begin("sleep", 0.6)
        while not (said := [e.kind for e in pool.wait(0.05)]):
            pass
        assert said == ["going to sleep"]
        pool.worker(0)._process.send_signal(signal.SIGSTOP)  # the machine sleeps, and the runner with it
        time.sleep(1.5)
        pool.worker(0)._process.send_signal(signal.SIGCONT)
        kinds: list[str] = []
        while not kinds:
            kinds = [e.kind for e in pool.wait(0.25)]
        assert kinds == ["woke"]


def test_the_first_worker_is_retried_like_any_other_when_it_is_killed_before_the_first_episode(tmp_path, monkeypatch):
    real, killed = processes.Process.begin, []

    def begin(self, *message):
        real(self, *message)
        if message[0] == "card" and not killed:
            killed.append(self.number)
            time.sleep(0.2)
            os.killpg(self._process.pid, signal.SIGKILL)

    monkeypatch.setattr(processes.Process, "begin", begin)
    folder = run(tmp_path / "r", limit=2)
    assert killed == [0]
    assert [r.status for r in folder.attempts()] == ["ok", "ok"]


def test_a_refused_second_resume_leaves_the_files_of_the_run_in_progress_alone(tmp_path):
    import fcntl

    folder = run(tmp_path / "r", limit=2)
    (folder.path / "episodes.jsonl").unlink()
    parts = [folder.path / "traces" / ".A-0000-1.npz.1.part", folder.path / "video" / ".A-0000-1.part.mp4"]
    for part in parts:
        part.write_bytes(b"half")
    with (folder.path / "manifest.json").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(RunFolderError, match="another process is running"):
            go_on(make_plan(limit=2), folder, Console(file=io.StringIO()))
    assert all(part.exists() for part in parts)
    go_on(make_plan(limit=2), folder, Console(file=io.StringIO()))
    assert not any(part.exists() for part in parts)


def test_a_full_disk_under_a_video_ends_the_run_and_is_charged_to_no_episode(tmp_path, monkeypatch):
    import av

    class FullDisk:
        """A recorder of which neither a picture nor the end can be written."""

        def __init__(self, file: Path, fps: int):
            pass

        def add(self, picture) -> None:
            raise av.error.FFmpegError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        def close(self, keep: bool) -> None:
            self.add(None)

    class Script:
        """A link whose runner says these things, and then is gone."""

        def __init__(self, *messages):
            self.messages, self.answers = list(messages), []

        def receive(self):
            if not self.messages:
                raise EOFError
            return self.messages.pop(0)

        def beat(self, phase: str, steps: int = 0) -> None:
            pass

        def answer(self, kind: str, content: object = None) -> None:
            self.answers.append((kind, content))

        note = answer_observation = answer

    monkeypatch.setattr(worker, "Recorder", FullDisk)
    spec = make_plan().episodes[0]
    job = worker.Job(spec, 1, *(tmp_path / kind / "x" for kind in ("traces", "scenes", "video")))
    setup = worker.Setup(SHORT, "all", ("state.position",))
    link = Script(("setup", setup), ("attempt", job), ("drop",), ("attempt", job))
    with pytest.raises(EOFError):
        worker.serve(link)
    told = "cannot write to the disk: No space left on device. Nothing recorded is lost; free the disk and "
    assert link.answers == [("fatal", f"{told}`uv run crossbody resume {tmp_path}`.")] * 2


def test_a_log_is_cut_when_a_worker_writes_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "LARGEST_LOG", 20_000)
    monkeypatch.setattr(processes, "KEPT_OF_LOG", 1_000)
    with open_pool("processes", PoolOrder(1, "tests.test_attacks:chatter", PATIENT, tmp_path)) as pool:
        pool.worker(0).begin("talk", 300_000)
        while not [e for e in pool.wait(0.05) if e.kind == "done"]:
            pass
        list(pool.wait(0))
        log = pool.log(0)
        assert log and log.stat().st_size < 25_000
        assert b"[what follows was cut out: the log was longer than 20000 bytes]" in log.read_bytes()


def chatter(link) -> None:
    while True:
        _, size = link.receive()
        print("x" * size, flush=True)
        link.answer("done")


def test_the_run_goes_on_in_another_thread_too(tmp_path):
    found: list[RunFolder] = []
    thread = threading.Thread(target=lambda: found.append(run(tmp_path / "r", limit=2)))
    thread.start()
    thread.join(60)
    assert found and [r.status for r in found[0].attempts()] == ["ok", "ok"]
