"""The RoboCasa GR1 environment: its traps, its contract over all 97 tasks, and what it says to bad input."""

from __future__ import annotations

import copy
import os
import subprocess
import sys

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from crossbody.contracts import scene_hash
from crossbody.errors import InvalidAction, UnknownName
from envs.registration import TIME_LIMIT, register
from envs.robocasa.limits import joint_ranges
from envs.robocasa.state import SceneMismatch
from tasks import gr1
from tasks.suite import load_suite

pytestmark = pytest.mark.sim
register()
TASK = "PosttrainPnPNovelFromPlateToBowlSplitA"
ALL_TASKS = [t.name for suite in ("robocasa_gr1", "robocasa_ood") for t in load_suite(suite).tasks]
STATES = [c.name for c in gr1.STATE]


def hold(observation, steps: int = 1) -> dict[str, np.ndarray]:
    """Return the chunk that keeps every joint where it is."""
    return {name.replace("state", "action"): np.repeat(observation[name][None], steps, 0) for name in STATES}


@pytest.fixture(scope="module")
def shared_env(pack):
    """One environment for the tests that leave nothing behind in it."""
    from envs.robocasa.env import RoboCasaGR1

    env = RoboCasaGR1(TASK, privileged=True)
    yield env
    env.close()


# --- traps -----------------------------------------------------------------------------------------------------------


def test_the_seed_fixes_the_scene_whatever_came_before(shared_env):
    first = scene_hash(shared_env.reset(seed=11)[1]["scene"])
    other = scene_hash(shared_env.reset(seed=12)[1]["scene"])
    assert first != other
    assert scene_hash(shared_env.reset(seed=11)[1]["scene"]) == first


def test_without_our_seeding_the_package_draws_another_scene_each_time(shared_env):
    task = shared_env.simulator.task
    names = []
    for _ in range(2):
        np.random.seed(3)  # noqa: NPY002  all that the package's own reset(seed=3) does
        task.reset()
        names.append([task.sim.data.qpos.round(6).tolist()])
    assert names[0] != names[1]


def test_a_scene_is_the_same_in_another_process(shared_env):
    here = scene_hash(shared_env.reset(seed=11)[1]["scene"])
    code = (
        "from crossbody import gl; gl.prepare()\n"
        "from envs.robocasa.env import RoboCasaGR1; from crossbody.contracts import scene_hash\n"
        f"env = RoboCasaGR1({TASK!r}); print('HASH', scene_hash(env.reset(seed=11)[1]['scene']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONHASHSEED": "0"}, capture_output=True, text=True
    )
    assert f"HASH {here}" in done.stdout, done.stderr[-2000:]


@pytest.mark.parametrize("salt", ["1", "random"])
def test_an_interpreter_with_a_salted_hash_is_refused(pack, salt):
    code = f"from envs.robocasa.package import load; load({str(pack.root)!r})"
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONHASHSEED": salt}, capture_output=True, text=True
    )
    assert done.returncode != 0
    assert "Set PYTHONHASHSEED=0 before Python starts" in done.stderr


def test_basket_4_is_never_sampled(shared_env):
    from robocasa_gr1.models.objects.kitchen_objects import OBJ_CATEGORIES

    from envs.robocasa import package

    category = next(iter(OBJ_CATEGORIES["basket"].values()))
    kept = list(category.mjcf_paths)
    category.mjcf_paths = [*kept, "objects/lightwheel/basket/basket_4/model.xml"]
    package._drop_basket_4()
    assert category.mjcf_paths == kept


def test_declared_spaces_hold_radians(shared_env):
    observation, _ = shared_env.reset(seed=1)
    assert shared_env.observation_space.contains(observation)
    elbow = shared_env.action_space["action.left_arm"]
    assert elbow.low[3] == pytest.approx(-3.0)  # the package declares -1 … 1 for every joint
    assert observation["state.left_arm"][3] < -1


def test_the_hand_channels_are_in_groot_order(shared_env):
    observation, _ = shared_env.reset(seed=1)
    for _ in range(30):
        target = hold(observation)
        target["action.right_hand"] = np.array([[0, 0, 0, 1.2, 0, 1.5]], np.float32)  # index and thumb yaw only
        result = shared_env.step_chunk(target)
    hand = result.observation["state.right_hand"]
    assert hand[3] > 0.6 and hand[5] > 0.8 and np.abs(hand[[0, 1, 2]]).max() < 0.3


def test_the_environment_never_terminates_and_the_time_limit_truncates(shared_env):
    observation, _ = shared_env.reset(seed=1)
    _, reward, terminated, truncated, info = shared_env.step({k: v[0] for k, v in hold(observation).items()})
    assert (reward, terminated, truncated, info["success"]) == (0.0, False, False, False)
    assert gymnasium.spec("crossbody/RoboCasaGR1-v1").max_episode_steps == TIME_LIMIT == 720


def test_the_instruction_has_the_prefix_of_the_waist_robot(shared_env):
    observation, info = shared_env.reset(seed=1)
    assert observation["annotation.human.coarse_action"] == info["instruction"]
    assert info["instruction"].startswith("unlocked_waist: pick the ")
    assert info["instruction"].endswith(" from the plate and place it in the bowl")


def test_reseting_many_times_draws_new_distractors_not_the_first_ones(shared_env):
    shown = {tuple(o["category"] for o in shared_env.reset(seed=s)[1]["scene"]["objects"]) for s in range(6)}
    assert len(shown) > 3


# --- observations on request -----------------------------------------------------------------------------------------


def test_pictures_are_rendered_only_when_somebody_reads_them(shared_env, monkeypatch):
    drawn = []
    monkeypatch.setattr(shared_env._renderer, "ego", lambda *a: drawn.append(1) or {})
    observation, _ = shared_env.reset(seed=1, options={"observe": STATES})
    shared_env.step_chunk(hold(observation, 4))
    assert set(observation) == set(STATES) and not drawn


def test_privileged_channels_come_only_on_request(shared_env, make_env):
    assert gr1.OBJECT_POSES.name in shared_env.observation_space.spaces
    assert gr1.OBJECT_POSES.name not in make_env(TASK).observation_space.spaces
    observation, info = shared_env.reset(seed=1, options={"observe": [gr1.OBJECT_POSES.name]})
    assert observation[gr1.OBJECT_POSES.name].shape == (len(info["scene"]["objects"]), 7)
    with pytest.raises(UnknownName, match="unknown observation channel 'video.ego'. Did you mean 'video.ego_view'"):
        shared_env.reset(seed=1, options={"observe": ["video.ego"]})


# --- scenes ----------------------------------------------------------------------------------------------------------


def test_a_scene_manifest_is_replayed_and_a_changed_one_refused(shared_env):
    scene = shared_env.reset(seed=21)[1]["scene"]
    shared_env.reset(seed=22)
    assert shared_env.reset(options={"scene": scene})[1]["scene"] == scene
    moved = copy.deepcopy(scene)
    moved["qpos"][-1] += 1e-9
    del moved["state"]
    with pytest.raises(SceneMismatch, match=r"came out differently here \(qpos\)"):
        shared_env.reset(options={"scene": moved})
    with pytest.raises(SceneMismatch, match=f"it belongs to task Other, not {TASK}"):
        shared_env.reset(options={"scene": scene | {"task": "Other"}})
    with pytest.raises(SceneMismatch, match="its format is version 0, this is version 1"):
        shared_env.reset(options={"scene": scene | {"version": 0}})
    with pytest.raises(SceneMismatch, match="it was made with asset pack generated ffff"):
        shared_env.reset(options={"scene": scene | {"assets": {"name": "generated", "sha256": "ffff"}}})


# --- bad actions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            {"action.left_arm": np.full((1, 7), np.nan)},
            r"action.left_arm\[0\] \(l_shoulder_pitch\) is nan at step 0 of the chunk; expected radians",
        ),
        (
            {"action.waist": np.zeros((1, 4))},
            r"action.waist: expected an array \(steps, 3\) of radians, got shape \(1, 4\)",
        ),
        (
            {"action.right_arm": np.full((1, 7), -90.0)},
            r"action.right_arm\[0\] \(r_shoulder_pitch\) is -90 .*goes from -3.00 to 3.00 rad.*are these degrees",
        ),
        (
            {"action.waist": np.zeros((2, 3))},
            "same number of steps; got left_arm 1, right_arm 1, left_hand 1, right_hand 1, waist 2",
        ),
        ({"action.neck": np.zeros((1, 3))}, "expected the action channels action.left_arm, .*action.neck"),
    ],
)
def test_a_bad_action_is_explained_before_anything_moves(shared_env, change, text):
    observation, _ = shared_env.reset(seed=1)
    before = shared_env.simulator.data.qpos.copy()
    with pytest.raises(InvalidAction, match=text):
        shared_env.step_chunk(hold(observation) | change)
    assert np.array_equal(before, shared_env.simulator.data.qpos)


def test_targets_a_little_past_the_range_are_passed_on(shared_env):
    observation, _ = shared_env.reset(seed=1)
    target = hold(observation)
    target["action.left_hand"] = np.full((1, 6), 3.0, np.float32)  # what recorded hands are told when they close
    shared_env.step_chunk(target)


def test_an_unknown_task_gets_the_nearest_name(pack):
    from envs.robocasa.env import RoboCasaGR1

    with pytest.raises(
        UnknownName, match="unknown RoboCasa task 'PnPCupToDrawerClosed'. Did you mean 'PnPCupToDrawerClose'"
    ):
        RoboCasaGR1("PnPCupToDrawerClosed")
    with pytest.raises(UnknownName, match="unknown render preset 'faithfull'. Did you mean 'faithful'"):
        RoboCasaGR1(TASK, render_preset="faithfull")


# --- contracts -------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore")
def test_gymnasium_accepts_the_environment(shared_env):
    check_env(shared_env, skip_render_check=True)


@pytest.mark.parametrize("task", ALL_TASKS)
def test_every_task_loads_resets_steps_and_reports_success(make_env, task):
    env = gymnasium.make(f"crossbody/{task}-v1", disable_env_checker=True)
    try:
        observation, info = env.reset(seed=5)
        assert env.observation_space.contains(observation)
        assert len(info["instruction"]) > len("unlocked_waist: ") and "obj" in [
            o["name"] for o in info["scene"]["objects"]
        ]
        picture = observation["video.ego_view"]
        assert picture.shape == (256, 256, 3) and picture.std() > 20
        limits = np.concatenate([joint_ranges()[part] for part in gr1.PARTS])
        start = np.concatenate([observation[name] for name in STATES])
        assert ((start > limits[:, 0] - 0.5) & (start < limits[:, 1] + 0.5)).all()
        result = env.unwrapped.step_chunk(hold(observation, 3))
        assert result.success == [False] * 3, "a scene must not begin solved"
        assert {f"state.{part}": (3, n) for part, n in gr1.PARTS.items()}.items() <= {
            name: values.shape for name, values in result.signals.items()
        }.items()
        assert all(np.isfinite(v).all() for v in result.signals.values())
        assert env.observation_space.contains(dict(result.observation))
    finally:
        env.close()


def test_the_97_tasks_are_all_there():
    assert len(set(ALL_TASKS)) == 97
