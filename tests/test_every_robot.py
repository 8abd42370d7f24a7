"""Contract of a robot, over every configuration of the catalog: one TOML and one XML are all that it needs."""

from __future__ import annotations

import shutil
import tomllib

import mujoco
import numpy as np
import pytest
import torch

from crossbody import catalog
from crossbody.errors import CrossbodyError, UnknownName
from envs.humanoid import physics, robot
from envs.humanoid.backends.mujoco import compile_model
from envs.humanoid.kinematics import Kinematics
from envs.humanoid.motions.posing import PosingModel
from envs.humanoid.motions.quality import measure
from envs.humanoid.retarget.fit import Options, retarget
from tasks.motion.keypoints import INDEX, NAMES
from tests import motions
from tests.humanoids import standing, swaying_of

CONFIGURATIONS = robot.names()
STANDS_WITHIN_M = 0.01


@pytest.fixture(params=CONFIGURATIONS)
def its(request) -> robot.Robot:
    return robot.load(request.param)


def rest(its: robot.Robot) -> np.ndarray:
    """Return the key points (15, 3) in the default pose, the root at its height."""
    place, turn = torch.tensor([0.0, 0, its.default_height]), torch.tensor([1.0, 0, 0, 0])
    return Kinematics(its).keypoints(place, turn, torch.tensor(its.default_angles, dtype=torch.float32)).numpy()


def test_every_robot_of_the_catalog_has_a_configuration_named_after_it():
    for family, entry in catalog.entries("robots").items():
        data = tomllib.loads(open(entry.target).read())
        assert data["title"] and data["default"] in data["configurations"]
        assert all(name.startswith(f"{family}_") for name in data["configurations"])
        assert data["default"] in CONFIGURATIONS


def test_every_motor_has_limits_gains_and_a_source(its):
    joints = len(its.joint_names)
    assert its.stiffness.shape == its.damping.shape == its.action_scale.shape == its.loose.shape == (joints,)
    for values in (its.effort, its.speed, its.stiffness, its.damping, its.action_scale):
        assert np.isfinite(values).all() and (values > 0).all()
    assert all(hinge.armature > 0 for hinge in its.hinges)
    assert ((its.default_angles >= its.limits[:, 0]) & (its.default_angles <= its.limits[:, 1])).all()
    assert all(its.sources.values()) and its.title


def test_the_key_points_are_a_body_that_stands_and_faces_x(its):
    points = rest(its)
    for left in [name for name in NAMES if name.startswith("left_")]:
        mirrored = points[INDEX[left.replace("left", "right")]] * [1, -1, 1]
        np.testing.assert_allclose(points[INDEX[left]], mirrored, atol=2e-3, err_msg=left)
        assert points[INDEX[left], 1] > 0, left
    height = {name: points[INDEX[name], 2] for name in ("left_ankle", "left_knee", "left_hip", "torso", "head")}
    assert sorted(height, key=lambda name: height[name]) == list(height)
    assert height["left_ankle"] == pytest.approx(its.sole_m, abs=STANDS_WITHIN_M)


def test_its_model_stands_on_its_soles(its):
    model = compile_model(its, physics.DT)
    data = mujoco.MjData(model)
    data.qpos[2], data.qpos[3], data.qpos[7:] = its.default_height, 1, its.default_angles
    mujoco.mj_forward(model, data)
    soles = (model.geom_condim == 3) & (model.geom_bodyid > 0)
    bottoms = data.geom_xpos[soles, 2] - model.geom_size[soles, 0]
    assert len(bottoms) == 8 and np.abs(bottoms).max() < STANDS_WITHIN_M
    feet = {model.body(int(body)).name for body in model.geom_bodyid[soles]}
    assert feet == {its.carrier("left_ankle"), its.carrier("right_ankle")}
    places, _ = Kinematics(its, dtype=torch.float64).bodies(*(torch.tensor(v) for v in np.split(data.qpos, (3, 7))))
    np.testing.assert_allclose(data.xpos[1:], places.numpy(), atol=1e-6)
    corners = PosingModel(its).soles(data.qpos[None].copy())[0]
    assert np.abs(corners[..., 2]).max() < STANDS_WITHIN_M


@pytest.mark.sim
def test_it_holds_its_default_pose_for_half_a_second_with_and_without_a_payload(its):
    world = physics.make("mujoco", its, 2, threads=1)
    world.set_properties(torch.tensor([1]), physics.Properties(*torch.tensor([[0.8], [3.0], [1.0]])))
    world.reset_idx(torch.arange(2), *standing(its, 2))
    world.step(100)
    heights = world.root_state[:, 2]
    torso = world.body_names.index(its.carrier("torso"))
    world.close()
    assert bool((heights > 0.8 * its.default_height).all()) and float((heights[0] - heights[1]).abs()) > 1e-5
    assert torso > 0


@pytest.mark.sim
def test_it_follows_a_persons_motion(its):
    found = retarget(motions.motion("wave", frames=20), its, 50.0, Options(iterations=60))
    assert found.errors_mm().mean() < 40
    assert found.motion.joint_names == its.joint_names
    assert measure(found.motion, PosingModel(its)).lines()[0].startswith("feet: slide at")


@pytest.mark.sim
def test_the_tracking_task_runs_on_it(its):
    from envs.humanoid.task import Task

    task = Task(physics.make("mujoco", its, 2, threads=1), [swaying_of(its)])
    task.reset(0)
    _, reward, terminated, _, _ = task.step(torch.zeros(2, len(its.joint_names)))
    task.close()
    assert bool((reward > 0).all()) and not bool(terminated.any())


def test_a_robot_is_found_by_its_two_files_alone(tmp_path, monkeypatch):
    folder = catalog.ROOT / catalog.KINDS["robots"].folder
    text = (folder / "g1.toml").read_text().replace("g1_", "copy_").replace("g1.xml", "copy.xml")
    (tmp_path / "copy.toml").write_text(text.replace("Unitree G1", "A copy"))
    shutil.copy(folder / "g1.xml", tmp_path / "copy.xml")
    monkeypatch.setitem(catalog.KINDS, "robots", catalog.Kind(str(tmp_path)))
    caches = (catalog.entries, robot._data, robot._xml, robot._tree)
    for cache in caches:
        cache.cache_clear()
    try:
        assert robot.names() == ("copy_23", "copy_24", "copy_29")
        assert (robot.load("copy_23").title, len(robot.load("copy_23").joint_names)) == ("A copy", 23)
        with pytest.raises(UnknownName, match="unknown robot 'g1_23'"):
            robot.load("g1_23")
        (tmp_path / "copy.toml").write_text(text.replace('body = "left_knee_link"', 'body = "left_tail_link"'))
        robot._data.cache_clear()
        with pytest.raises(CrossbodyError, match="key point left_knee: the model has no body 'left_tail_link'"):
            robot.load("copy_23")
    finally:
        for cache in caches:
            cache.cache_clear()
