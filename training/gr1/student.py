"""A learner at work before its teacher: it brings the scene into the states that it makes for itself (DAgger,
Ross 2011)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crossbody import catalog
from crossbody.contracts import EpisodeSpec
from crossbody.errors import CrossbodyError
from evaluators.loop.acting import chunk_of, fit
from tasks import gr1
from training.attempts import Order

CHUNK = 16  # control steps between two looks, as in the evaluation


class Student:
    """An agent of the catalogue, with the weights that it was given."""

    def __init__(self, env: Any, order: Order):
        module = catalog.module_of("agents", order.student)
        weights = {"checkpoint": order.checkpoint} if order.checkpoint else {}
        try:
            options = module.Options(**weights)
        except TypeError:
            raise CrossbodyError(f"--checkpoint: the agent '{order.student}' takes none") from None
        self._agent = module.make(options)
        if self._agent.in_worker:
            raise CrossbodyError(f"--student {order.student} acts on the simulator's state, so it has nothing to learn")
        self._action = env.contract().action
        fit(self._agent, env.contract(), CHUNK)

    def lead(
        self, env: Any, spec: EpisodeSpec, seen: tuple[Mapping[str, Any], str], steps: int
    ) -> tuple[Mapping[str, Any], int, bool]:
        """Act for ``steps`` control steps from an observation and its instruction, or until success.

        Returns the observation then, the steps, and whether the task was solved.
        """
        observation, instruction = seen
        self._agent.reset([spec])
        done = 0
        while done < steps:
            shown = {**observation, gr1.EGO.name: env.picture(), gr1.LANGUAGE.name: instruction}
            chunk = chunk_of(self._agent.act({spec.id: shown}), spec.id, self._action, CHUNK)
            result = env.step_chunk({name: values[: steps - done] for name, values in chunk.items()})
            observation, done = result.observation, done + result.steps
            if any(result.success):
                return observation, done, True
        return observation, done, False
