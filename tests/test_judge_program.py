"""Any program as a judge."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from pathlib import Path

import pytest

from tests.judging import Judging

ONE = ("--repeats", "1", "--no-swap", "--workers", "1")
GOOD = "print(json.dumps({'semantic': 4.5, 'temporal': 3, 'geometric': 2, 'comment': 'fine'}))"


@pytest.fixture
def judging(tmp_path, capsys):
    return Judging(tmp_path, capsys)


@pytest.fixture
def program(tmp_path):
    """A function that writes a program whose body gets ``question``, and returns the options that call it."""

    def write(body: str) -> tuple[str, ...]:
        file = tmp_path / "judge.py"
        file.write_text(f"import json, os, sys, time\nquestion = json.load(sys.stdin)\n{body}\n")
        return ("--command", f"{sys.executable} -S {file}")

    return write


def test_a_program_gets_the_question_as_json_and_its_verdict_is_kept(judging, program, tmp_path):
    keep = f"open({str(tmp_path / 'question.json')!r}, 'w').write(json.dumps(question))"
    assert judging(*ONE, *program(f"{keep}\n{GOOD}"), "--model", "mine-2", provider="command") == 0
    answer = judging.answers()[0]
    assert (answer["semantic"], answer["temporal"], answer["geometric"]) == (4.5, 3, 2)
    assert (answer["judge"], answer["model"], answer["cost_usd"]) == ("program", "mine-2", None)
    question = json.loads((tmp_path / "question.json").read_text())
    assert question.keys() == {"format", "model", "rubric", "instruction", "seed", "clips"}
    assert [len(question["clips"][letter]) for letter in "AB"] == [4, 4]
    assert "secret" not in json.dumps(question) and "pair-" not in json.dumps(question)


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ("print('I liked it')", "invalid", "the answer is prose, not JSON"),
        ("print('{\"semantic\": 3')", "invalid", "malformed JSON"),
        ("sys.stdout.buffer.write(bytes(range(128, 256)))", "invalid", "the answer is prose"),
        ("sys.exit('no model file')", "failed", "the program ended with code 1: no model file"),
        ("sys.exit(3)", "failed", "the program ended with code 3: nothing on standard error"),
        ("time.sleep(60)", "failed", "the program gave no answer within 0.5 s and was ended"),
    ],
    ids=["prose", "half", "bytes", "error", "code", "slow"],
)
def test_a_program_without_a_verdict_is_a_missing_row_with_its_reason(judging, program, body, status, reason):
    assert judging(*ONE, *program(body), "--patience.timeout-s", "0.5", provider="command") == 1
    for row in judging.scores():
        assert row["status"] == status and reason in row["reason"] and row["overall"] == ""


def test_code_75_asks_for_another_try_and_any_other_does_not(judging, program, tmp_path):
    count = f"f = {str(tmp_path / 'count')!r}\nn = os.path.exists(f)\nopen(f, 'a').write('x')\n"
    assert judging(*ONE, *program(f"{count}if not n: sys.exit(75)\n{GOOD}"), provider="command") == 0
    assert [a["tries"] for a in judging.answers()] == [2, 1]


def test_what_a_slow_program_started_is_ended_with_it(judging, program, tmp_path):
    child = (
        f"import subprocess; p = subprocess.Popen(['sleep', '60']); open({str(tmp_path / 'pid')!r}, "
        "'w').write(str(p.pid)); p.wait()"
    )
    judging("--repeats", "1", "--no-swap", *program(child), "--patience.timeout-s", "1", provider="command")
    pid = int((tmp_path / "pid").read_text())
    for _ in range(100):
        if not alive(pid):
            return
        time.sleep(0.02)
    raise AssertionError("the child lives on")


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "--provider command needs the program"),
        (("--command", "no-such-program-here"), "there is no program 'no-such-program-here'"),
    ],
)
def test_a_program_that_is_not_there_is_refused_before_anything_is_judged(judging, options, message):
    assert judging(*options, provider="command") == 2
    assert message in judging.printed


def test_a_key_in_the_environment_that_a_program_prints_is_not_kept(judging, program, monkeypatch):
    monkeypatch.setenv("OTHER_SERVICE_TOKEN", "tok-0123456789-abcdef")
    judging(*ONE, *program("sys.exit('rejected ' + os.environ['OTHER_SERVICE_TOKEN'])"), provider="command")
    assert "rejected [key]" in judging.scores()[0]["reason"]
    assert not [f for f in judging.folder.rglob("*") if f.is_file() and b"tok-0123456789-abcdef" in f.read_bytes()]


def test_the_program_in_the_documents_runs_as_it_stands(judging, tmp_path):
    page = (Path(__file__).parent.parent / "docs" / "judge.md").read_text()
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (tmp_path / "my_judge.py").write_text(example)
    command = ("--command", f"{sys.executable} {tmp_path / 'my_judge.py'}", "--patience.timeout-s", "60")
    assert judging(*ONE, *command, provider="command") == 0
    assert all(1 <= float(r["overall"]) <= 5 for r in judging.scores())
