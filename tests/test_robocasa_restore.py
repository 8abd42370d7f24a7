"""A recorded scene is restored: its start is the same to the last bit, whatever the machine computes with."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest

from crossbody import arithmetic
from crossbody.contracts import scene_hash
from envs.robocasa.state import SceneMismatch, State
from tests.kernels import other_kernels, python

pytestmark = pytest.mark.sim
TASK = "PretrainPnPNovelFromPlateToTieredshelfSplitA"

STARTS = """
import json, pathlib, sys
import mujoco, numpy
from crossbody.errors import CrossbodyError
from envs.robocasa import entry

folder = pathlib.Path(sys.argv[1])
env = entry.make(task=sys.argv[2])


def start(**options):
    scene = env.reset(seed=5, options={"observe": (), **options})[1]["scene"]
    model, data = env.simulator.model, env.simulator.data
    state = numpy.empty(mujoco.mj_stateSize(model, mujoco.mjtState.mjSTATE_INTEGRATION))
    mujoco.mj_getState(model, data, state, mujoco.mjtState.mjSTATE_INTEGRATION)
    return scene, state.tobytes().hex()


fresh, bits = start()
file = folder / "scene.json"
if file.exists():
    recorded = json.loads(file.read_text())
    scene, restored = start(scene=recorded)
    try:
        old = start(scene={k: v for k, v in recorded.items() if k != "state"}) and "as recorded"
    except CrossbodyError as error:
        old = str(error)
    print(json.dumps({"fresh": bits, "restored": restored, "scene": scene, "old": old}))
else:
    file.write_text(json.dumps(fresh))
    print(json.dumps({"fresh": bits, "restored": bits, "scene": fresh, "old": ""}))
"""


@pytest.fixture(scope="module")
def env(pack):
    from envs.robocasa.env import RoboCasaGR1

    made = RoboCasaGR1(TASK)
    yield made
    made.close()


def reset(env, **options):
    """Return the manifest of a scene that is built without pictures."""
    return env.reset(seed=5, options={"observe": (), **options})[1]["scene"]


def play(env, steps: int = 20) -> list[bytes]:
    """Return the states that a fixed sequence of targets leads through."""
    draw = np.random.default_rng(1)
    seen = []
    for _ in range(steps):
        targets = {k: q + draw.normal(0, 0.1, q.shape) for k, q in env.simulator.joint_positions().items()}
        env.simulator.step(targets)
        seen.append(env.simulator.data.qpos.tobytes() + env.simulator.data.qvel.tobytes())
    return seen


@pytest.mark.slow
def test_a_start_recorded_under_other_kernels_is_restored_to_the_last_bit(pack, tmp_path):
    native = {arithmetic.SWITCH: arithmetic.NATIVE}
    there = json.loads(python(STARTS, str(tmp_path), TASK, **native))
    here = json.loads(python(STARTS, str(tmp_path), TASK, **native, **other_kernels()))
    assert here["restored"] == there["restored"] and here["scene"] == there["scene"]
    assert here["fresh"] != there["fresh"], "these kernels do not differ, so the test shows nothing"
    assert "its manifest records no state (velocities, controls, the solver's start)" in here["old"]
    assert "older than that" in here["old"]


def test_an_episode_from_a_restored_start_goes_as_the_recorded_one_did(env):
    recorded = json.loads(json.dumps(reset(env)))
    first = play(env)
    env.reset(seed=6, options={"observe": ()})
    assert reset(env, scene=recorded) == recorded
    assert play(env) == first


def test_nothing_draws_random_numbers_after_a_reset(env):
    import random

    def generators():
        return str((env.simulator.task.rng.bit_generator.state, np.random.get_state(), random.getstate()))  # noqa: NPY002

    reset(env)
    before = generators()
    play(env, 10)
    assert generators() == before


def test_all_that_mujoco_integrates_is_in_the_state(env):
    import mujoco

    reset(env)
    model, data = env.simulator.model, env.simulator.data
    kept = mujoco.mjtState
    bits = kept.mjSTATE_TIME | kept.mjSTATE_QPOS | kept.mjSTATE_QVEL | kept.mjSTATE_CTRL | kept.mjSTATE_WARMSTART
    rest = int(kept.mjSTATE_INTEGRATION) & ~int(bits)
    moved, new = (np.empty(mujoco.mj_stateSize(model, rest)) for _ in range(2))
    play(env, 3)
    mujoco.mj_getState(model, data, moved, rest)
    mujoco.mj_getState(model, mujoco.MjData(model), new, rest)
    assert np.array_equal(moved, new)  # applied forces, equalities, mocap bodies: as the model has them


def test_a_manifest_without_state_still_works_where_simulation_agrees(env):
    recorded = reset(env)
    old = {k: v for k, v in recorded.items() if k != "state"}
    assert reset(env, scene=old) == recorded
    assert scene_hash(old) == scene_hash(recorded)


@pytest.mark.parametrize("key", ["instruction", "layout", "style", "fixtures", "model"])
def test_another_model_is_refused_and_named(env, key):
    changed = reset(env) | {key: "another"}
    with pytest.raises(
        SceneMismatch, match=rf"came out differently here \({key}\): the simulator's or the robot's versions"
    ):
        reset(env, scene=changed)


def test_other_objects_are_refused_and_other_poses_are_restored(env):
    recorded = copy.deepcopy(reset(env))
    recorded["objects"][0]["position"][0] += 1e-9
    recorded["qpos"][0] += 1e-9
    assert reset(env, scene=recorded) == recorded and env.simulator.data.qpos[0] == recorded["qpos"][0]
    recorded["objects"][0]["model"] = "objects/other/model.xml"
    with pytest.raises(SceneMismatch, match=r"came out differently here \(objects\)"):
        reset(env, scene=recorded)


def test_a_state_of_another_size_is_refused(env):
    recorded = copy.deepcopy(reset(env))
    recorded["qpos"].pop()
    wanted = r"has \d+ positions, \d+ velocities and 39 actuators here, the recorded state has \d+, \d+ and 39"
    with pytest.raises(SceneMismatch, match=wanted):
        reset(env, scene=recorded)
    del recorded["state"]["ctrl"], recorded["state"]["time"]
    with pytest.raises(SceneMismatch, match="cannot be replayed: its state lacks ctrl, time"):
        reset(env, scene=recorded)


def test_a_state_survives_json_to_the_last_bit(env):
    scene = json.loads(json.dumps(reset(env)))
    state, now = State.parse(scene), State.read(env.simulator.data)
    assert all(np.array_equal(a, b) for a, b in zip(state.plain().values(), now.plain().values(), strict=True))
    assert np.array_equal(state.qpos, now.qpos)
