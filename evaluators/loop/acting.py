"""Asking an agent: what it raises, how long it may take, and whether its answer fits."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np

from crossbody.contracts import Adapts, Agent, Channel, Contract, check_contract
from crossbody.errors import ContractMismatch, CrossbodyError, EpisodeTimeout, InvalidAction
from crossbody.texts import one_line
from envs.chunked import check_chunk

T = TypeVar("T")


class AgentRaised(CrossbodyError):
    """The agent raised while it was asked: the text has the type and the message."""


def fit(agent: Agent, contract: Contract, chunk: int) -> None:
    """Let the agent adapt to the environment, then compare; ContractMismatch lists every difference."""
    try:
        if isinstance(agent, Adapts):
            agent.bind(contract, chunk)
    except ContractMismatch:
        # An agent of another robot may complain of the protocol first; no protocol would give it its channels.
        check_contract(contract, getattr(agent, "reads", ()), getattr(agent, "gives", ()) or contract.action)
        raise
    check_contract(contract, agent.reads, agent.gives)


def guard(question: Callable[[], T], what: str = "the agent ") -> T:
    """Return what an agent answers; what it raises comes as AgentRaised, or as it is when it is a text for the user.

    ``sys.exit`` in an agent is an error like any other; Ctrl-C is the user's.
    """
    try:
        return question()
    except (CrossbodyError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise AgentRaised(f"{what}raised {describe(error)}") from error


def chunk_of(answer: Mapping[str, Any], episode: str, action: tuple[Channel, ...], steps: int) -> dict[str, np.ndarray]:
    """Return the chunk for an episode, checked and cut to ``steps``;
    InvalidAction when it is absent or does not fit."""
    if not isinstance(answer, Mapping) or episode not in answer:
        raise InvalidAction(f"the agent gave no chunk for {episode}")
    return check_chunk(answer[episode], action, steps)


@contextmanager
def time_limit(seconds: float, text: str) -> Iterator[list[str]]:
    """Raise EpisodeTimeout with a text inside the block after ``seconds``, and yield a list that has the text from then
    on.

    There is no limit outside the main thread, where no signal arrives.
    """
    late: list[str] = []
    if threading.current_thread() is not threading.main_thread():
        yield late
        return

    def expire(*_: object) -> None:
        late.append(text)
        raise EpisodeTimeout(text)

    before = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield late
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def describe(error: BaseException) -> str:
    """Return one line: the type, and the message without line breaks. What a user can mend needs no type."""
    try:
        text = one_line(str(error))
    except Exception:  # a message that cannot even be made
        text = "its message cannot be shown"
    return text if isinstance(error, CrossbodyError) and text else f"{type(error).__name__}: {text}".removesuffix(": ")
