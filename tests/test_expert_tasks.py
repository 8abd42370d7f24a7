"""The scripted expert at work: it solves one easy scene of each family, the same way each time."""

from __future__ import annotations

import numpy as np
import pytest

from agents.expert import Options, make
from agents.expert.agent import ExpertAgent
from crossbody.contracts import EpisodeSpec
from crossbody.errors import CrossbodyError
from tasks.gr1 import ACTION
from tasks.suite import load_suite

pytestmark = pytest.mark.sim
TASKS = {t.name: t for suite in ("robocasa_gr1", "robocasa_ood") for t in load_suite(suite).tasks}
PLATE_TO_BOWL = "PosttrainPnPNovelFromPlateToBowlSplitA"
CHUNK = 16


def begin(env, task: str, seed: int, options: Options | None = None) -> tuple[ExpertAgent, EpisodeSpec]:
    """Build a scene and return an expert that has begun its episode in it."""
    spec = EpisodeSpec(TASKS[task], 0, seed)
    env.reset(seed=seed, options={"observe": []})
    agent = make(options or Options())
    agent.attach(env)
    agent.reset([spec])
    return agent, spec


def act(env, agent: ExpertAgent, spec: EpisodeSpec, steps: int) -> tuple[list[bool], list[np.ndarray]]:
    """Run up to ``steps``, or 30 past the script's end; return the success bits and the commands (29,)."""
    success, commands, left = [], [], 30
    for _ in range(steps):
        chunk = agent.act({spec.id: {}})[spec.id]
        commands.append(np.concatenate([chunk[c.name][0] for c in ACTION]))
        success.append(env.simulator.step({name.removeprefix("action."): v[0] for name, v in chunk.items()}))
        left -= agent.report(spec.id)["finished"]
        if left == 0:
            break
    return success, commands


@pytest.mark.parametrize(
    ("task", "seed"),
    [
        (PLATE_TO_BOWL, 0),
        ("PosttrainPnPNovelFromTrayToTieredshelfSplitA", 1),
        ("PnPCupToDrawerClose", 1),
        ("PnPPotatoToMicrowaveClose", 1),
        ("PnPWineToCabinetClose", 3),
    ],
)
def test_it_solves_an_easy_scene_of_every_family_and_success_lasts(make_env, task, seed):
    env = make_env(task)
    agent, spec = begin(env, task, seed)
    success, commands = act(env, agent, spec, 720)
    report = agent.report(spec.id)
    assert any(success[CHUNK - 1 :: CHUNK]), report
    assert all(success[-10:]), report
    assert report["finished"] and report["lifted"] and report["held_over_container"]
    assert len(success) < 400
    assert np.abs(np.diff([c[: 7 + 7] for c in commands], axis=0)).max() < 0.2  # no jumps in the arms


def test_the_same_seed_gives_the_same_commands_and_they_fit_the_contract(make_env):
    env = make_env()
    runs = []
    for _ in range(2):
        agent, spec = begin(env, PLATE_TO_BOWL, 2)
        chunk = agent.act({spec.id: {}})[spec.id]
        assert {c.name: (1, *c.shape) for c in ACTION} == {name: v.shape for name, v in chunk.items()}
        assert all(v.dtype == np.float32 and np.isfinite(v).all() for v in chunk.values())
        runs.append(act(env, agent, spec, 60)[1])
    assert np.array_equal(runs[0], runs[1])


def test_noise_moves_the_arms_only_smoothly_and_repeats_with_the_seed(make_env):
    env, runs = make_env(), []
    for _ in range(2):
        agent, spec = begin(env, PLATE_TO_BOWL, 2, Options(action_noise_rad=0.02))
        offsets = []
        for _ in range(200):
            chunk = agent.act({spec.id: {}})[spec.id]
            clean = agent.intended(spec.id)
            offsets.append(np.concatenate([chunk[c.name][0] - clean[c.name] for c in ACTION]))
            if agent.report(spec.id)["finished"]:
                break
        runs.append(np.array(offsets))
    assert np.array_equal(runs[0], runs[1])
    arms, rest = runs[0][:, :14], runs[0][:, 14:]
    assert (rest == 0).all()
    assert 0.012 < arms.std() < 0.028
    assert np.diff(arms, axis=0).std() < 0.6 * arms.std()  # memory 0.9: sqrt(2 (1 - 0.9)) = 0.45 of the spread


def test_after_its_end_the_script_holds_its_last_command(make_env):
    env = make_env()
    agent, spec = begin(env, PLATE_TO_BOWL, 0)
    agent._running(spec.id).script = iter(())  # a script that is over at once
    first, second = (agent.act({spec.id: {}})[spec.id] for _ in range(2))
    assert agent.report(spec.id)["finished"] and agent.report(spec.id)["steps"] == 0
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_without_an_environment_it_says_what_to_do():
    with pytest.raises(CrossbodyError, match=r"not attached to an environment. Run it through `evaluate`"):
        make(Options()).reset([EpisodeSpec(TASKS[PLATE_TO_BOWL], 0, 0)])


def test_negative_noise_is_refused():
    with pytest.raises(CrossbodyError, match="action_noise_rad is -1; it must be 0 or more"):
        make(Options(action_noise_rad=-1))


def test_an_episode_that_never_began_is_named():
    with pytest.raises(CrossbodyError, match="episode 'x/0000' was never begun; under way: none"):
        make(Options()).act({"x/0000": {}})
