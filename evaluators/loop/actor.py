"""An agent that acts in the runner, in a process of its own: none can hang, end or crash a run, whatever it does.

The agent is asked in its process (``serve``); there a signal interrupts it when it takes too long. What swallows that,
or never comes back from C, is killed a little later, and another process takes its place (``Actor``).
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from crossbody import arithmetic, catalog, errors
from crossbody.contracts import Agent, Channel, Chunk, Contract, EpisodeSpec, Observation
from crossbody.errors import CrossbodyError, EpisodeTimeout, InvalidAction
from crossbody.texts import printable
from envs.pool import PROCESSES, Event, PoolOrder, open_pool
from envs.worker import Link
from evaluators.loop.acting import AgentRaised, chunk_of, describe, fit, guard, time_limit

GRACE_S = 5.0
"""How much longer than its limit an agent may take before its process is ended: it was interrupted and did not stop."""

CLOSE_S = 20.0
MAKE_S = 3600.0
"""Making an agent reads its weights, which may be large, from a disk that may be slow."""

LOOK_EVERY_S = 0.25


class AgentGone(CrossbodyError):
    """The agent's process ended by itself, or was killed."""


@dataclass(frozen=True)
class AgentCard:
    """What an agent says about itself."""

    in_worker: bool
    card: Mapping[str, Any]
    arithmetic: Mapping[str, str]
    reads: tuple[Channel, ...] = ()  # known once the agent has met the environment
    gives: tuple[Channel, ...] = ()


@dataclass(frozen=True)
class Question:
    """What an agent is asked: the observations, and how many control steps of each answer are executed."""

    observations: Mapping[str, Observation]
    steps: Mapping[str, int]
    action: tuple[Channel, ...]


@dataclass
class Actor:
    """The runner's side of an agent. ``life`` rises with every process: an agent of another life knows no episode."""

    name: str
    target: str
    options: Any
    act_s: float
    life: int = 0
    while_waiting: Callable[[], None] = lambda: None
    _met: tuple[Contract, int] | None = None
    _card: AgentCard | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        limits = {"start": MAKE_S, "act": self.act_s + GRACE_S}
        self._pool = open_pool(PROCESSES, PoolOrder(1, f"{__name__}:serve", limits, logs=None, one_thread=False))

    @property
    def about(self) -> AgentCard:
        """What the agent said of itself; it is made for that."""
        if self._card is None:
            self._make()
        assert self._card
        return self._card

    def meet(self, contract: Contract, chunk: int) -> None:
        """Let the agent adapt to an environment, then compare; ContractMismatch lists every difference."""
        self._met = contract, chunk
        self._made()
        self._card = self._answer("meet", contract, chunk)

    def reset(self, episodes: Sequence[EpisodeSpec]) -> None:
        """Begin these episodes. Raises what ``act`` raises."""
        self._made()
        self._answer("reset", tuple(episodes), self.act_s)

    def act(self, question: Question) -> dict[str, Chunk | InvalidAction]:
        """Return a checked chunk, or what is wrong with it, for each episode.

        Raises AgentRaised, EpisodeTimeout, AgentGone or whatever text for the user the agent raised.
        """
        self._made()
        answers = self._answer("act", question, self.act_s)
        return {e: InvalidAction(a) if isinstance(a, str) else a for e, a in answers.items()}

    def close(self) -> str:
        """Close the agent and end its process; return what went wrong with that, or ''."""
        try:
            if self._card is not None:
                self._answer("close", CLOSE_S)
        except CrossbodyError as error:
            return str(error)
        finally:
            self._card = None
            self._pool.close()
        return ""

    def _made(self) -> None:
        """Make the agent anew if its process is gone."""
        if self._card is None:
            self._make()
            if self._met:
                self._card = self._answer("meet", *self._met)

    def _make(self) -> None:
        self.life += 1
        self._card = self._answer("make", self.name, self.target, self.options)

    def _answer(self, *message: Any) -> Any:
        self._pool.worker(0).ask(*message)
        while True:
            for event in self._pool.wait(LOOK_EVERY_S):
                return self._content(event)
            self.while_waiting()

    def _content(self, event: Event) -> Any:
        if event.kind == "answer":
            return event.content
        if event.kind == "refused":
            raise _error(*event.content)
        making, self._card = self._card is None, None
        if event.kind == "hung":
            raise EpisodeTimeout("making the agent took longer than an hour" if making else _too_long(self.act_s))
        raise AgentGone(event.content.replace("the worker", "the agent’s process").replace(": use fewer --workers", ""))


class Station:
    """The agent in its process."""

    def __init__(self) -> None:
        self._agent: Any = None

    def make(self, name: str, target: str, options: Any) -> AgentCard:
        try:
            self._agent = catalog.load(target)(options)
        except CrossbodyError:
            raise
        except BaseException as error:
            raise CrossbodyError(f"the agent {name} cannot be made: {describe(error)}{_place(error)}") from error
        return self._about()

    def meet(self, contract: Contract, chunk: int) -> AgentCard:
        guard(lambda: fit(self._agent, contract, chunk))
        return self._about(tuple(self._agent.reads), tuple(self._agent.gives))

    def reset(self, episodes: Sequence[EpisodeSpec], act_s: float) -> None:
        _in_time(act_s, lambda: self._agent.reset(episodes))

    def act(self, question: Question, act_s: float) -> dict[str, Chunk | str]:
        seen = question.observations
        answer = _in_time(act_s, lambda: self._agent.act(seen))
        return {e: guard(lambda e=e: _chunk(answer, e, question)) for e in seen}

    def close(self, close_s: float) -> None:
        _in_time(close_s, self._agent.close, "the agent’s close() ")

    def _about(self, reads: tuple[Channel, ...] = (), gives: tuple[Channel, ...] = ()) -> AgentCard:
        agent: Agent = self._agent
        return AgentCard(bool(agent.in_worker), dict(getattr(agent, "card", {})), arithmetic.observed(), reads, gives)


def serve(link: Link) -> None:
    """Answer the runner's questions until it is gone."""
    station = Station()
    while True:
        kind, *content = link.receive()
        link.beat("start" if kind == "make" else "act")
        try:
            link.answer("answer", getattr(station, kind)(*content))
        except (BrokenPipeError, ConnectionResetError):
            raise
        except BaseException as error:  # sys.exit() of an agent ends nothing either
            lines = isinstance(error, CrossbodyError)  # a text for the user may be a list
            link.answer("refused", (type(error).__name__, printable(str(error)) if lines else describe(error)))


def _chunk(answer: Any, episode: str, question: Question) -> dict[str, np.ndarray] | str:
    try:
        return chunk_of(answer, episode, question.action, question.steps[episode])
    except InvalidAction as error:
        return describe(error)


def _in_time(seconds: float, question: Callable[[], Any], what: str = "the agent ") -> Any:
    """Return what an agent answers within its time; one that swallows the interruption and answers late is late all the
    same."""
    with time_limit(seconds, _too_long(seconds)) as late:
        answer = guard(question, what)
    if late:
        raise EpisodeTimeout(_too_long(seconds))
    return answer


def _too_long(seconds: float) -> str:
    return f"the agent took longer than {seconds:g} s; a longer limit is --timeouts.act-s"


def _place(error: BaseException) -> str:
    """Return where an error was raised, as the end of a sentence."""
    frames = traceback.extract_tb(error.__traceback__)
    return f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""


def _error(name: str, text: str) -> CrossbodyError:
    """Return the error that an agent's process told of, of its own kind where it is one of ours."""
    kind: Any = {**vars(errors), AgentRaised.__name__: AgentRaised}.get(name)
    known = isinstance(kind, type) and issubclass(kind, CrossbodyError)
    error: CrossbodyError = Exception.__new__(kind if known else CrossbodyError)
    error.args = (text,)
    return error
