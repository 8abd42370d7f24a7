"""The tracking task as a Gymnasium vector environment."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers.vector import RecordEpisodeStatistics

from envs.humanoid.vector import TrackingVectorEnv
from envs.registration import TRACKING, register
from tests.humanoids import swaying

pytestmark = pytest.mark.sim


@pytest.fixture
def batch():
    env = TrackingVectorEnv(3, [swaying(seconds=0.2)])
    yield env
    env.close()


def zeros(env) -> np.ndarray:
    return np.zeros(env.action_space.shape, np.float32)


def test_gymnasium_makes_it_by_its_id():
    register()
    env = gymnasium.make_vec(TRACKING, num_envs=2, vectorization_mode="vector_entry_point", motions=[swaying()])
    assert isinstance(env.unwrapped, TrackingVectorEnv) and env.num_envs == 2
    env.close()


def test_observations_and_actions_are_in_the_declared_spaces(batch):
    batch.action_space.seed(0)
    seen, _ = batch.reset(seed=0)
    assert seen in batch.observation_space
    seen, reward, terminated, truncated, _ = batch.step(batch.action_space.sample())
    assert seen in batch.observation_space
    assert reward.shape == terminated.shape == truncated.shape == (3,)
    assert (reward.dtype, terminated.dtype, truncated.dtype) == (np.float64, np.bool_, np.bool_)


def test_a_seed_gives_the_same_episodes_and_no_seed_gives_others(batch):
    first, again, other = (batch.reset(seed=seed)[0] for seed in (4, 4, None))
    assert data_equivalence(first, again, exact=True)
    assert not data_equivalence(first, other)


def test_it_says_that_it_resets_in_the_same_step_and_does(batch):
    assert batch.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    batch.reset(seed=0)
    batch.task.start([0, 0, 0], frame=8)
    assert "final_obs" not in batch.step(zeros(batch))[-1]
    seen, _, _, truncated, infos = batch.step(zeros(batch))
    assert truncated.all() and infos["_final_obs"].all() and infos["reason_ended"].all()
    assert infos["final_obs"].keys() == seen.keys()
    assert not np.array_equal(infos["final_obs"]["joint_position"], seen["joint_position"])


def test_what_was_returned_does_not_change_with_the_next_step(batch):
    seen, _ = batch.reset(seed=0)
    kept = {name: value.copy() for name, value in seen.items()}
    batch.step(zeros(batch) + 1)
    assert data_equivalence(seen, kept, exact=True)


def test_gymnasium_s_wrappers_count_its_episodes(batch):
    env = RecordEpisodeStatistics(batch)
    env.reset(seed=0)
    lengths = []
    for _ in range(25):
        infos = env.step(zeros(env))[-1]
        if "episode" in infos:
            lengths += infos["episode"]["l"][infos["_episode"]].tolist()
    assert lengths and max(lengths) <= 10
