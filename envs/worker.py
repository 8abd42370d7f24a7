"""A worker process: ``python -m envs.worker PIPE BLOCK MODULE:FUNCTION`` calls the function with its Link to the
runner.

It is started by ``envs.pool`` with an environment of its own, so that PYTHONHASHSEED holds before the interpreter
starts."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import Any

from envs.shared import SharedBlock

PR_SET_PDEATHSIG, SIGKILL = 1, 9


class Link:
    """A worker's side of the pipe and of the shared block."""

    def __init__(self, pipe: Connection, block: SharedBlock):
        self._pipe = pipe
        self._block = block

    def receive(self) -> tuple[Any, ...]:
        """Wait for the next message; EOFError when the runner is gone."""
        return self._pipe.recv()

    def note(self, kind: str, content: Any) -> None:
        """Tell the runner something before the answer that it waits for."""
        self._pipe.send((kind, content, False))

    def answer(self, kind: str, content: Any = None) -> None:
        """Answer the last message; it is the runner's turn."""
        self._pipe.send((kind, content, True))

    def answer_observation(self, kind: str, observation: Mapping[str, Any]) -> None:
        """Answer with an observation, its frames through the shared block: the runner copies them before it goes on."""
        self.answer(kind, self._block.pack(observation))

    def beat(self, phase: str, steps: int = 0) -> None:
        """Tell the watchdog that this worker lives; ``phase`` says which of its limits holds from now on."""
        self._block.beat(phase, steps)


def die_with_parent() -> None:
    """Ask Linux to end this process when its parent ends, even by ``kill -9`` in the middle of a control step."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, SIGKILL)


def main() -> None:
    pipe, block, target = sys.argv[1:]
    die_with_parent()
    module, _, function = target.partition(":")
    link = Link(Connection(int(pipe)), SharedBlock(int(block)))
    try:
        getattr(importlib.import_module(module), function)(link)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # the runner is gone: nobody is left to tell


if __name__ == "__main__":
    main()
