"""Asking an agent: what it raises, how long it may take, and whether its answer fits."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np

from crossbody.contracts import Adapts, Agent, Channel, Contract, check_contract
from crossbody.errors import CrossbodyError, EpisodeTimeout, InvalidAction
from envs.chunked import check_chunk

T = TypeVar("T")


class AgentRaised(CrossbodyError):
    """The agent raised while it was asked: the text has the type and the message."""


def fit(agent: Agent, contract: Contract, chunk: int) -> None:
    """Let the agent adapt to the environment, then compare; ContractMismatch lists every difference."""
    if isinstance(agent, Adapts):
        agent.bind(contract, chunk)
    check_contract(contract, agent.reads, agent.gives)


def guard(question: Callable[[], T]) -> T:
    """Return what an agent answers; what it raises comes as AgentRaised, or as it is when it is a text for the user."""
    try:
        return question()
    except CrossbodyError:
        raise
    except Exception as error:
        raise AgentRaised(f"the agent raised {describe(error)}") from error


def chunk_of(answer: Mapping[str, Any], episode: str, action: tuple[Channel, ...], steps: int) -> dict[str, np.ndarray]:
    """Return the chunk for an episode, checked and cut to ``steps``;
    InvalidAction when it is absent or does not fit."""
    if not isinstance(answer, Mapping) or episode not in answer:
        raise InvalidAction(f"the agent gave no chunk for {episode}")
    return check_chunk(answer[episode], action, steps)


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise EpisodeTimeout inside the block after ``seconds``; no limit outside the main thread,
    where no signal arrives."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def expire(*_: object) -> None:
        raise EpisodeTimeout(f"the agent took longer than {seconds:g} s; a longer limit is --timeouts.act-s")

    before = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def describe(error: BaseException) -> str:
    """Return one line: the type, and the message without line breaks. What a user can mend needs no type."""
    text = " ".join(str(error).split())
    return text if isinstance(error, CrossbodyError) and text else f"{type(error).__name__}: {text}".removesuffix(": ")
