"""The fake environment, and the wrapper that makes any Gymnasium environment execute chunks."""

from __future__ import annotations

import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from crossbody.contracts import ChunkedEnv, TaskSpec
from crossbody.errors import CrossbodyError, InvalidAction
from envs import registration
from envs.chunked import Chunked, check_chunk, control_hz, make
from envs.fake import COMMAND, CONTRACT, Fake
from envs.registration import register

register()
NOT_NORMALISED = "For Box action spaces, we recommend using a symmetric and normalized space"


class Counter(gymnasium.Env):
    """Succeeds when the sum of its actions reaches 1, and then ends the episode."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}
    observation_space = gymnasium.spaces.Dict({"state.sum": gymnasium.spaces.Box(0, np.inf, (1,), np.float32)})
    action_space = gymnasium.spaces.Dict({"action.add": gymnasium.spaces.Box(0, 1, (1,), np.float32)})

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self._sum = np.zeros(1, np.float32)
        return {"state.sum": self._sum}, {}

    def step(self, action):
        self._sum += action["action.add"]  # in place: the wrapper must copy
        done = bool(self._sum[0] >= 1)
        return {"state.sum": self._sum}, 0.0, done, False, {"success": done}


def test_gymnasiums_checker_passes():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        registration.register()
        check_env(gymnasium.make("crossbody/Fake-v1").unwrapped)
    assert [str(w.message) for w in caught if NOT_NORMALISED not in str(w.message)] == []


def test_the_same_seed_gives_the_same_scene_and_a_manifest_replays_it():
    env, other = Fake(), Fake()
    _, info = env.reset(seed=3)
    assert other.reset(seed=3)[1] == info
    assert other.reset(seed=4)[1]["scene"] != info["scene"]
    assert other.reset(seed=4, options={"scene": info["scene"]})[1] == info


def test_only_what_is_observed_is_produced(monkeypatch):
    env = Fake()
    monkeypatch.setattr(env, "render", lambda: pytest.fail("nobody reads the picture"))
    observation, _ = env.reset(seed=0, options={"observe": ("state.position",)})
    assert set(observation) == {"state.position"}
    result = env.step_chunk({COMMAND.name: np.zeros((2, 2), np.float32)})
    assert set(result.observation) == {"state.position"}


def test_a_chunk_is_its_steps_one_by_one_and_ends_where_it_is_told():
    actions = np.linspace(-1, 1, 20, dtype=np.float32).reshape(10, 2)
    whole, single = Fake(), Fake()
    for env in (whole, single):
        env.reset(seed=0)
    calls: list[int] = []
    result = whole.step_chunk({COMMAND.name: actions}, lambda k, success: calls.append(k) or k == 6)
    singles = [single.step({COMMAND.name: a})[0] for a in actions[:7]]
    assert calls == list(range(7)) and result.steps == 7
    np.testing.assert_array_equal(result.signals["state.position"], [s["state.position"] for s in singles])
    np.testing.assert_array_equal(result.observation["state.position"], singles[-1]["state.position"])


def test_any_gymnasium_environment_executes_chunks_and_ends_itself():
    env = Chunked(Counter())
    assert isinstance(env, ChunkedEnv)
    assert [c.name for c in env.contract().action] == ["action.add"]
    assert control_hz(env) == 10
    env.reset(seed=0)
    result = env.step_chunk({"action.add": np.full((8, 1), 0.25, np.float32)})
    assert result.success == [False, False, False, True]
    np.testing.assert_allclose(result.signals["state.sum"][:, 0], [0.25, 0.5, 0.75, 1.0])


def test_an_environment_without_names_or_success_is_refused_with_what_to_do():
    with pytest.raises(CrossbodyError, match="channels have names here, so it must be a Dict. Wrap it with"):
        Chunked(gymnasium.make("CartPole-v1"))

    class Mute(Counter):
        def step(self, action):
            return *super().step(action)[:4], {}

    env = Chunked(Mute())
    env.reset()
    with pytest.raises(CrossbodyError, match=r"reports no info\['success'\], so its episodes cannot be judged"):
        env.step_chunk({"action.add": np.zeros((1, 1))})


def test_an_environment_that_nobody_registered_is_named():
    task = TaskSpec("A", "crossbody/Fkae-v1", "f", "s")
    with pytest.raises(CrossbodyError, match="task A: the environment crossbody/Fkae-v1 cannot be made: "):
        make(task)


@pytest.mark.parametrize(
    ("chunk", "text"),
    [
        (np.zeros((8, 2)), "the agent gave a ndarray; a chunk maps channel names to arrays"),
        ({}, "the agent gave no action.position"),
        (
            {"action.position": np.zeros((8, 2)), "action.hand": 1},
            "the agent gave action.hand; the environment takes action.position",
        ),
        ({"action.position": np.zeros((8, 3))}, "action.position has shape (8, 3), expected (steps, 2)"),
        ({"action.position": np.zeros(2)}, "action.position has shape (2,), expected (steps, 2)"),
        (
            {"action.position": np.zeros((4, 2))},
            "action.position has 4 steps; the protocol executes 8 before the next look",
        ),
        (
            {"action.position": np.array([[0, 0]] * 5 + [[np.inf, 0]] + [[0, 0]] * 2)},
            "action.position is not finite at step 5 of the chunk: [inf  0.]",
        ),
        (
            {"action.position": "left"},
            "action.position holds <U4, not numbers",
        ),
    ],
)
def test_a_chunk_that_does_not_fit_is_refused_with_what_was_expected_and_what_came(chunk, text):
    with pytest.raises(InvalidAction) as caught:
        check_chunk(chunk, CONTRACT.action, 8)
    assert str(caught.value) == text


def test_a_chunk_that_fits_is_cut_to_what_is_executed_and_has_the_channels_dtype():
    chunk = check_chunk({"action.position": [[0.0, 1.0]] * 16}, CONTRACT.action, 8)
    assert chunk["action.position"].shape == (8, 2)
    assert chunk["action.position"].dtype == np.float32
