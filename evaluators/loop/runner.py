"""The episode loop: a fixed queue, one row per attempt, inference batched over the workers that wait.

Every episode of the queue is started, finished and counted, so the result depends neither on the number of workers nor
on which episode ends first.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from crossbody.contracts import Channel, Chunk, EpisodeRow, EpisodeSpec, Observation, RunProtocol, Status
from crossbody.errors import CrossbodyError, EpisodeTimeout, InvalidAction
from crossbody.runs import RunFolder
from envs.pool import Event, Pool
from evaluators.loop.acting import describe
from evaluators.loop.actor import Actor, AgentGone, Question
from evaluators.loop.rollout import Outcome
from evaluators.loop.worker import Job

LOOK_EVERY_S = 0.25


class Watcher(Protocol):
    """Who is told how the run goes."""

    def started(self, episode: str) -> None: ...
    def recorded(self, row: EpisodeRow, final: bool) -> None: ...
    def tick(self) -> None: ...


@dataclass
class Attempt:
    """One attempt under way or to come. ``alone``: its agent is asked for this episode only, see
    ``Runner._agent_failed``.

    ``life``: the life of the agent (``Actor.life``) that has begun it.
    """

    spec: EpisodeSpec
    number: int
    alone: bool = False
    began: float = 0.0
    steps: int = 0
    instruction: str = ""
    scene_hash: str = ""
    life: int = 0


@dataclass(frozen=True)
class Rules:
    """How attempts are made: the protocol, and what holds for the run."""

    protocol: RunProtocol
    action: tuple[Channel, ...]
    retries: int
    scenes: Path | None = None  # the folder of scene manifests to replay


class Runner:
    """Runs what is missing of a queue. ``agent`` is None when every worker has its own."""

    def __init__(self, pool: Pool, agent: Actor | None, folder: RunFolder, rules: Rules, watcher: Watcher):
        self._pool = pool
        self._agent = agent
        self._folder = folder
        self._rules = rules
        self._watcher = watcher
        self._pending: deque[Attempt] = deque()
        self._active: dict[int, Attempt] = {}
        self._waiting: dict[int, Observation] = {}
        if agent:
            agent.while_waiting = watcher.tick

    def run(self, episodes: Sequence[EpisodeSpec]) -> None:
        """Run every episode that the folder has no final row of. What ends the run early is raised;
        nothing recorded is lost."""
        self._pending.extend(remaining(episodes, self._folder.attempts(), self._rules.retries))
        while self._pending or self._active:
            self._start()
            for event in self._pool.wait(0 if self._waiting else LOOK_EVERY_S):
                getattr(self, f"_on_{event.kind}")(event)
            self._infer()
            self._watcher.tick()

    def _start(self) -> None:
        for number in range(self._pool.count):
            if number in self._active or not self._pending:
                continue
            attempt = self._pending.popleft()
            attempt.began = time.monotonic()
            self._active[number] = attempt
            self._pool.worker(number).begin("attempt", self._job(attempt))
            self._watcher.started(attempt.spec.id)

    def _job(self, attempt: Attempt) -> Job:
        name, number, folder = attempt.spec.id, attempt.number, self._folder
        replay = RunFolder(self._rules.scenes).scene_file(name) if self._rules.scenes else None
        files = (folder.trace_file(name, number), folder.scene_file(name), folder.video_file(name, number))
        return Job(attempt.spec, number, *files, replay)

    def _on_built(self, event: Event) -> None:
        attempt = self._active[event.worker]
        attempt.instruction, attempt.scene_hash = event.content

    def _on_observation(self, event: Event) -> None:
        attempt = self._active[event.worker]
        attempt.steps = event.steps
        self._waiting[event.worker] = event.content
        if event.steps == 0 and self._ask([event.worker], lambda agent, _: agent.reset([attempt.spec])):
            assert self._agent
            attempt.life = self._agent.life

    def _on_outcome(self, event: Event) -> None:
        self._record(event.worker, "ok", event.content)

    def _on_failed(self, event: Event) -> None:
        self._active[event.worker].steps = event.steps
        self._record(event.worker, "error", error=event.content)

    def _on_fatal(self, event: Event) -> None:
        raise CrossbodyError(event.content)

    def _on_died(self, event: Event) -> None:
        self._active[event.worker].steps = event.steps
        self._record(event.worker, "crashed", error=event.content)

    def _on_hung(self, event: Event) -> None:
        self._active[event.worker].steps = event.steps
        self._record(event.worker, "timeout", error=event.content)

    def _infer(self) -> None:
        together = [w for w in self._waiting if not self._active[w].alone]
        alone = [w for w in self._waiting if self._active[w].alone]
        for group in [together] * bool(together) + [[w] for w in alone]:
            workers = [w for w in group if not self._forgotten(w)]
            if workers and (answers := self._ask(workers, self._act)):
                for worker in workers:
                    self._execute(worker, answers[0][self._active[worker].spec.id])

    def _act(self, agent: Actor, workers: list[int]) -> dict[str, Chunk | InvalidAction]:
        """Return the agent's answers for the episodes of these workers, all in one question."""
        protocol, attempts = self._rules.protocol, {w: self._active[w] for w in workers}
        observations = {a.spec.id: self._waiting[w] for w, a in attempts.items()}
        steps = {a.spec.id: min(protocol.chunk, protocol.max_steps - a.steps) for a in attempts.values()}
        return agent.act(Question(observations, steps, self._rules.action))

    def _ask(self, workers: list[int], question: Callable[[Actor, list[int]], Any]) -> tuple[Any] | None:
        """Return the agent's answer in a tuple, or None after its failure cost these workers their attempts."""
        assert self._agent is not None
        try:
            return (question(self._agent, workers),)
        except CrossbodyError as error:
            self._agent_failed(workers, error)
            return None

    def _execute(self, worker: int, chunk: Chunk | InvalidAction) -> None:
        if isinstance(chunk, InvalidAction):
            self._give_up(worker, chunk)
            return
        del self._waiting[worker]
        self._pool.worker(worker).ask("act", chunk)

    def _forgotten(self, worker: int) -> bool:
        """Start an attempt over whose agent is gone with what it knew of the episode; return whether that was so."""
        assert self._agent
        if self._active[worker].life == self._agent.life:
            return False
        attempt = self._drop(worker)
        self._pending.append(Attempt(attempt.spec, attempt.number, attempt.alone))
        return True

    def _agent_failed(self, workers: list[int], error: Exception) -> None:
        """Charge the failure to the one episode that was asked for. Of several, nobody knows which: they start over,
        each asked for alone, so that the rows are those of a run with one worker."""
        if len(workers) == 1:
            self._give_up(workers[0], error)
            return
        for worker in workers:
            attempt = self._drop(worker)
            self._pending.append(Attempt(attempt.spec, attempt.number, alone=True))

    def _give_up(self, worker: int, error: Exception) -> None:
        self._pool.worker(worker).tell("drop")
        status: Status = "crashed" if isinstance(error, AgentGone) else "error"
        if isinstance(error, EpisodeTimeout):
            status = "timeout"
        self._record(worker, status, error=describe(error))

    def _drop(self, worker: int) -> Attempt:
        self._pool.worker(worker).tell("drop")
        self._waiting.pop(worker, None)
        return self._active.pop(worker)

    def _record(self, worker: int, status: Status, outcome: Outcome | None = None, error: str = "") -> None:
        attempt = self._active.pop(worker)
        self._waiting.pop(worker, None)
        row = _row(attempt, worker, status, outcome, error)
        self._folder.append(row)
        final = status == "ok" or attempt.number > self._rules.retries
        if not final:
            self._pending.append(Attempt(attempt.spec, attempt.number + 1, attempt.alone))
        self._watcher.recorded(row, final)


def remaining(episodes: Sequence[EpisodeSpec], rows: Sequence[EpisodeRow], retries: int) -> list[Attempt]:
    """Return the next attempt of each episode that has neither an outcome nor used up its retries,
    in the queue's order."""
    last = {row.episode: row for row in rows}
    attempts = []
    for spec in episodes:
        row = last.get(spec.id)
        if row is None:
            attempts.append(Attempt(spec, 1))
        elif row.status != "ok" and row.attempt <= retries:
            attempts.append(Attempt(spec, row.attempt + 1))
    return attempts


def _row(attempt: Attempt, worker: int, status: Status, outcome: Outcome | None, error: str) -> EpisodeRow:
    spec = attempt.spec
    return EpisodeRow(
        episode=spec.id,
        task=spec.task.name,
        split=spec.task.split,
        family=spec.task.family,
        index=spec.index,
        seed=spec.seed,
        attempt=attempt.number,
        status=status,
        success=outcome.success if outcome else None,
        first_success_step=outcome.first_success_step if outcome else None,
        steps=outcome.steps if outcome else attempt.steps,
        instruction=attempt.instruction,
        scene_hash=attempt.scene_hash,
        trace_hash=outcome.trace_hash if outcome else "",
        error=error,
        worker=worker,
        elapsed_s=round(time.monotonic() - attempt.began, 3),
    )
