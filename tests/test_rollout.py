"""One attempt: the clock of chunks, early stop, and what a trace holds."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from crossbody.contracts import ChunkResult, Contract
from crossbody.errors import CrossbodyError
from crossbody.runs import load_trace
from evaluators.loop.rollout import Rollout
from tests.running import SHORT


class Scripted:
    """An environment that succeeds at the steps that it is told, and ends itself after ``end``."""

    def __init__(self, successes: set[int], end: int = 10_000):
        self._successes = successes
        self._end = end
        self._step = 0

    def contract(self) -> Contract:
        return Contract()

    def fingerprint(self) -> dict:
        return {}

    def reset(self, *, seed=None, options=None):
        self._step = 0
        return {}, {"instruction": "", "scene": {"seed": seed}}

    def step_chunk(self, chunk, on_step=None) -> ChunkResult:
        bits = []
        for k in range(len(chunk["action.a"])):
            self._step += 1
            bits.append(self._step in self._successes)
            if (on_step and on_step(k, bits[-1])) or self._step >= self._end:
                break
        return ChunkResult({}, bits, {"state.a": np.arange(self._step - len(bits), self._step)[:, None]})

    def render(self) -> np.ndarray:
        raise NotImplementedError

    def close(self) -> None:
        pass


def play(successes: set[int], tmp_path, end: int = 10_000, ask: int = 8, **protocol):
    """Run to the end in chunks of ``ask`` steps; return the outcome and the trace."""
    rollout = Rollout(Scripted(successes, end), dataclasses.replace(SHORT, **protocol))
    rollout.begin(0, {})
    while not rollout.over:
        rollout.execute({"action.a": np.zeros((min(ask, rollout.remaining), 1), np.float32)})
    outcome = rollout.finish(tmp_path / "t.npz")
    return outcome, *load_trace(tmp_path / "t.npz")


@pytest.mark.parametrize("ask", [8, 1], ids=["an agent in the runner", "an agent in the worker"])
@pytest.mark.parametrize(
    ("successes", "rule", "steps", "success"),
    [
        ({3}, "any_step", 3, True),
        ({3}, "chunk_end", 40, False),  # chunks end at 8, 16, …
        ({16}, "chunk_end", 16, True),
        ({15, 16}, "any_step", 15, True),
        (set(), "any_step", 40, False),
        ({40}, "chunk_end", 40, True),
    ],
)
def test_the_rule_looks_where_it_says_and_early_stop_ends_there(tmp_path, ask, successes, rule, steps, success):
    outcome, bits, signals = play(successes, tmp_path, ask=ask, success_rule=rule)
    assert (outcome.steps, outcome.success) == (steps, success)
    assert outcome.first_success_step == min(successes, default=None)
    assert np.flatnonzero(bits).tolist() == [s - 1 for s in sorted(successes) if s <= steps]
    assert len(signals["action.a"]) == len(signals["state.a"]) == steps


def test_without_early_stop_an_episode_has_all_its_steps_and_its_last_chunk_is_cut(tmp_path):
    outcome, _, signals = play({3}, tmp_path, early_stop=False, max_steps=21)
    assert outcome.steps == 21
    assert signals["state.a"][:, 0].tolist() == list(range(21))


def test_an_environment_that_ends_itself_ends_the_episode(tmp_path):
    outcome, bits, _ = play({11}, tmp_path, end=11, early_stop=False)
    assert (outcome.steps, outcome.success) == (11, True)  # chunk_end: the chunk that the environment cut counts


def test_the_same_episode_has_the_same_trace_hash_and_another_has_not(tmp_path):
    one, same, other = (play(s, tmp_path)[0].trace_hash for s in ({8}, {8}, {16}))
    assert one == same != other


def test_a_replayed_scene_that_comes_out_different_is_refused_with_what_differs():
    rollout = Rollout(Scripted(set()), SHORT)
    with pytest.raises(CrossbodyError) as caught:
        rollout.begin(1, {"scene": {"seed": 2, "goal": 3}})
    assert str(caught.value) == "the replayed scene differs from its manifest in goal, seed"


def test_a_simulation_that_diverges_is_noticed_at_its_step():
    class Diverging(Scripted):
        def step_chunk(self, chunk, on_step=None):
            result = super().step_chunk(chunk, on_step)
            result.signals["state.a"] = result.signals["state.a"].astype(float)
            result.signals["state.a"][5:] = np.inf
            return result

    rollout = Rollout(Diverging(set()), SHORT)
    rollout.begin(0, {})
    with pytest.raises(CrossbodyError, match="the simulation diverged: state.a is not finite at control step 6"):
        rollout.execute({"action.a": np.zeros((8, 1), np.float32)})


def test_an_environment_may_end_an_episode_at_the_last_step_of_a_chunk(tmp_path):
    class Ends(Scripted):
        def step_chunk(self, chunk, on_step=None) -> ChunkResult:
            result = super().step_chunk(chunk, on_step)
            return dataclasses.replace(result, over=self._step >= 3)

    rollout = Rollout(Ends(set()), SHORT)
    rollout.begin(0, {})
    while not rollout.over:
        rollout.execute({"action.a": np.zeros((1, 1), np.float32)})
    assert rollout.finish(tmp_path / "t.npz").steps == 3
