"""Collecting demonstrations: nothing is lost or doubled when it is killed, and its scenes are nobody's test."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from crossbody.contracts import ChunkResult, EpisodeSpec
from crossbody.errors import CrossbodyError, UnknownName
from crossbody.seeds import episode_seed
from tasks import gr1
from tasks.suite import load_suite
from training import collect
from training.attempts import Attempt, Order, attempts, crashed, record, scene_seed
from training.collect import Tally
from training.data.chunks import open_chunks
from training.gr1.student import Student

ROOT = Path(__file__).resolve().parent.parent
TASKS = "PnPCupToDrawerClose,PnPCanToDrawerClose"
ARGUMENTS = ["--tasks", TASKS, "--episodes", "3", "--perception", "3", "--workers", "2"]


def start(out: Path, *more: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "tests.fake_demonstrator", "--out", str(out), *ARGUMENTS, *more]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def contents(out: Path) -> dict[str, object]:
    """Return every file that counts; attempts without their durations."""
    files = {
        str(f.relative_to(out)): f
        for f in out.rglob("*")
        if f.is_file() and "logs" not in f.parts and f.name != ".lock"
    }
    return {
        name: [{**json.loads(line), "elapsed_s": 0} for line in f.read_text().splitlines()]
        if f.name == "attempts.jsonl"
        else f.read_bytes()
        for name, f in files.items()
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A collection that was never interrupted, and what it printed."""
    out = tmp_path_factory.mktemp("whole") / "out"
    process = start(out)
    printed = process.communicate(timeout=120)[0]
    assert process.returncode == 0, printed
    return out, printed


def test_only_clean_attempts_are_kept_and_the_acceptance_is_printed(whole):
    out, printed = whole
    for task in TASKS.split(","):
        tried = attempts(out / "demonstrations" / task)
        assert [a.kept for a in tried] == [True, False, False, True, True]
        assert tried[1].reason == "dropped" and "exit code 9" in tried[2].reason
    assert "6/6 demonstrations, 60% of 10 attempts accepted" in printed
    assert "exit code 9" in printed


def test_every_scene_gives_frames_also_where_the_demonstration_failed(whole):
    acting, frames = open_chunks(whole[0])
    assert len(acting.episodes) == 6
    assert len(frames.episodes) == 8  # 10 attempts less 2 whose worker died
    assert frames.last[0] == 2


def test_a_collection_killed_at_any_moment_goes_on_to_the_same_files(whole, tmp_path):
    out = tmp_path / "out"
    kills = 0
    for delay in np.random.default_rng(0).uniform(1.0, 3.0, 5):
        process = start(out)
        try:
            process.communicate(timeout=float(delay))
            break
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.communicate()
            kills += 1
    assert kills > 0
    assert start(out).wait(timeout=120) == 0
    mine, expected = contents(out), contents(whole[0])
    assert sorted(mine) == sorted(expected)
    for name, content in expected.items():
        assert mine[name] == content, name


def test_a_kill_after_the_last_episode_leaves_no_statistics_owing(whole, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(whole[0], out)
    one, other = (out / "demonstrations" / task / "meta/stats.json" for task in TASKS.split(","))
    one.unlink()
    other.write_text("{}")
    os.utime(other, (0, 0))  # of an earlier round
    assert start(out).wait(timeout=120) == 0
    assert contents(out) == contents(whole[0])


def test_an_attempt_that_two_workers_end_counts_once(tmp_path):
    one = Attempt(0, 7, True, "", 4, 1, 0.0, True, 1.0)
    two = Attempt(1, 8, True, "", 4, 1, 0.0, True, 1.0)
    for attempt in (one, two, one):
        record(tmp_path, attempt)
    assert attempts(tmp_path) == [one, two]


def test_a_finished_collection_is_left_as_it_is(whole):
    out, _ = whole
    before = contents(out)
    assert start(out).wait(timeout=60) == 0
    assert contents(out) == before


def test_another_collection_in_the_same_folder_is_refused(whole):
    process = start(whole[0], "--seed", "1")
    printed = process.communicate(timeout=60)[0]
    assert "holds a collection with --seed 0, not 1. Go on with the same options, or give another --out." in printed


def test_two_collectors_cannot_write_one_folder(tmp_path):
    first = start(tmp_path)
    deadline = time.monotonic() + 30
    while not (tmp_path / "collection.json").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    printed = start(tmp_path).communicate(timeout=60)[0]
    first.kill()
    first.communicate()
    assert "another collection is writing" in printed


@pytest.mark.parametrize("suite", ["robocasa_gr1", "robocasa_ood"])
def test_no_scene_of_a_collection_is_one_of_an_evaluation(suite):
    for task in load_suite(suite).tasks:
        tested = {episode_seed(run, task.name, index) for run in range(5) for index in range(200)}
        shown = {scene_seed(run, task.name, attempt) for run in range(5) for attempt in range(200)}
        assert not tested & shown


def test_scenes_differ_between_tasks_attempts_and_seeds():
    seeds = {scene_seed(s, t, a) for s in range(3) for t in ("x", "y") for a in range(50)}
    assert len(seeds) == 300


def attempt(number, kept=True, elapsed_s=10.0):
    return Attempt(number, 0, kept, "" if kept else "dropped", 100, 1, 0.0, True, elapsed_s)


def test_a_torn_last_line_does_not_count(tmp_path):
    record(tmp_path, attempt(0))
    with (tmp_path / "attempts.jsonl").open("a") as file:
        file.write('{"attempt": 1, "se')
    assert attempts(tmp_path) == [attempt(0)]
    record(tmp_path, attempt(1))
    assert attempts(tmp_path) == [attempt(0), attempt(1)]


def test_an_attempt_that_killed_its_worker_is_not_tried_again(tmp_path):
    order = Order(tmp_path, seed=0, noise_rad=0.0, perception=0, picture_every=1)
    crashed(tmp_path, order, "task", "the worker died of SIGSEGV")
    (only,) = attempts(tmp_path)
    assert (only.attempt, only.kept, only.seed) == (0, False, scene_seed(0, "task", 0))


def test_time_left_counts_what_an_accepted_episode_costs_with_its_failures():
    # Task a: 2 kept in 4 attempts of 10 s, so 20 s each; 3 are missing. Task b, unknown, costs the same: 5 x 20 s.
    done = [attempt(0), attempt(1, False), attempt(2), attempt(3, False)]
    tally = Tally({"a": 5, "b": 5}, {"a": done, "b": []})
    assert tally.seconds_left(workers=1) == pytest.approx(3 * 20 + 5 * 20)
    assert tally.seconds_left(workers=8) == pytest.approx((3 * 20 + 5 * 20) / 2)  # one worker per task at most
    assert Tally({"a": 5}, {"a": []}).seconds_left(1) is None


@pytest.mark.parametrize(("name", "value"), [("episodes", "0"), ("noise", "-1"), ("picture-every", "0")])
def test_impossible_numbers_are_refused(name, value, tmp_path):
    with pytest.raises(CrossbodyError, match=f"--{name} is {value}.*; it must be at least"):
        collect.main(["--out", str(tmp_path), f"--{name}", value])


def test_an_unknown_task_gets_the_nearest_name(tmp_path):
    with pytest.raises(UnknownName, match="Did you mean 'PnPCupToDrawerClose'"):
        collect.main(["--out", str(tmp_path), "--tasks", "PnPCupToDrawerClosed"])


class Counting:
    """An environment that only counts the steps of the chunks, and succeeds after ``solved`` of them."""

    def __init__(self, solved=10**9):
        self.chunks, self._solved = [], solved

    def contract(self):
        return gr1.CONTRACT

    def picture(self):
        return np.zeros((256, 256, 3), np.uint8)

    def step_chunk(self, chunk):
        self.chunks.append(len(chunk["action.waist"]))
        return ChunkResult(STILL, [sum(self.chunks) >= self._solved] * self.chunks[-1], {})


STILL = {c.name: np.zeros(c.shape, np.float32) for c in gr1.STATE}
SPEC = EpisodeSpec(load_suite("robocasa_gr1").tasks[0], 0, 0)


def order_with(tmp_path, student, checkpoint=None):
    return Order(tmp_path, 0, 0.0, 0, 1, student, checkpoint, 240)


def test_a_student_acts_in_chunks_until_its_steps_are_over(tmp_path):
    env = Counting()
    _, steps, solved = Student(env, order_with(tmp_path, "hold")).lead(env, SPEC, (STILL, "pick"), 40)
    assert (env.chunks, steps, solved) == ([16, 16, 8], 40, False)


def test_a_student_that_solves_the_task_stops(tmp_path):
    env = Counting(solved=20)
    _, steps, solved = Student(env, order_with(tmp_path, "hold")).lead(env, SPEC, (STILL, "pick"), 200)
    assert (steps, solved) == (32, True)


@pytest.mark.parametrize(
    ("student", "checkpoint", "sentence"),
    [
        ("expert", None, "--student expert acts on the simulator's state, so it has nothing to learn"),
        ("hold", Path("x"), "--checkpoint: the agent 'hold' takes none"),
        ("grot", None, "unknown agent 'grot'"),
    ],
)
def test_a_student_that_cannot_learn_is_refused(student, checkpoint, sentence, tmp_path):
    with pytest.raises(CrossbodyError, match=sentence):
        Student(Counting(), order_with(tmp_path, student, checkpoint))


@pytest.mark.sim
@pytest.mark.slow
def test_a_real_demonstration_has_clean_labels_and_frames_that_match_its_numbers(tmp_path, pack):
    arguments = ["--out", str(tmp_path), "--tasks", "PosttrainPnPNovelFromPlateToBowlSplitA", "--episodes", "1"]
    assert (
        collect.main(
            [
                *arguments,
                "--perception",
                "4",
                "--picture-every",
                "8",
                "--workers",
                "1",
                "--student",
                "random",
                "--lead-in",
                "48",
            ]
        )
        == 0
    )
    acting, frames = open_chunks(tmp_path)
    values = acting.values
    # Labels are where the expert meant to go: smooth, although noise was added to what was executed.
    jerk = np.abs(np.diff(values["action.right_arm"], n=3, axis=0)).mean()
    assert jerk < 0.01
    lag = np.abs(values["action.right_arm"] - values["state.right_arm"]).mean()
    assert 0.001 < lag < 0.3
    # In the end the object lies in the bowl: less than its radius away, and it did not begin there.
    apart = np.linalg.norm((values["privileged.object"] - values["privileged.container"])[:, :2], axis=1)
    assert apart[-1] < 0.1 < apart[0]
    # Something was moved in every frame of the scene, the object stays before the robot.
    places = frames.values["privileged.object"]
    assert len(np.unique(places[:, 0].round(3))) == 4 and (places[:, 0] > 0).all()
    pictures = list(frames.pictures(np.arange(4)))
    assert all(np.abs(a.astype(int) - b).mean() > 2 for a, b in zip(pictures, pictures[1:], strict=False))
    effectors = open_chunks(tmp_path, embodiment="gr1_eef")[0].values
    grasped = np.linalg.norm(values["privileged.object"] - effectors["state.right_wrist"][:, :3], axis=1).min()
    assert grasped < 0.2
