"""What a worker does with its messages: it keeps one environment, and runs attempts in it.

Messages in: ``("setup", Setup)``, ``("card", TaskSpec)``, ``("attempt", Job)``, ``("act", chunk)``, ``("drop",)``.
Answers: ``card`` {contract, fingerprint, arithmetic}, ``observation``, ``outcome``, ``failed`` (this attempt, text),
``fatal`` (the run, text).
``built`` (instruction, scene hash) is a note after each reset.
"""

from __future__ import annotations

import errno
import json
import os
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crossbody import arithmetic, catalog
from crossbody.contracts import Agent, ChunkedEnv, EpisodeSpec, RunProtocol, TaskSpec, check_contract, scene_hash
from crossbody.errors import ContractMismatch, CrossbodyError, MissingAssets, MissingExtra
from crossbody.runs import write_atomic
from envs.chunked import control_hz, make
from envs.worker import Link
from evaluators.loop.acting import chunk_of, describe, guard
from evaluators.loop.plan import Keep
from evaluators.loop.rollout import Outcome, Rollout
from evaluators.loop.video import STEPS_PER_FRAME, Recorder

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)


@dataclass(frozen=True)
class Setup:
    """What holds for all attempts of a run. ``agent`` is "module:make" when the agent lives in the worker, else ''."""

    protocol: RunProtocol
    video: Keep
    observe: tuple[str, ...]
    agent: str = ""
    options: Any = None


@dataclass(frozen=True)
class Job:
    """One attempt: the files it writes, and the scene that it replays, if any."""

    spec: EpisodeSpec
    attempt: int
    trace: Path
    scene: Path
    video: Path
    replay: Path | None = None


def serve(link: Link) -> None:
    """Answer messages until the runner is gone."""
    station = Station(link)
    while True:
        kind, *content = link.receive()
        try:
            getattr(station, f"on_{kind}")(*content)
        except Exception as error:  # whatever a simulator or an agent raises costs the attempt, not the run
            with suppress(OSError):  # the log is on the disk that may be full
                traceback.print_exc()
            verdict = station.verdict(error)
            station.clear()
            link.answer(*verdict)


class Station:
    """The environment and the attempt that a worker has at hand."""

    def __init__(self, link: Link):
        self._link = link
        self._setup: Setup | None = None
        self._task: TaskSpec | None = None
        self._env: ChunkedEnv | None = None
        self._agent: Agent | None = None
        self._job: Job | None = None
        self._rollout: Rollout | None = None
        self._recorder: Recorder | None = None

    def on_setup(self, setup: Setup) -> None:
        self._setup = setup

    def on_card(self, task: TaskSpec) -> None:
        self._link.beat("reset")
        env = self._open(task)
        fingerprint = {**env.fingerprint(), "control_hz": control_hz(env)}
        self._link.answer(
            "card",
            {"contract": env.contract(), "fingerprint": fingerprint, "arithmetic": arithmetic.observed()},
        )

    def on_attempt(self, job: Job) -> None:
        """Build the scene; then run to the end with the worker's own agent, or answer with the first observation."""
        assert self._setup
        self._link.beat("reset")
        self._job = job
        env = self._open(job.spec.task)
        agent = self._own_agent(env)
        self._recorder = (
            Recorder(job.video, fps=round((control_hz(env) or 20) / STEPS_PER_FRAME))
            if self._setup.video != "none"
            else None
        )
        self._rollout = Rollout(env, self._setup.protocol, self._after_step)
        self._rollout.begin(job.spec.seed, self._reset_options(job))
        write_atomic(job.scene, json.dumps(self._rollout.scene, allow_nan=False).encode())
        self._link.note("built", (self._rollout.instruction, scene_hash(self._rollout.scene)))
        if agent is None:
            self._link.answer_observation("observation", self._rollout.observation)
        else:
            self._run_with(agent, job.spec)

    def on_act(self, chunk: Mapping[str, Any]) -> None:
        assert self._rollout
        self._rollout.execute(chunk)
        if self._rollout.over:
            self._link.answer("outcome", self._finish())
        else:
            self._link.answer_observation("observation", self._rollout.observation)

    def on_drop(self) -> None:
        """Forget the attempt; its agent failed. The environment is sound."""
        try:
            if self._recorder:
                self._recorder.close(keep=self._setup is not None and self._setup.video != "none")
        except Exception as error:  # nobody waits for an answer, and the attempt is lost already
            with suppress(OSError):
                print(f"the video of a lost attempt was not kept: {describe(error)}", flush=True)
        self._job = self._rollout = self._recorder = None

    def verdict(self, error: Exception) -> tuple[str, str]:
        """Return whether an error costs this attempt or ends the run, and its text."""
        if (number := getattr(error, "errno", None)) in FULL:  # PyAV's errors have one, too
            return "fatal", _disk_is_full(number, getattr(error, "filename", None), self._job)
        mendable = CrossbodyError if self._job is None else MissingAssets | MissingExtra | ContractMismatch
        return "fatal" if isinstance(error, mendable) else "failed", describe(error)

    def clear(self) -> None:
        """Forget everything that an exception may have left half done."""
        self.on_drop()
        self._close()

    def _close(self) -> None:
        for thing in (self._agent, self._env):
            try:
                if thing is not None:
                    thing.close()
            except Exception as error:  # closing what is broken may raise; it is forgotten all the same
                with suppress(OSError):
                    print(f"closing after a failure: {describe(error)}", flush=True)
        self._agent = self._env = self._task = None

    def _open(self, task: TaskSpec) -> ChunkedEnv:
        """Return the environment of a task: the one at hand if it is of this task, else a new one in its place."""
        if self._env is None or self._task != task:
            self._close()
            self._env, self._task = make(task), task
        return self._env

    def _own_agent(self, env: ChunkedEnv) -> Agent | None:
        assert self._setup
        if self._setup.agent and self._agent is None:
            agent = catalog.load(self._setup.agent)(self._setup.options)
            check_contract(env.contract(), agent.reads, agent.gives)
            agent.attach(env)
            self._agent = agent
        return self._agent

    def _reset_options(self, job: Job) -> dict[str, Any]:
        assert self._setup
        spec = job.spec
        options = {"episode": spec.id, "index": spec.index, "attempt": job.attempt, "observe": self._setup.observe}
        return options | ({"scene": json.loads(job.replay.read_text())} if job.replay else {})

    def _run_with(self, agent: Agent, spec: EpisodeSpec) -> None:
        assert self._rollout
        rollout, action = self._rollout, self._rollout.env.contract().action
        guard(lambda: agent.reset([spec]))
        while not rollout.over:
            answer = guard(lambda: agent.act({spec.id: rollout.observation}))
            rollout.execute(chunk_of(answer, spec.id, action, 1))
        self._link.answer("outcome", self._finish())

    def _after_step(self, steps: int) -> None:
        self._link.beat("step", steps)
        if self._recorder and self._rollout and steps % STEPS_PER_FRAME == 0:
            self._recorder.add(self._rollout.env.render())

    def _finish(self) -> Outcome:
        assert self._setup and self._rollout and self._job
        outcome = self._rollout.finish(self._job.trace)
        if self._recorder:
            self._recorder.close(keep=self._setup.video == "all" or not outcome.success)
        self._job = self._rollout = self._recorder = None
        return outcome


def _disk_is_full(number: int, file: str | None, job: Job | None) -> str:
    run = (
        f" Nothing recorded is lost; free the disk and `uv run crossbody resume {job.trace.parent.parent}`."
        if job
        else ""
    )
    return f"cannot write {file or 'to the disk'}: {os.strerror(number)}.{run}"
