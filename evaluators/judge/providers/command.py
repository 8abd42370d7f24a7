"""Any program as a judge: the question as JSON on its standard input, a verdict as JSON on its standard output."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crossbody.errors import CrossbodyError
from evaluators.judge.questions.question import Asked, Failed, Question, Reply
from evaluators.judge.questions.schema import Verdict

FORMAT = 1
TEMPORARY = 75  # EX_TEMPFAIL of sysexits.h: the program asks to be tried again


@dataclass(frozen=True)
class Options:
    """Options of this provider."""

    command: str = ""
    """The program and its arguments, called without a shell."""


def make(options: Options, asked: Asked) -> Program:
    """Return the provider; a program that is not there raises CrossbodyError."""
    return Program(options.command, asked.model, asked.timeout_s)


class Program:
    """Runs the command once per question. Exit code 0 is an answer, 75 asks for another try, any other is a failure."""

    name = "command"
    judge = "program"
    verdict = Verdict
    priced = False

    def __init__(self, command: str, model: str, timeout_s: float):
        self._words = shlex.split(command)
        if not self._words:
            raise CrossbodyError("--provider command needs the program: --command 'python my_judge.py'")
        if not shutil.which(self._words[0]):
            raise CrossbodyError(f"--command: there is no program '{self._words[0]}' on the PATH")
        self.model = model or os.path.basename(self._words[0])
        self._timeout_s = timeout_s

    def settings(self) -> Mapping[str, Any]:
        """Return the command line."""
        return {"model": self.model, "command": self._words}

    def ask(self, question: Question) -> Reply:
        """Return what the program printed, or raise Failed with its exit code and the end of its standard error."""
        process = subprocess.Popen(
            self._words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        )
        try:
            out, err = process.communicate(json.dumps(request(question, self.model)).encode(), self._timeout_s)
        except subprocess.TimeoutExpired:
            raise Failed(f"the program gave no answer within {self._timeout_s:g} s and was ended") from None
        finally:
            _end(process)
        if process.returncode:
            said = err.decode(errors="replace").strip().splitlines()[-1:] or ["nothing on standard error"]
            raise Failed(
                f"the program ended with code {process.returncode}: {said[0][:300]}",
                again=process.returncode == TEMPORARY,
            )
        return Reply(out.decode(errors="replace"))

    def open(self) -> None:
        """Nothing is opened before the first question."""

    def close(self) -> None:
        """Nothing stays open between questions."""


def request(question: Question, model: str) -> dict[str, Any]:
    """Return the question as JSON-able data: rubric, instruction, and per clip frames with times and base64 JPEGs."""
    clips = {
        letter: [
            {"time_s": time, "jpeg": base64.b64encode(picture).decode()}
            for time, picture in zip(shot.times_s, shot.pictures, strict=True)
        ]
        for letter, shot in (("A", question.a), ("B", question.b))
    }
    rubric = {k: getattr(question.rubric, k) for k in ("version", "hash", "instructions")}
    return {
        "format": FORMAT,
        "model": model,
        "rubric": rubric,
        "instruction": question.instruction,
        "seed": question.repeat,
        "clips": clips,
    }


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the program and whatever it started; it has a process group of its own."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
